"""The error model of a map's mean: a random part that averages out over an area, and a systematic part that does not.

The random part propagates the pixels' own standard errors, correlated over some hundred metres (``propagation``; ``zonal`` sums it). The systematic part
is a multiple of ``basis``, the quantity that the error of the indicator is proportional to, calibrated on simulated
worlds of development seeds: ``python -m benchmarks.accuracy.errors`` makes ``config/errors.csv``.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from rs_pipeline.estimation.uncertainty import Z95, Interval
from rs_pipeline.paths import config_folder


@dataclass(frozen=True)
class Systematic:
    """How far the truth lies below and above the value in 95 % of the values of the development worlds, in multiples of the basis."""

    below: float
    above: float
    worlds: int
    values: int
    random: float = 1.0
    """Factor on the random part: 1, or less where values scatter less than the pixels' standard errors alone imply."""


@dataclass(frozen=True)
class Spread:
    """The parts of a ``model95`` interval, in the unit of the value."""

    random95: float
    """Half width of the random part."""
    basis: float
    """Quantity that the systematic part is a multiple of."""
    systematic: Systematic | None
    """None where no development world has this indicator."""
    undecided: tuple[float, float] = (0.0, 0.0)
    """How far below and above the value the truth lies if every undecided item falls that way; without the items of ``lasting``."""
    indicator: str = ""
    """Row of the table that the systematic part comes from."""
    lasting: Mapping[Hashable, tuple[float, float]] = field(default_factory=dict)
    """The same for each undecided unit that stays the same over the years, such as a unit of the coast, by its key."""
    unseen: tuple[float, float] = (0.0, 0.0)
    """Contribution of the unobserved part, 95 % half widths below and above."""
    turned: bool = False
    """Whether the value is the complement (whole minus amount) of ``indicator``."""
    of_changes: bool = False
    """Whether it describes only changes between periods. The interval of the level itself then comes from elsewhere."""

    @property
    def all_undecided(self) -> tuple[float, float]:
        """How far below and above the value the truth lies if every undecided unit, lasting or not, falls that way."""
        low, high = zip(self.undecided, *self.lasting.values(), strict=True)
        return math.fsum(low), math.fsum(high)

    @property
    def pixels95(self) -> float:
        """Half width from the pixels' own standard errors, without the factor ``Systematic.random``."""
        return self.random95 / (self.systematic.random if self.systematic else 1.0)

    def times(self, factor: float) -> Spread:
        def scaled(pair: tuple[float, float]) -> tuple[float, float]:
            return pair[0] * factor, pair[1] * factor

        return replace(
            self,
            random95=self.random95 * factor,
            basis=self.basis * factor,
            undecided=scaled(self.undecided),
            unseen=scaled(self.unseen),
            lasting={unit: scaled(pair) for unit, pair in self.lasting.items()},
        )

    def mirrored(self) -> Spread:
        """The spread of the complement (whole minus amount, the whole being exact): below and above are exchanged."""
        systematic = self.systematic and replace(self.systematic, below=self.systematic.above, above=self.systematic.below)
        return replace(
            self,
            systematic=systematic,
            undecided=self.undecided[::-1],
            unseen=self.unseen[::-1],
            turned=not self.turned,
            lasting={unit: pair[::-1] for unit, pair in self.lasting.items()},
        )

    def around(self, value: float) -> Interval:
        """The interval around a value; without bounds where there is no systematic part, because the random part alone would be too narrow."""
        s = self.systematic
        if s is None or not math.isfinite(self.random95) or not math.isfinite(self.basis):
            return Interval(value)
        lower, upper = (
            math.hypot(u + math.hypot(self.random95, k * self.basis), unseen)
            for u, k, unseen in zip(self.all_undecided, (s.below, s.above), self.unseen, strict=True)
        )
        return Interval(value, value - lower, value + upper, "model95")

    def words(self) -> str:
        """The origin of the level's interval, in words; empty where it comes from elsewhere."""
        if self.of_changes:
            return ""
        if self.systematic is None:
            return "no simulated world shows how wrong this indicator is: no interval"
        s, (low, high) = self.systematic, self.all_undecided
        return (
            (f"what was not decided -{low:.3g}/+{high:.3g}; " if low or high else "")
            + (f"random part +-{self.random95:.3g}; " if self.random95 else "")
            + "systematic part "
            f"-{s.below * self.basis:.3g}/+{s.above * self.basis:.3g}, from {s.values} values of {s.worlds} simulated worlds"
        )


@cache
def systematic_errors() -> dict[str, Systematic]:
    """``config/errors.csv`` by indicator."""
    with open(config_folder() / "errors.csv", encoding="utf-8", newline="") as file:
        return {
            row["indicator"]: Systematic(float(row["below"]), float(row["above"]), int(row["worlds"]), int(row["values"]), float(row["random"]))
            for row in csv.DictReader(file)
        }


def spread(
    indicator: str,
    random_sd: float,
    basis: float = 1.0,
    undecided: tuple[float, float] = (0.0, 0.0),
    lasting: Mapping[Hashable, tuple[float, float]] | None = None,
) -> Spread:
    """The spread of an indicator's mean, from its random standard error and its basis. All numbers are in the unit of that mean."""
    learnt = systematic_errors().get(indicator)
    return Spread(Z95 * random_sd * (learnt.random if learnt else 1.0), basis, learnt, undecided, indicator, lasting or {})
