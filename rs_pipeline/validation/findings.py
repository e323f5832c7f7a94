"""Findings of a run against the truth: land that became built or bare, and land won from the sea. Product ``findings``."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
from rasterio.features import rasterize
from scipy import ndimage

from rs_pipeline.config import LandZonesSection
from rs_pipeline.estimation.zones import EIGHT
from rs_pipeline.products.findings import IN_ZONE, RECLAIMED, VEGETATION
from rs_pipeline.products.land.classes import DISTURBED, Land
from rs_pipeline.validation.land import true_conversion, true_shares
from rs_pipeline.validation.metrics import ratio
from rs_pipeline.validation.truth import Score, Truth

TRUE_RISE, TRUE_SHARE = 0.3, 0.5
"""A finding on land is true where the share of built and bare ground rose by TRUE_RISE on TRUE_SHARE of its pixels."""

FOUND_SHARE = 0.5
"""A true event is found where findings cover this share of it."""

MOSTLY = 0.5
"""Share of a pixel from which it is ground of a kind."""

PLANT_MATERIALS = ("reed", "wetland_core", "wetland_edge", "forest", "meadow", "tussock", "garden")
"""Materials that are natural plants. Bare tidal flats and wet sand are wetland, but no plants are lost where a beach grows over them."""

FIRST_TEN = 10
"""Number of places that an inspector visits first."""

LAND_KINDS = (*IN_ZONE.values(), VEGETATION)


def true_rise(truth: Truth, year: int, baseline: int) -> np.ndarray:
    """Rise of the share (0-1) of built and bare ground, float32 (h, w)."""
    disturbed = [c - 1 for c in DISTURBED]
    return true_shares(truth, year)[disturbed].sum(axis=0) - true_shares(truth, baseline)[disturbed].sum(axis=0)


def pixels_of(shape: shapely.Geometry, truth: Truth) -> np.ndarray:
    """Pixels whose middle lies in a shape of the grid's CRS, bool (h, w)."""
    return rasterize([shape], out_shape=truth.grid.shape, transform=truth.grid.transform, dtype="uint8").astype(bool)


def bare_flats(truth: Truth, year: int) -> np.ndarray:
    """Bare ground that spring tides cover, bool (h, w): tidal flats, whatever they are made of."""
    return truth.flooded_by_sea(year) & (true_shares(truth, year)[Land.BARE - 1] >= MOSTLY)


def true_on_land(found: gpd.GeoDataFrame, truth: Truth, year: int, baseline: int) -> np.ndarray:
    """Whether each finding on land is a true one (TRUE_RISE on TRUE_SHARE of its pixels), bool (n,)."""
    rise = true_rise(truth, year, baseline)
    return np.array([share_above(rise[pixels_of(shape, truth)]) >= TRUE_SHARE for shape in found.geometry], bool)


def share_above(rise: np.ndarray) -> float:
    """Share of pixels that rose by TRUE_RISE; 0 of none."""
    return float((rise >= TRUE_RISE).mean()) if rise.size else 0.0


def score_land_findings(
    found: gpd.GeoDataFrame, truth: Truth, year: int, baseline: int, section: LandZonesSection, zones: Sequence[gpd.GeoDataFrame] = ()
) -> list[Score]:
    """Precision of the list, of the first ten of each county by probability, and recall of true events.

    True events follow the same rule as mapped ones (`validation.land.true_conversion`: more than four pixels). Only pixels in ``zones``, or where plants
    of PLANT_MATERIALS stood, count: the list contains no others. Events on `bare_flats` have a recall of their own. In law they are shore and no land, which
    begins at the line of mean high water springs (DB33/T 2106-2018), and whether the map calls such ground bare or wetland depends on the tides of a year's scenes:
    the list is made for what people convert, the coast's products for what the sea takes.

    Parameters
    ----------
    found : kind, adcode, probability, geometry (CRS of the truth's grid).
    year, baseline : the newest and the first year of the run.
    zones : polygons of the red line, reserves ... that the run was given.
    """
    found = found[found.kind.isin(LAND_KINDS)].reset_index(drop=True)
    true = true_on_land(found, truth, year, baseline)
    first = found.assign(true=true).sort_values("probability", ascending=False, kind="stable").groupby("adcode").head(FIRST_TEN)
    in_zones = truth.covered([g for zone in zones for g in zone.to_crs(truth.grid.crs).geometry]) >= MOSTLY
    plants = truth.share(baseline, PLANT_MATERIALS) >= MOSTLY
    events, n = ndimage.label((true_conversion(truth, year, baseline, section)["converted"] > 0) & (in_zones | plants), EIGHT)
    sizes = np.bincount(events.ravel(), minlength=n + 1)[1:]
    met, at_sea = (
        ndimage.mean(layer, events, np.arange(1, n + 1)) >= share if n else np.zeros(0, bool)
        for layer, share in ((truth.covered(found.geometry), FOUND_SHARE), (bare_flats(truth, year).astype("float32"), MOSTLY))
    )
    large = sizes >= section.min_event_px
    return [
        Score("findings", "precision", "land", ratio(true.sum(), len(true)), "1", len(true)),
        Score("findings", "precision", "land, first ten of a county", ratio(first.true.sum(), len(first)), "1", len(first)),
        *(
            Score("findings", "recall", subset, ratio(met[which].sum(), which.sum()), "1", int(which.sum()))
            for subset, which in (("land, events above four pixels", large & ~at_sea), ("tidal flats, events above four pixels", large & at_sea))
        ),
    ]


def score_reclamation(found: gpd.GeoDataFrame, truth: Truth, baseline: int) -> list[Score]:
    """Precision and recall of new reclamation. Empty where the world won no land after its baseline.

    A finding is true where TRUE_SHARE of its ground was truly won from the sea; a true one is found where findings touch it, because the ground of a finding is as wide as
    the spacing of transects and is no outline.
    """
    won = truth.reclamation
    won = None if won is None else won[won.year > baseline]
    if won is None or won.empty:
        return []
    found, ground = found[found.kind == RECLAIMED], won.union_all()
    true = found.geometry.intersection(ground).area >= TRUE_SHARE * found.geometry.area
    met = [found.intersects(g).any() for g in won.geometry]
    return [
        Score("findings", "precision", "reclamation", ratio(true.sum(), len(found)), "1", len(found)),
        Score("findings", "recall", "reclamation", ratio(sum(met), len(met)), "1", len(met)),
    ]
