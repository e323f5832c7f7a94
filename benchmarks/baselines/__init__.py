"""Baselines: methods in common use, run on the same scenes as ours, so that accuracies can be compared.

The baselines read the chips of a finished run: they get our radiometric offsets, our cloud, shadow and snow masks, our choice
of dates (season, tide window) and our monthly votes. That favours them; only the method itself differs.
"""
