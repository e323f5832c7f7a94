"""Attacks on a run, by kind: a module a kind, each with a tuple ``ATTACKS``."""
