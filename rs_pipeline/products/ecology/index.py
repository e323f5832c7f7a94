"""The formulas of HJ 192-2015 (technical criterion for ecosystem status evaluation), on shares of a unit. Pure functions on plain numbers."""

from __future__ import annotations

from collections.abc import Mapping

from rs_pipeline.config import EcologySection

NDVI_AS_INTEGER = 1e4
"""The standard's coefficient of vegetation is for NDVI as MODIS stores it, times 10 000."""

TERMS_OF_WATER = 3
"""The index of the water network is the mean of three terms: length of rivers, area of water, amount of water."""

NOT_TOLD = ("tree", "grass", "wetland", "cropland")
"""Classes of plants that the land map does not tell from one another well enough: what changes between them is held constant."""


def habitat_quality(section: EcologySection, shares: Mapping[str, float]) -> float:
    """Habitat quality index: coefficient times the sum over land classes of weight x share of the unit.

    The weight of a class is that of its type times that of its kind within the type. Only so does the coefficient, 100 over the highest value of a county,
    fit: by the weights of types alone a county of forest would have 179.

    Parameters
    ----------
    shares : class (water, wetland, tree, grass, cropland, built, bare) to its share of the unit, 0-1.

    >>> round(habitat_quality(EcologySection(), {"tree": 1.0}), 1), round(habitat_quality(EcologySection(), {"cropland": 0.5, "built": 0.5}), 2)
    (107.4, 14.32)
    """
    weights = habitat_weights(section)
    return section.habitat_coefficient * sum(weights[name] * share for name, share in shares.items())


def habitat_weights(section: EcologySection) -> dict[str, float]:
    """Land class to its weight in habitat quality."""
    return {
        "water": section.water_habitat, "wetland": section.wetland_habitat, "tree": section.tree_habitat, "grass": section.grass_habitat,
        "cropland": section.cropland_habitat, "built": section.built_habitat, "bare": section.bare_habitat,
    }  # fmt: skip


def vegetation_cover(section: EcologySection, cover: float) -> float:
    """Vegetation cover index of a mean cover (0-1): coefficient times the mean NDVI, which is taken as linear in cover between bare ground and full cover
    (Gutman and Ignatov 1998, Int. J. Remote Sens. 19:1533).

    >>> round(vegetation_cover(EcologySection(), 0.5), 2)
    62.4
    """
    return section.vegetation_coefficient * NDVI_AS_INTEGER * (section.bare_ndvi + (section.full_ndvi - section.bare_ndvi) * cover)


def water_area(section: EcologySection, share: float) -> float:
    """The term of the area of water in the water network index; ``share`` : water over the area of the unit, 0-1.

    >>> round(water_area(EcologySection(), 0.1), 3)
    19.726
    """
    return section.water_coefficient * share / TERMS_OF_WATER


def land_stress(section: EcologySection, eroded: float, built: float) -> float:
    """Land stress index without the standard's term of other stress; ``eroded`` : see `eroded_share`; ``built`` : share of built-up land, 0-1.

    >>> round(land_stress(EcologySection(), 0.02, 0.2), 2)
    14.16
    """
    return section.stress_coefficient * (eroded + section.built_stress * built)


def eroded_share(section: EcologySection, up_to_moderate: float, up_to_heavy: float) -> float:
    """Weighted share of eroded land, 0-1, from the shares that lose no more soil than the limits of moderate and of heavy erosion.

    >>> round(eroded_share(EcologySection(), 0.8, 0.9), 3)
    0.06
    """
    return section.moderate_erosion * (up_to_heavy - up_to_moderate) + section.heavy_erosion * (1 - up_to_heavy)


def points_per_unit(section: EcologySection, plants_weight: float) -> dict[str, float]:
    """Change of the ecological index by one unit of each quantity that the maps show, the rest held constant: shares of the unit that are built, bare and
    permanent water, its mean cover, and its eroded share.

    What becomes built, bare or water was under plants. Biological richness changes as habitat quality does, the standard's rule where no new data on species
    are given.

    Parameters
    ----------
    plants_weight : weight in habitat quality of that ground.

    >>> {name: round(s, 2) for name, s in points_per_unit(EcologySection(), 0.05).items()}
    {'built': -13.88, 'bare': -8.59, 'water': 35.67, 'cover': 21.51, 'eroded': -35.41}
    """
    weights, richness = habitat_weights(section), section.richness_weight * section.habitat_coefficient
    gained = {name: richness * (weights[name] - plants_weight) for name in ("built", "bare", "water")}
    stress = section.stress_weight * section.stress_coefficient
    return {
        "built": gained["built"] - stress * section.built_stress,
        "bare": gained["bare"],
        "water": gained["water"] + section.water_weight * water_area(section, 1.0),
        "cover": section.vegetation_weight * (vegetation_cover(section, 1.0) - vegetation_cover(section, 0.0)),
        "eroded": -stress,
    }
