"""Slopes, rain and soil of the simulated world: what is handed in beside what is true, and how near the product comes to the truth with the true land."""

from __future__ import annotations

import math

import numpy as np
import pytest
import rasterio
from rs_kernels.soil import T_KM2_PER_T_HA, grass_loss_ratio

from rs_pipeline.config import SoilSection
from rs_pipeline.inputs.rasters import raster_on
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.soil.facts import log_doubt
from rs_pipeline.products.soil.rasters import terrain_factor
from rs_pipeline.products.soil.step import cover_practice
from rs_pipeline.simulation.soil import CLASS_OF, EROSIVITY_BY_MONTH, soil_heights_m, write_soil
from rs_pipeline.simulation.world import make_world

SIZE_PX, YEAR = (120, 96), 2025


def written(folder, seed, theme):
    """A world and the files of its soil."""
    world = make_world(seed, (YEAR,), SIZE_PX, theme)
    (folder / "truth").mkdir(parents=True)
    write_soil(world, folder)
    return world


def true_loss(folder):
    with rasterio.open(folder / "truth" / f"soil_{YEAR}.tif") as src:
        return dict(zip(src.descriptions, src.read(), strict=True)), src.tags()


def true_land(world):
    """Number of the class that most of each pixel is, float32; water and wetland where it is none that loses soil."""
    ground, shares = world.landcover(YEAR), {}
    for material, land in CLASS_OF.items():
        shares[land] = shares.get(land, 0) + world.to_grid(world.fraction(ground, material))
    shares[Land.WATER] = 1 - sum(shares.values())
    order = list(shares)
    return np.array(order, "float32")[np.argmax(np.stack([shares[c] for c in order]), axis=0)]


def product_loss(folder, world, section):
    """Soil loss as the product computes it, with land class and cover as they truly are, and heights, rain and soil as they are handed in."""
    terrain = terrain_factor(folder / "heights.tif", "soil.dem", section, world.grid)
    rain, soil = (raster_on(folder / f"{name}.tif", f"soil.{name}", world.grid) for name in ("erosivity", "erodibility"))
    return T_KM2_PER_T_HA * rain * soil * terrain * cover_practice(section, true_land(world), *world.vegetation(YEAR))


def test_files_say_simulated_and_the_truth_is_its_factors(tmp_path):
    world = written(tmp_path, 3, "plain")
    bands, tags = true_loss(tmp_path)
    assert tags["SIMULATED"] == "yes" and all(np.isfinite(b).all() for b in bands.values())
    assert (bands["loss_t_km2"] >= 0).all() and bands["cover_factor"].max() <= 1 + 1e-5
    for name in ("heights", "erosivity", "erodibility"):
        with rasterio.open(tmp_path / f"{name}.tif") as src:
            assert src.tags()["SIMULATED"] == "yes" and np.isfinite(src.read()).all()
    water = true_land(world) == Land.WATER
    assert water.any() and bands["loss_t_km2"][water].mean() < bands["loss_t_km2"][~water].mean()


def test_flat_worlds_get_slopes_and_hills_keep_theirs(tmp_path):
    """The sun of a flat world still shines as on level ground: the heights of its scenes are 0."""
    flat, hilly = (make_world(3, (YEAR,), SIZE_PX, theme) for theme in ("plain", "mountain"))
    assert flat.dem_m.max() == 0 and soil_heights_m(flat).max() > 5
    assert soil_heights_m(hilly) is hilly.dem_m


def test_the_rain_of_a_year_falls_in_summer():
    assert EROSIVITY_BY_MONTH.sum() == pytest.approx(1.0) and EROSIVITY_BY_MONTH[5:9].sum() == pytest.approx(0.89)


def test_meadow_loses_less_than_its_curve_without_plants(tmp_path):
    world = written(tmp_path, 3, "plain")
    grass = true_land(world) == Land.GRASS
    assert grass.any() and true_loss(tmp_path)[0]["cover_factor"][grass].mean() < grass_loss_ratio(0.0)


@pytest.mark.parametrize("theme", ["plain", "mountain"])
@pytest.mark.parametrize("seed", [3, 4])
def test_the_interval_of_the_rate_holds_the_truth(tmp_path, theme, seed):
    """With the true land: what heights of 30 m, the doubt of rain and soil, two covers for a year and the usual rotation for each field's own make of it."""
    world, section = written(tmp_path, seed, theme), SoilSection()
    true, found = true_loss(tmp_path)[0]["loss_t_km2"], product_loss(tmp_path, world, section)
    seen, k = np.isfinite(found), math.exp(1.959964 * log_doubt(section))
    assert seen.all()
    _, least, most = ((found[seen] * scale <= section.tolerance_t_km2).mean() for scale in (1, k, 1 / k))
    truly = (true <= section.tolerance_t_km2).mean()
    assert least <= truly <= most
