"""What a step depends on, written once: the Snakefile reruns by it, and ``compare`` says by it which change could have moved a value."""

from __future__ import annotations

SECTIONS: dict[str, tuple[str, ...]] = {
    "search": ("sources", "periods", "units", "search"),
    "grid": ("units", "grid"),
    "fetch": ("grid",),
    "observe": ("masks", "vegetation", "water", "black_odorous"),
    "land": ("masks", "land"),
    "trend": ("trend",),
    "bodies": ("water",),
    "reach_lines": ("black_odorous", "coastline"),
    "reach_scores": ("masks", "black_odorous"),
    "reaches": ("black_odorous", "tables"),
    "quality_scores": ("masks", "black_odorous"),
    "shore": ("masks", "coastline"),
    "coastline": ("coastline",),
    "zonal": ("baseline",),
    "land_zonal": ("land_zones", "baseline"),
    "indicators": ("indicators", "tables", "coastline", "trend", "province"),
}
"""Step to the sections of the configuration that it reads itself."""

_COMMON = ("search", "grid", "fetch")
_MAPS = (*_COMMON, "observe", "zonal")

STEPS_OF_PRODUCT: dict[str, tuple[str, ...]] = {
    "vegetation": (*_MAPS, "trend", "indicators"),
    "water": (*_MAPS, "bodies", "indicators"),
    "black_odorous": (*_COMMON, "observe", "reach_lines", "reach_scores", "reaches", "indicators"),
    "coastline": (*_COMMON, "observe", "shore", "coastline", "indicators"),
    "land": (*_COMMON, "land", "observe", "bodies", "land_zonal", "indicators"),
    "red_line": ("indicators",),
}
"""Product of an indicator to the steps behind it, in order."""

ALL_STEPS = tuple(SECTIONS)


def sections_of(product: str) -> tuple[str, ...]:
    """Sections of the configuration that a product's indicators depend on; all of them for a product that is not known."""
    steps = STEPS_OF_PRODUCT.get(product, ALL_STEPS)
    return tuple(dict.fromkeys(section for step in steps for section in SECTIONS[step]))
