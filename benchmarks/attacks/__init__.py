"""Attacks on a run, one module for each kind; each has a tuple ``ATTACKS``."""
