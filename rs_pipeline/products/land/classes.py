"""The classes of the land map."""

from __future__ import annotations

from enum import IntEnum


class Land(IntEnum):
    """Values of the band ``class`` of the land map; NaN where it was not observed."""

    WATER = 1
    WETLAND = 2
    """Reed, marsh, land that is flooded for a season, tidal flats."""
    TREE = 3
    GRASS = 4
    """Meadows, steppe, lawns and gardens."""
    CROPLAND = 5
    """Fields under crops, greenhouses."""
    BUILT = 6
    """Buildings, roads and other sealed ground."""
    BARE = 7
    """Soil without plants all year, rock, dry sand, building sites, open mines."""

    @property
    def word(self) -> str:
        return self.name.lower()


SHARES = tuple(f"share_{c.word}" for c in Land)
"""Bands with the expected share of each class, in the order of Land."""

NATURAL_COVER = (Land.WATER, Land.WETLAND, Land.TREE, Land.GRASS)
"""Cover that an ecological red line protects."""

DRY_PLANTS = (Land.TREE, Land.GRASS, Land.CROPLAND)
"""Cover of dry ground that is green again. Wetland is left out: a flooded pit is no such ground."""

DISTURBED = (Land.BUILT, Land.BARE)
"""Cover that protected ground must not become."""
