"""Accuracy of a run: its outputs against the truth of the simulated world it was made from.

metrics        the formulas, arrays and counts in, one number out
truth          what is truly there, on the 10 m grid of the world
vegetation, water, black_odorous, coastline, land, counties, missing, radiometry
               one product each: arrays or tables and the truth in, a list of `Score` out
run            `score_run`: reads the outputs of a run and computes all scores

A score without data is NaN with ``n`` 0; it is never left out and never 0.
"""
