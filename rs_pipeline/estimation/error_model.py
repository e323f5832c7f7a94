"""The error model of a map's mean: a random part that averages out over an area, and a systematic part that does not.

The random part propagates the pixels' own standard errors, correlated over some hundred metres (``propagation``; ``zonal`` sums it). The systematic part
is a number of ``basis``, the quantity that the error of the indicator grows with (named in ERRORS' ``basis``), learnt from simulated
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
    """How far the truth may lie below and above the value, in numbers of the basis, in 95 % of the development worlds' values."""

    below: float
    above: float
    worlds: int
    values: int
    random: float = 1.0
    """How much of the pixels' own errors is seen: 1, or less where values scatter by less than these alone would let them."""


@dataclass(frozen=True)
class Spread:
    """The parts of a ``model95`` interval, in the unit of the value."""

    random95: float
    """Half width of the random part."""
    basis: float
    """What the systematic part is a number of."""
    systematic: Systematic | None
    """None where no development world shows this indicator."""
    undecided: tuple[float, float] = (0.0, 0.0)
    """How far below and above the value the truth lies if all that was not decided falls that way, but for the units of ``lasting``."""
    indicator: str = ""
    """Row of the table that the systematic part is of."""
    lasting: Mapping[Hashable, tuple[float, float]] = field(default_factory=dict)
    """Likewise of each unit that was not decided and is what it is for years, such as a unit of the coast."""
    unseen: tuple[float, float] = (0.0, 0.0)
    """What was not seen, 95 % half widths below and above."""
    turned: bool = False
    """The value is all but the amount of ``indicator``."""

    @property
    def all_undecided(self) -> tuple[float, float]:
        """How far below and above the value the truth lies if all that was not decided falls that way."""
        low, high = zip(self.undecided, *self.lasting.values(), strict=True)
        return math.fsum(low), math.fsum(high)

    @property
    def pixels95(self) -> float:
        """Half width that the pixels' own errors would make, had the table not learnt how much of them is seen."""
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
        """That of the rest, where the whole is exact: what lies below the one lies above the other."""
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
        """The interval; empty without a systematic part: the random one alone would promise too much."""
        s = self.systematic
        if s is None or not math.isfinite(self.random95) or not math.isfinite(self.basis):
            return Interval(value)
        lower, upper = (
            math.hypot(u + math.hypot(self.random95, k * self.basis), unseen)
            for u, k, unseen in zip(self.all_undecided, (s.below, s.above), self.unseen, strict=True)
        )
        return Interval(value, value - lower, value + upper, "model95")

    def words(self) -> str:
        """The interval's origin for a reader."""
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
    """The spread of an indicator's mean. All numbers are in the unit of that mean."""
    learnt = systematic_errors().get(indicator)
    return Spread(Z95 * random_sd * (learnt.random if learnt else 1.0), basis, learnt, undecided, indicator, lasting or {})
