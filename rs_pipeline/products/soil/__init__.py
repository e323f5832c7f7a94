"""Soil loss by water, and the rate of land that keeps its soil."""
