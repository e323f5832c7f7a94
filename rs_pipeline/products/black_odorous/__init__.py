"""Suspected black-and-odorous water: only its colour is observable, so a call is a suspicion with a probability."""
