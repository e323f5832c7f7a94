"""The class of a coast unit over the periods: flips need evidence, gaps are carried, a step makes the shore anew."""

import numpy as np
import pytest
from scipy.special import expit

from rs_pipeline.products.coastline.classify import LOG_ODDS, unit_class
from rs_pipeline.products.coastline.states import CONVERSION_PER_YEAR, carried, probability_by_period

YEARS = np.arange(2018.5, 2026)
BEACH = LOG_ODDS["moved_by_tide"] + LOG_ODDS["crooked"]
WALL = LOG_ODDS["hard_edge"] + LOG_ODDS["straight"] + LOG_ODDS["fixed"]
POND_DYKE = WALL + LOG_ODDS["ponds"]


def smoothed(*log_odds, step_at=None):
    years = YEARS[: len(log_odds)]
    side = np.arange(len(log_odds)) >= (len(log_odds) if step_at is None else step_at)
    return probability_by_period(np.array([log_odds], float), years, side.astype(int)[None])[0]


def classes(*log_odds, step_at=None):
    p = smoothed(*log_odds, step_at=step_at)
    return "".join(name[0] for name in unit_class(p, np.zeros(len(p), bool)))


def test_one_period_is_its_own_evidence():
    assert smoothed(BEACH) == pytest.approx([expit(BEACH)])


def test_two_periods_by_hand():
    """Beach, then wall, a year apart: the chain stays with odds e^(±(2.6 - 2.5) / 2) x 0.99 or turns with e^(±(2.6 + 2.5) / 2) x 0.01."""
    stay = (np.exp((BEACH + WALL) / 2) + np.exp(-(BEACH + WALL) / 2)) * (1 - CONVERSION_PER_YEAR)
    turn = (np.exp((BEACH - WALL) / 2) + np.exp(-(BEACH - WALL) / 2)) * CONVERSION_PER_YEAR
    mean = expit((BEACH + WALL) / 2)
    expected = (stay * mean + turn * expit(np.array([BEACH, WALL]))) / (stay + turn)
    assert smoothed(BEACH, WALL) == pytest.approx(expected)


@pytest.mark.parametrize(("evidence", "expected"), [
    ([BEACH] * 7, "nnnnnnn"),
    ([WALL] * 7, "aaaaaaa"),
    ([0.0] * 7, "uuuuuuu"),
    ([LOG_ODDS["straight"]] * 7, "uuuuuuu"),  # seven years of a straight shore are one straight shore
    ([BEACH, BEACH, BEACH, WALL, WALL, WALL, WALL], "nnnaaaa"),  # a wall on a beach
    ([WALL, WALL, WALL, BEACH, BEACH, BEACH, BEACH], "aaannnn"),  # restored
    ([BEACH, BEACH, BEACH, BEACH, BEACH, POND_DYKE, POND_DYKE], "nnnnnaa"),
    ([BEACH, BEACH, BEACH, WALL, BEACH, BEACH, BEACH], "nnnnnnn"),  # a storm, a ship, a wrong date
    ([BEACH, -1.0, BEACH, BEACH, -1.0, BEACH, BEACH], "nnnnnnn"),
])  # fmt: skip
def test_a_flip_needs_evidence(evidence, expected):
    assert classes(*evidence) == expected


def test_one_year_of_doubt_is_doubt_and_no_conversion():
    """A wall that only the last year shows: not yet artificial, and less surely natural than before; a second year decides more."""
    one, two = smoothed(*[BEACH] * 6, WALL), smoothed(*[BEACH] * 6, WALL, WALL)[-2:]
    assert two.max() < 0.65 < one[-1] < one[0] - 0.05


def test_a_step_makes_the_shore_anew():
    """A fill of the last year is artificial at once, and says nothing of the years before."""
    filled = LOG_ODDS["reclaimed"] + WALL
    p = smoothed(BEACH, BEACH, BEACH, BEACH, BEACH, BEACH, filled, step_at=6)
    assert p[:6] == pytest.approx(np.full(6, expit(BEACH)), abs=0.001) and p[6] == pytest.approx(expit(filled), abs=0.001)
    assert classes(0.0, 0.0, 0.0, filled, filled, step_at=3) == "uuuaa"


def test_a_year_without_evidence_has_that_of_its_run():
    assert classes(BEACH, np.nan, BEACH, np.nan) == "nnnn"
    assert smoothed(np.nan, np.nan) == pytest.approx([0.5, 0.5])
    assert classes(BEACH, BEACH, BEACH, np.nan, WALL, WALL, WALL)[3] == "u", "turned in the hidden year, or after it"


def test_noise_alone_does_not_flip():
    """3,000 units of 7 years whose evidence scatters by 1.5 in log-odds about a beach: fewer than one of a hundred is ever called artificial."""
    noise = np.random.default_rng(2).normal(0, 1.5, (3000, 7))
    p = probability_by_period(BEACH + noise, YEARS[:7], np.zeros((3000, 7), int))
    assert (p <= 0.3).any(axis=1).mean() < 0.01 and (p >= 0.7).mean() > 0.95


def test_a_piece_of_evidence_that_a_year_does_not_show_is_no_change():
    """Tide range not seen in 2021 and 2022, and a step in 2023: the nearest year of the same side, the earlier of two."""
    values = np.array([[20.0, np.nan, np.nan, 1.0, np.nan], [np.nan] * 5, [np.nan, 5.0, np.nan, 7.0, np.nan]])
    side = np.array([[0, 0, 0, 1, 1], [0] * 5, [0] * 5])
    out = carried(values, np.arange(2020.0, 2025), side)
    np.testing.assert_array_equal(out, [[20, 20, 20, 1, 1], [np.nan] * 5, [5, 5, 5, 7, 7]])
