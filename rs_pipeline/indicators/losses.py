"""Units that lost more of a period's scenes than indicators.max_lost_share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq

from rs_pipeline.config import Settings
from rs_pipeline.estimation.estimate import lost_too_many
from rs_pipeline.layout import Layout

_COLUMNS = ["adcode", "zone", "n_scenes", "lost_scene_ids", "lost_reason"]


@dataclass(frozen=True)
class LostUnits:
    """Units that lost more than indicators.max_lost_share of their scenes in a period."""

    period: str
    lost: int
    units: int
    """Number of all units of the period."""
    worst: str
    """The unit that lost the most scenes, with their number and the reason, in words."""

    def words(self) -> str:
        return f"{self.lost} of {self.units} units, {self.worst}"


def lost_units(settings: Settings) -> list[LostUnits]:
    """The losses of every period with units beyond the limit; periods that are not summed yet are skipped."""
    return list(_found(settings))


def _found(settings: Settings) -> Iterator[LostUnits]:
    for period in settings.all_periods:
        try:
            rows = pq.read_table(Layout(settings.root).counties(period.label), columns=_COLUMNS).to_pylist()
        except (OSError, ValueError, KeyError):  # missing, or written by another version
            continue
        units = {r["adcode"]: (len(r["lost_scene_ids"]), r["n_scenes"], r["lost_reason"]) for r in rows if r["zone"] == "county" and r["adcode"]}
        hit = {code: found for code, found in units.items() if lost_too_many(found[0], found[1], settings.indicators.max_lost_share)}
        if hit:
            code, (lost, used, reason) = max(hit.items(), key=lambda entry: entry[1][0])
            yield LostUnits(period.label, len(hit), len(units), f"{code} {lost} of {lost + used} scenes ({reason})")
