"""The simulated world: a small coast with known truth, served as a static STAC catalog.

Everything made here is SIMULATED and says so. Accuracy measured on it is conditional on its forward models.
"""
