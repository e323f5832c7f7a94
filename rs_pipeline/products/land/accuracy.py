"""Whether the land map tells a class from others: its accuracy on simulated worlds and, where there are enough of them, on real pixels."""

from __future__ import annotations

from collections.abc import Mapping

from rs_pipeline.estimation.estimate import LEAST_F1, Estimate, missing

MIN_REAL_PIXELS = 20
"""Least real pixels to test a class."""


def not_told(accuracy: Mapping[str, Mapping], name: str) -> Estimate | None:
    """Why a class cannot be given, by the accuracy of each in the model's report: the map does not tell it from others. None where it does."""
    a = accuracy[name]
    words = "{name} is not told from {other}: user's accuracy {users:.0f} %, producer's {producers:.0f} % on {where}"
    if a["f1"] < LEAST_F1:
        return missing("insufficient_data", _accuracy(words, a, name=name, other="other cover", where="simulated worlds"))
    if tested(a) and a["real"]["f1"] < LEAST_F1:
        return missing("insufficient_data", _accuracy(words, a["real"], name=name, other=a["real"]["taken_for"], where=f"{a['real']['n']} real pixels"))
    return None


def _accuracy(words: str, a: Mapping[str, float], **others: str) -> str:
    return words.format(users=100 * a["users"], producers=100 * a["producers"], **others)


def tested(accuracy: Mapping) -> bool:
    """Whether a class was tested on enough real pixels."""
    return accuracy.get("real", {}).get("n", 0) >= MIN_REAL_PIXELS
