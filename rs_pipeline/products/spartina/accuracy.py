"""How well cordgrass is told from other plants of tidal flats, by which its area is published or withheld."""

from __future__ import annotations

from rs_pipeline.estimation.estimate import LEAST_F1, Estimate, missing

SIMULATED = {"f1": 0.7169, "users": 0.9451, "producers": 0.6164}
"""Accuracy of the pixels on the held-out coasts of tests/accuracy/table.csv."""

LEAST_HA = 0.5
"""Detection limit, ha: what is mapped on simulated coasts without cordgrass, and patches of it that are mostly missed, are smaller."""


def why_withheld(accuracy: dict[str, float] = SIMULATED) -> Estimate | None:
    """Why the area cannot be given: the map does not tell cordgrass from other plants."""
    if accuracy["f1"] >= LEAST_F1:
        return None
    said = "cordgrass is not told from other plants of the shore: user's accuracy {users:.0f} %, producer's {producers:.0f} % on simulated worlds"
    return missing("insufficient_data", said.format(users=100 * accuracy["users"], producers=100 * accuracy["producers"]))
