"""Names that the step and the indicators of the coast share, in a module of their own, so that the command need not load the step's libraries."""

from __future__ import annotations

NATURAL, ARTIFICIAL, MOUTH, UNCERTAIN = "natural", "artificial", "river mouth", "uncertain"
"""Classes of a coast unit. DB33/T 2106-2018 has three at its first level: natural, artificial and estuary (Jia et al. 2019, Marine Sciences
43(10):13-23); a river mouth is its estuary."""

MIN_STEP_M = 100.0
"""Least lasting change within rates.STEP_YEARS that counts as a step (reclamation, removal of a dyke), metres."""
