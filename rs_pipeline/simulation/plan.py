"""The plan of the scenes: dates, platforms, weather, and faults as in real catalogs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

SCENE_FAMILIES = {
    "sentinel-2": (("sentinel-2a", "sentinel-2b", "sentinel-2c"), (3, 2, 50)),
    "landsat": (("landsat-8", "landsat-9"), (6, 2, 44)),
    "sentinel-1": (("sentinel-1a",), (8, 21, 52)),
}
"""Platforms, which alternate, and day of January, hour and minute (UTC) of the first scene."""

EVERY_DAYS = {"sentinel-2": 10, "landsat": 16, "sentinel-1": 12}
"""Days between the scenes of a family."""


@dataclass(frozen=True)
class ScenePlan:
    """Properties of a scene, drawn before it is rendered."""

    index: int
    family: str
    """``sentinel-2``, ``landsat`` or ``sentinel-1``."""
    platform: str
    when: datetime
    cloud_cover: float = 0.0
    """Share of the world under cloud, 0-1."""
    cirrus: bool = False
    wedge: bool = False
    """Part of the world lies outside the swath."""
    offset_in_pixels: bool = True
    """Sentinel-2: +1000 is still in the numbers."""
    offset_flagged: bool | None = True
    """The same according to the metadata; None where they state nothing."""
    dark_as_shadow: bool = False
    """The mask calls dark water shadow or dark area."""
    bright_as_cloud: bool = False
    duplicate: bool = False
    """The catalog has a second item of the scene, from an older processing."""
    corrupt: bool = False
    """One file is truncated."""

    @property
    def wrong_flag(self) -> bool:
        """Whether the metadata contradict the pixels."""
        return self.offset_flagged is not None and self.offset_flagged != self.offset_in_pixels

    def rng(self, seed: int) -> np.random.Generator:
        return np.random.default_rng([seed, 21 + list(SCENE_FAMILIES).index(self.family), self.index])


def plan_scenes(seed: int, years: tuple[int, ...], every_days: dict[str, int] = EVERY_DAYS) -> list[ScenePlan]:
    """All scenes of a world in time order, family by family. Same seed, same plan."""
    plans: list[ScenePlan] = []
    end = datetime(years[-1] + 1, 1, 1, tzinfo=UTC)
    for order, (family, (platforms, (day, hour, minute))) in enumerate(SCENE_FAMILIES.items()):
        rng = np.random.default_rng([seed, 31, order])
        start = datetime(years[0], 1, day, hour, minute, tzinfo=UTC)
        for i in range(-(-(end - start).days // every_days[family])):
            when = start + timedelta(days=i * every_days[family], seconds=int(rng.integers(0, 60)))
            plan = ScenePlan(i, family, platforms[i % len(platforms)], when)
            plans.append(replace(plan, wedge=bool(rng.random() < 0.10)) if family == "sentinel-1" else _with_weather(plan, rng))
    return _with_faults(plans, np.random.default_rng([seed, 32]))


def _with_weather(plan: ScenePlan, rng: np.random.Generator) -> ScenePlan:
    clear = rng.random() < 0.47
    cover = float(rng.choice([0.0, rng.uniform(0, 0.07)])) if clear else float(rng.uniform(0.08, 0.95))
    offset = plan.family == "sentinel-2" and bool(rng.random() < 0.65)
    return replace(
        plan,
        cloud_cover=cover,
        offset_in_pixels=offset,
        offset_flagged=offset,
        cirrus=bool(rng.random() < 0.10),
        wedge=bool(rng.random() < 0.10),
        dark_as_shadow=bool(rng.random() < 0.25),
        bright_as_cloud=bool(rng.random() < 0.15),
    )


def _with_faults(plans: list[ScenePlan], rng: np.random.Generator) -> list[ScenePlan]:
    """One damaged file, two older duplicates, three wrong offset flags and two missing ones, on clear Sentinel-2 scenes; fewer
    where there are too few such scenes."""
    clear = [i for i, p in enumerate(plans) if p.family == "sentinel-2" and p.cloud_cover < 0.3 and not p.wedge]
    faults: tuple[dict[str, Any], ...] = (
        {"corrupt": True},
        {"offset_in_pixels": False, "offset_flagged": True},
        {"duplicate": True},
        {"offset_in_pixels": True, "offset_flagged": False},
        {"duplicate": True},
        {"offset_flagged": None},
        {"offset_in_pixels": False, "offset_flagged": True},
        {"offset_flagged": None},
    )
    for i, fault in zip(rng.permutation(clear)[: len(clear) // 2], faults, strict=False):
        plans[i] = replace(plans[i], **fault)
    return plans
