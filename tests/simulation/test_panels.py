"""Solar arrays of simulated worlds: their spectrum, and that they leave all other draws alone."""

from datetime import date

import numpy as np
import pytest

from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.simulation import materials
from rs_pipeline.simulation.materials import Layers, Material, day_state, draw_palette, optical_coefficients


def spectrum(seed: int, day: date) -> dict[str, float]:
    """Reflectance of arrays on a date, by band."""
    palette = draw_palette(np.random.default_rng([seed, 4]))
    state = day_state(palette, day, 2025, 0.0, np.random.default_rng([seed, 9]))
    found = optical_coefficients(palette, Layers((Material.PANELS,)), "sentinel-2a", OPTICAL_BANDS, state)[:, 0]
    return dict(zip(OPTICAL_BANDS, found, strict=True))


def test_arrays_are_dark_to_the_near_infrared_and_brighter_beyond():
    """The mean over worlds, as published for satellites: darker than soil, brighter than water, NDVI of sparse plants, short-wave infrared above the near infrared."""
    mean = {b: np.median([spectrum(seed, date(2025, 3, 20))[b] for seed in range(40)]) for b in OPTICAL_BANDS}
    soil = dict(zip(OPTICAL_BANDS, materials.BARE[Material.SOIL], strict=True))
    assert 0.05 < mean["red"] < 0.6 * soil["red"] and 0.05 < mean["nir"] < 0.6 * soil["nir"]
    assert mean["swir1"] > 1.3 * mean["nir"] and mean["swir1"] > 1.2 * mean["swir2"]


def test_worlds_have_different_arrays():
    coverage = [draw_palette(np.random.default_rng([seed, 4])).panels.coverage for seed in range(30)]
    assert min(coverage) < 0.36 and max(coverage) > 0.64 and len(set(coverage)) == 30
    bright = [spectrum(seed, date(2025, 3, 20))["swir1"] for seed in range(30)]
    assert np.std(np.log(bright)) > 0.15


def test_glint_differs_between_dates():
    skies = [spectrum(3, date.fromordinal(date(2025, 1, 1).toordinal() + i))["blue"] for i in range(0, 120, 8)]
    assert len(set(skies)) == len(skies)


@pytest.mark.parametrize("draw", ["palette", "date"])
def test_the_draws_of_arrays_take_none_from_other_draws(draw, monkeypatch):
    def rest() -> float:
        rng = np.random.default_rng(5)
        palette = draw_palette(rng)
        if draw == "date":
            day_state(palette, date(2025, 5, 1), 2025, 0.0, rng)
        return float(rng.random())

    as_it_is = rest()
    monkeypatch.setattr(materials, "draw_panels", lambda rng: materials.Panels(rng.random(7), 0.5, materials.Season(1, 2, 0, 1)))
    monkeypatch.setattr(materials, "_panel_sky", lambda rng: rng.random(50)[:7])
    assert rest() == as_it_is
