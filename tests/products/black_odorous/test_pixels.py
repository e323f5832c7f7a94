"""The per-pixel map of a block: land, unobserved water, clear and black water."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from rs_kernels.stack import Stack

from rs_pipeline.catalog.chips import Chip
from rs_pipeline.model import Period, Scene
from rs_pipeline.products.black_odorous.pixels import black_odorous_layers, in_season
from rs_pipeline.products.calendar import Calendar

BLACK = np.pi * np.array([57, 83, 106, 110, 61, 0, 0])
CLEAN = np.pi * np.array([51, 67, 16, 10, 2, 0, 0])
DAYS = [date(2024, month, 10) for month in (4, 5, 6, 7, 8, 9)]


def chip(day: date, sun: float | None = 50.0) -> Chip:
    when = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    return Chip(
        Scene("s", "s", "earth-search-sentinel-2-l2a", "", "sentinel-2a", when, day, "", 0.0, sun, 150.0, 1e-4, 0.0, "", "high", "used", ""),
        {"rededge1": (None, 1)},
    )


def layers(settings, frequency, spectra, days=DAYS):
    n, w = len(days), len(spectra)
    dn = np.tile(np.maximum(np.round(np.array(spectra).T), 1).astype("uint16")[None, :, None, :], (n, 1, 1, 1))
    period = Period("2024", date(2024, 1, 1), date(2024, 12, 31))
    calendar = Calendar.of(days, period)
    stack = Stack(
        dn, np.zeros((n, 1, w), "uint16"), 0, np.full(n, 1e-4, "float32"), np.zeros(n, "float32"), np.full(n, 10, "float32"), calendar.day, calendar.month
    )
    chips = [chip(d) for d in days]
    return black_odorous_layers(settings.black_odorous, settings.water, settings.masks, chips, stack, np.array([frequency], "float32"))


def test_classes_of_a_block(make_settings):
    probability, classes, n_dates = layers(make_settings(), [1.0, 1.0, 0.0, np.nan], [BLACK, CLEAN, CLEAN, BLACK])
    assert classes[0, :3].tolist() == [3, 1, 0] and np.isnan(classes[0, 3])
    assert probability[0, 0] > 0.9 and probability[0, 1] < 0.1 and np.isnan(probability[0, 2:]).all()
    assert n_dates[0, :2].tolist() == [6, 6]


def test_too_few_dates(make_settings):
    probability, classes, n_dates = layers(make_settings(), [1.0], [BLACK], DAYS[:5])
    assert classes.tolist() == [[4]] and n_dates.tolist() == [[5]]
    assert probability[0, 0] > 0.9


@pytest.mark.parametrize(
    ("day", "sun", "usable"),
    [(date(2024, 4, 1), 50.0, True), (date(2024, 3, 31), 50.0, False), (date(2024, 6, 1), 25.0, False), (date(2024, 6, 1), None, True)],
)
def test_season_and_sun(make_settings, day, sun, usable):
    assert in_season([chip(day, sun)], make_settings().black_odorous).tolist() == [usable]
