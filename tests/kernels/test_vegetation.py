"""Networks on a lane of pixels, the lines that join dates, and the statistics of their days."""

import math

import numpy as np
import pytest
from rs_kernels import vegetation as k
from rs_kernels.stack import Stack

from rs_pipeline.config import VegetationSection

BARE = [0.08, 0.11, 0.14, 0.17, 0.23, 0.30, 0.25]
GREEN = [0.03, 0.06, 0.04, 0.10, 0.40, 0.20, 0.10]
SCALE, OFFSET = 1e-4, -0.1


@pytest.mark.parametrize("x", [-30.0, -4.0, -1.0, -0.1, 0.0, 0.5, 2.0, 4.9, 30.0])
def test_tanh_is_right_to_a_ten_thousandth(x):
    assert k.tanh(x) == pytest.approx(math.tanh(x), abs=1.1e-4)


def test_a_network_by_hand():
    # x = 0.5 + 2 * 0.3 - 1 * 0.1 = 1; 0.2 + 0.5 tanh(1) = 0.2 + 0.5 * 0.761594 = 0.580797
    refl = np.zeros((7, 64))
    refl[4], refl[2] = 0.3, 0.1
    weights, estimate = np.array([[0, 0, -1.0, 0, 2.0, 0, 0]]), np.empty(64)
    k.network_cover(refl, 64, weights, np.array([0.5]), np.array([0.5]), 0.2, estimate)
    assert estimate == pytest.approx(np.full(64, 0.580797), abs=1e-6)


def test_a_network_adds_up_all_bands():
    """Weights of 1 to 7 on reflectances of 0.001, 0.002 ... 0.007: 0.001 + 0.004 + ... + 0.049 = 0.14, tanh 0.139092."""
    refl, estimate = np.repeat(np.arange(1.0, 8)[:, None] / 1000, 64, axis=1), np.empty(64)
    k.network_cover(refl, 64, np.arange(1.0, 8)[None], np.zeros(1), np.ones(1), 0.0, estimate)
    assert estimate == pytest.approx(np.full(64, 0.139092), abs=2e-6)


def test_a_distance_adds_up_all_bands_and_their_mixtures():
    """Every band of the whitened difference is 1 x 0.01 + 2 x 0.02 + ... + 7 x 0.07 = 1.4: seven times 1.96."""
    refl, distance = np.arange(1.0, 8)[:, None] / 100 + 0.5, np.empty(1)
    k.domain_distances(refl, 1, np.full(7, -np.inf), np.full(7, np.inf), np.full(7, 0.5), np.tile(np.arange(1.0, 8), (7, 1)), distance)
    assert distance[0] == pytest.approx(13.72)


@pytest.mark.parametrize(("estimate", "cover"), [(0.4, 0.4), (-0.09, 0.0), (1.09, 1.0), (-0.11, math.nan), (1.11, math.nan), (math.nan, math.nan)])
def test_an_estimate_just_outside_is_a_limit_and_further_out_none(estimate, cover):
    assert k.limited_cover(estimate) == pytest.approx(cover, nan_ok=True)


def test_distance_by_hand():
    # whitened difference (2 * 0.3, 0.1 + 0.2): 0.36 + 0.09
    whiten = np.zeros((7, 7))
    whiten[0, 0], whiten[1, 1], whiten[1, 2] = 2.0, 1.0, 1.0
    refl = np.array([[0.4, 0.4], [0.2, 0.2], [0.3, 0.9], [0.0, 0.0], [0, 0], [0, 0], [0, 0]])
    low, high, centre = np.full(7, -np.inf), np.full(7, np.inf), np.array([0.1, 0.1, 0.1, 0, 0, 0, 0])
    high[2] = 0.5
    distance = np.empty(2)
    k.domain_distances(refl, 2, low, high, centre, whiten, distance)
    assert distance.tolist() == pytest.approx([0.45, math.inf])


@pytest.mark.parametrize(("cover", "sigma"), [(0.0, 0.1), (0.25, 0.15), (0.5, 0.2), (0.75, 0.1), (1.0, 0.0)])
def test_errors_are_linear_between_their_knots(cover, sigma):
    assert k.at_knots(cover, np.array([0.1, 0.2, 0.0])) == pytest.approx(sigma)


BANDWIDTH_DAYS = VegetationSection().bandwidth_days


def lines_through(dates, covers, days, bandwidth=BANDWIDTH_DAYS, worth=None):
    cover, known = np.zeros((len(dates), k.LANE)), np.zeros((len(dates), k.LANE))
    cover[:, 0], known[:, 0] = np.nan_to_num(covers), np.isfinite(covers)
    dates, days, out = np.array(dates), np.array(days), np.empty((len(days), k.LANE))
    weights = np.empty((len(days), len(dates)))
    k.line_weights(days, dates, np.ones(len(dates)) if worth is None else np.array(worth), bandwidth, weights)
    k.local_lines(cover, known, 1, np.ones(len(dates), bool), k.Bell(days, dates, weights, bandwidth), np.empty(5 * k.LANE), out)
    return out[:, 0]


def test_lines_keep_a_constant_across_a_gap_and_miss_what_no_date_shows():
    assert lines_through([0, 5, 90], [0.6, 0.6, 0.6], [0, 20, 45, 90]) == pytest.approx(np.full(4, 0.6))
    assert np.isnan(lines_through([0, 5], [np.nan, np.nan], [3])).all()


@pytest.mark.parametrize("n_dates", range(1, 10))
def test_lines_of_any_number_of_dates_are_those_of_the_formula(n_dates):
    """Dates are added up four at a time; the sums are those of the normal equations, written out in numpy."""
    rng = np.random.default_rng(n_dates)
    dates, covers, worth, days = np.sort(rng.integers(0, 90, n_dates)), rng.random(n_dates), rng.uniform(0.1, 1, n_dates), np.array([10, 50])
    u = (dates - days[:, None]).astype(float)
    w = worth * (np.exp(-0.5 * (u / BANDWIDTH_DAYS) ** 2) + k.FAR_WEIGHT * np.exp(-np.abs(u) / k.MEMORY_DAYS))
    s0, s1, sc, suc = w.sum(1), (w * u).sum(1), (w * covers).sum(1), (w * u * covers).sum(1)
    spread = (w * u * u).sum(1) + k.SLOPE_PENALTY * BANDWIDTH_DAYS**2 * s0
    wanted = np.clip((spread * sc - s1 * suc) / (s0 * spread - s1**2), 0, 1)
    assert lines_through(dates, covers, days, worth=worth) == pytest.approx(wanted, abs=1e-9)


def test_a_line_between_two_dates_is_flatter_than_their_slope_by_hand():
    """Cover 0.2 on the day and 0.6 ten days later, both of weight 1: sums 2, 10, 100 of the days and 0.8, 6 of the covers. A quarter of
    10 x 10 days, twice, is added to 100: (150 x 0.8 - 10 x 6) / (2 x 150 - 10 x 10) = 0.3, where the plain line gives 0.2."""
    cover, known, out = np.zeros((2, k.LANE)), np.ones((2, k.LANE)), np.empty((1, k.LANE))
    cover[:, 0] = [0.2, 0.6]
    bell = k.Bell(np.array([0]), np.array([0, 10]), np.ones((1, 2)), 10.0)
    k.local_lines(cover, known, 1, np.ones(2, bool), bell, np.empty(5 * k.LANE), out)
    assert out[0, 0] == pytest.approx(0.3)


def test_a_far_date_weighs_little_and_a_near_one_by_the_bell():
    """Same day 1 + 1e-4; a bandwidth away exp(-1/2) + 1e-4 exp(-10/20); at 100 days the bell is gone and 1e-4 exp(-100/20) is left."""
    weights = np.empty((1, 3))
    k.line_weights(np.array([0]), np.array([0, 10, 100]), np.array([1.0, 0.5, 1.0]), 10.0, weights)
    assert weights[0] == pytest.approx([1.0001, 0.5 * (0.606531 + 0.606531e-4), 6.73795e-7], rel=1e-5)


def test_a_coarse_date_yields_to_fine_ones_and_counts_alone():
    fine_and_coarse = lines_through([0, 5, 10], [0.2, 0.8, 0.2], [5], worth=[1, 1 / 9, 1])
    assert 0.2 < fine_and_coarse[0] < 0.31
    assert lines_through([0, 5, 10], [np.nan, 0.8, np.nan], [5], worth=[1, 1 / 9, 1])[0] == pytest.approx(0.8)


def test_shadows_are_dropped_by_hand():
    # means of the known: 0.44, of which half is 0.22; 0.35 and 0.175; dates without leaves (0) take no part
    brightness = np.zeros((5, k.LANE))
    brightness[:, 0], brightness[:, 1], brightness[:, 2] = [0.5, 0.5, 0.5, 0.5, 0.2], [0.5, 0.2, 0, 0, 0], [0.5, 0, 0, 0.5, 0.2]
    cover, known, unknown = np.full((5, k.LANE), 0.6), np.ones((5, k.LANE)), np.zeros(k.LANE)
    k.drop_shadows(cover, known, brightness, 3, np.ones(5, bool), unknown, np.empty(5 * k.LANE))
    assert known[:, :3].T.tolist() == [[1, 1, 1, 1, 0], [1] * 5, [1] * 5] and unknown[:3].tolist() == [1, 0, 0]
    assert cover[:, 0].tolist() == [0.6, 0.6, 0.6, 0.6, 0]


def aligned(dates, covers, coarse):
    """Covers of one pixel after `align_coarse`; NaN is not known."""
    dates, coarse = np.array(dates), np.array(coarse)
    cover, known = np.zeros((dates.size, k.LANE)), np.zeros((dates.size, k.LANE))
    cover[:, 0], known[:, 0] = np.nan_to_num(covers), np.isfinite(covers)
    weights, fine = np.empty((coarse.size, dates.size)), np.ones(dates.size)
    fine[coarse] = 0.0
    k.line_weights(dates[coarse], dates, fine, BANDWIDTH_DAYS, weights)
    scratch = np.empty(5 * k.LANE), np.empty((1, k.LANE)), np.empty((2, k.LANE))
    k.align_coarse(cover, known, 1, known[:, 0] > 0, coarse, k.Bell(dates[coarse], dates, weights, BANDWIDTH_DAYS), scratch)
    return cover[:, 0]


def test_coarse_dates_are_moved_to_the_fine_ones_around_them_by_hand():
    # a fine date on the same day weighs 1 and so counts 1 / (1 + 0.5) = 2/3; twice that, the shift is 0.3 * (4/3) / (4/3 + 1/2) = 0.218182
    found = aligned([0, 0, 100, 100], [0.8, 0.5, 0.8, 0.5], [1, 3])
    assert found == pytest.approx([0.8, 0.718182, 0.8, 0.718182], abs=5e-5)


def test_coarse_dates_stay_where_no_fine_one_is_near_or_known():
    assert aligned([0, 80], [0.8, 0.5], [1]) == pytest.approx([0.8, 0.5], abs=1e-4)
    assert aligned([0, 10], [np.nan, 0.5], [1]) == pytest.approx([0.0, 0.5])
    assert aligned([0, 10], [0.8, np.nan], [1]) == pytest.approx([0.8, 0.0])


def test_an_aligned_coarse_date_tells_what_comes_between_fine_ones():
    """A narrow track, of which a coarse pixel sees 0.3 more cover, greens from 0.2 to 0.5 and back within a gap of the fine dates."""
    dates, true = np.arange(0, 100, 5), np.full(20, 0.2)
    true[8:13] = 0.5
    coarse = np.arange(20) % 2 == 1
    seen = np.where(coarse, true + 0.3, true)
    seen[~coarse & (true > 0.3)] = np.nan
    found = aligned(dates, seen, np.flatnonzero(coarse))
    assert np.abs(found - true)[coarse].max() < 0.05


def test_noise_on_a_flat_season_does_not_lift_its_peak():
    """The 90th percentile of noisy dates is 1.28 sigma too high; of the lines through them less than a third of that."""
    rng, dates, days = np.random.default_rng(3), np.arange(0, 90, 5), np.arange(0, 88, 4)
    noisy = 0.7 + rng.normal(0, 0.05, (200, dates.size))
    of_dates = np.quantile(noisy, 0.9, axis=1).mean() - 0.7
    of_lines = np.mean([np.quantile(lines_through(dates, row, days), 0.9) for row in noisy]) - 0.7
    assert of_dates > 0.05 and 0 < of_lines < 0.034


NETWORKS = k.Networks(
    np.zeros((1, 1, 7)), np.zeros((1, 1)), np.array([0.5]), np.full((1, 7), -np.inf), np.full((1, 7), 0.9), np.zeros((1, 7)),
    np.zeros((1, 7, 7)), np.array([1.0]),
)  # fmt: skip
"""One network that answers 0.5 to all, and knows nothing brighter than 0.9."""


NINE = list(range(0, 90, 10))
"""As many dates as local lines need."""


def usual(dates, days):
    """A prior that expects 0.2 every day, knows pixels to differ by 0.3, for 30 days alike, and dates to err by 0.1."""

    def alike(a, b):
        return 0.09 * np.exp(-0.5 * (np.subtract.outer(a, b) / 30.0) ** 2)

    dates, days = np.asarray(dates, float), np.asarray(days, float)
    return np.full(dates.size, 0.2), np.full(days.size, 0.2), alike(dates, dates) + 0.01 * np.eye(dates.size), alike(days, dates), np.full(days.size, 0.09)


def stack(dn, qa, days):
    n = len(dn)
    return Stack(dn, qa, 3, np.full(n, SCALE, "f4"), np.full(n, OFFSET, "f4"), np.full(n, 10, "f4"), np.array(days))


def observe(pixels, days, *, masked=(), min_dates=4, networks=NETWORKS, lines=None, inside=None, drawn=None, around=(10**6, 0)):
    """Layers of one pixel; the lines are worked out for every fourth day of the dates, and all lie in every window, unless said."""
    n = len(pixels)
    dn = np.round((np.array(pixels) - OFFSET) / SCALE).astype("uint16")[:, :, None, None]
    qa = np.zeros((n, 1, 1), "uint16")
    qa[list(masked)] = 2
    lines = np.arange(days[0], days[-1] + 1, 4) if lines is None else lines
    inside, drawn = np.ones((4, n), bool) if inside is None else inside, np.ones((4, lines.size), bool) if drawn is None else drawn
    out = np.empty((8, 1, 1), "float32")
    k.observe_cover(
        stack(dn, qa, days),
        k.CoverDates(np.ones(n), inside, np.zeros(n, "int64"), np.zeros((n, 1))),
        networks,
        np.array([[0.03, 0.03], [0.04, 0.04]]),
        k.Lines(lines, drawn, 8.0, usual(days, lines)),
        k.Need(0.9, min_dates, 40, *around),
        out,
    )
    return dict(zip(k.COVER_LAYERS, out[:, 0, 0].tolist(), strict=True))


def test_dates_become_a_peak_with_its_error():
    found = observe([BARE] * 9, NINE)
    assert found["fvc_peak"] == pytest.approx(0.5) and found["fvc_growing"] == pytest.approx(0.5)
    assert found["fvc_peak_sigma"] == pytest.approx(0.05)  # sqrt(0.03^2 + 0.04^2)
    assert (found["clear_peak"], found["clear_growing"], found["cover_unknown"]) == (9, 9, 0)


def one_date(numbers, *, max_distance=1.0):
    """(known, brightness) of pixels with the given numbers of scale 1/4096, on a network whose distance is the square of blue."""
    n, limits, whiten = len(numbers), np.full(7, np.inf), np.diag([1.0, 0, 0, 0, 0, 0, 0])
    dn, one = np.ascontiguousarray(np.array(numbers, "uint16").T[None, :, None]), np.ones(1, "f4")
    date = Stack(dn, np.zeros((1, 1, n), "uint16"), 3, one / 4096, 0 * one, 10 * one, np.zeros(1, "i8"))
    network = np.zeros((1, 7)), np.zeros(1), np.zeros(1), 0.5, -limits, limits, np.zeros(7), whiten, max_distance
    cover, known, brightness = np.empty((3, k.LANE))
    k.date_covers(
        date, 0, k.Lane(0, 0, n), np.ones(k.LANE), network, (np.empty((7, k.LANE), "float32"), np.empty((2, k.LANE), "float32")), cover, known, brightness
    )
    return known[:n].tolist(), brightness[:n].tolist()


def test_a_spectrum_at_the_largest_distance_is_known_and_one_further_is_not():
    """Blue 512 / 4096 is 1/8, its square 1/64; the rest of the spectrum is that of soil."""
    soil = [600, 700, 800, 1000, 1300, 1100]
    assert one_date([[512, *soil], [513, *soil]], max_distance=1 / 64)[0] == [1, 0]


def test_leaves_have_nir_above_twice_red_not_at_it():
    """Red 256 / 4096; NIR 512 is twice as much and 513 more. SWIR1 is 511: with NIR 1024 / 4096."""
    assert one_date([[128, 200, 256, 400, nir, 511, 400] for nir in (512, 513)]) == ([1, 1], [0, 0.25])


def test_a_spectrum_out_of_the_domain_is_left_out_and_counted():
    found = observe([BARE] * 8 + [[0.95] * 7], NINE)
    assert (found["clear_peak"], found["cover_unknown"]) == (8, 1) and found["fvc_peak"] == pytest.approx(0.5)


def test_leaves_in_shadow_are_left_out_and_counted_unless_swir_is_missing():
    shaded = [0.3 * b for b in GREEN]
    found = observe([GREEN] * 8 + [shaded], NINE)
    assert (found["clear_peak"], found["cover_unknown"]) == (8, 1)
    no_swir = [*shaded[:5], OFFSET, OFFSET]  # digital number 0
    assert observe([GREEN] * 8 + [no_swir], NINE)["cover_unknown"] == 0


@pytest.mark.parametrize(("red", "shadow"), [(0.0595, True), (0.0605, False)])
def test_a_dark_date_has_leaves_where_nir_is_above_twice_red(red, shadow):
    """NIR 0.12 is 2.02 and 1.98 times red; NIR + SWIR1 0.18 is below half of (8 x 0.6 + 0.18) / 9 = 0.553."""
    dark = [0.01, 0.03, red, 0.08, 0.12, 0.06, 0.05]
    assert observe([GREEN] * 8 + [dark], NINE)["cover_unknown"] == (1 if shadow else 0)


@pytest.mark.parametrize(("day", "counts"), [(-41, False), (-40, True), (120, True), (121, False)])
def test_a_date_further_than_forty_days_from_the_windows_is_not_looked_at(day, counts):
    """Lines run from day 0 to 80; the date shows a spectrum that the network does not know, and is counted if looked at."""
    strange = [0.95] * 7
    days, pixels = ([day, *NINE], [strange] + [BARE] * 9) if day < 0 else ([*NINE, day], [BARE] * 9 + [strange])
    assert observe(pixels, days, lines=np.arange(0, 81, 4))["cover_unknown"] == (1 if counts else 0)


def test_seven_dates_are_few_and_eight_are_not():
    """All dates show 0.5 where 0.2 is usual: lines through eight keep it, of seven the usual season takes some."""
    days = list(range(0, 240, 30))
    assert observe([BARE] * 8, days)["fvc_growing"] == pytest.approx(0.5, abs=1e-4)
    assert observe([BARE] * 7, days[:7])["fvc_growing"] < 0.49


def test_a_season_is_counted_from_the_dates_of_its_window_that_a_pixel_knows():
    """Of six dates three lie in the window, of which the first pixel knows those of day 10 and 40, the second only that of day 20."""
    known, seen, dates = np.ones((6, k.LANE)), np.array([True] * 5 + [False]), np.array([0, 10, 20, 40, 90, 95])
    known[2, 0] = known[[1, 3], 1] = known[5] = 0.0
    counts, first, spans = np.empty((3, k.LANE))
    k._seasons(known, 2, seen, dates, np.array([False, True, True, True, False, True]), counts, first, spans)
    assert (counts[:2].tolist(), first[:2].tolist(), spans[:2].tolist()) == ([2, 1], [10, 20], [30, 0])


PEAK, GROWING, SPRING = 0, 1, 2


@pytest.mark.parametrize(
    ("window", "few", "least_dates", "least_days"),
    [(PEAK, False, 8, 40), (GROWING, False, 8, 40), (SPRING, False, 4, 20), (PEAK, True, 4, 20), (GROWING, True, 6, 30), (SPRING, True, 4, 20)],
)
def test_a_window_needs_its_part_of_the_dates_and_of_their_span(window, few, least_dates, least_days):
    """Of 8 dates over 40 days a harvest needs half; of pixels with few dates the growing season needs three quarters, the others half."""
    enough, fewness = np.empty(3, bool), np.full(3, few)
    counts, spans = np.array([least_dates, least_dates - 1, least_dates], float), np.array([least_days, least_days, least_days - 1], float)
    k._seen_enough(counts, spans, fewness, 3, window, 8, 40, enough)
    assert enough.tolist() == [True, False, False]


def far_from_the_peak(*, in_peak=0, around=(120, 120)):
    """Nine dates of the growing season, days 0 to 36 and 200 to 227; the peak's window of day 100 to 140 counts the first ``in_peak`` of them."""
    days, lines = [*range(0, 45, 9), *range(200, 236, 9)], np.arange(0, 237, 4)
    inside, drawn = np.ones((4, 9), bool), np.ones((4, lines.size), bool)
    inside[0], drawn[0] = np.arange(9) < in_peak, (lines >= 100) & (lines <= 140)
    return observe([BARE] * 9, days, lines=lines, inside=inside, drawn=drawn, around=around)


def test_a_peak_of_one_date_is_expected_from_the_season_and_says_how_little_is_known():
    """One date, 64 days from the days of the peak: the usual 0.2, with its spread of 0.3."""
    found = far_from_the_peak(in_peak=1)
    assert found["clear_peak"] == 1 and found["fvc_peak"] == pytest.approx(0.2, abs=0.03)
    assert found["fvc_peak_sigma"] == pytest.approx(math.hypot(0.03, 0.3), abs=0.01)


def test_a_peak_without_a_date_is_none():
    found = far_from_the_peak()
    assert math.isnan(found["fvc_peak"]) and not math.isnan(found["fvc_growing"])


@pytest.mark.parametrize(("around", "seen"), [((0, 0), True), ((227, 227), True), ((-1, -1), False), ((228, 228), False)])
def test_a_season_is_seen_before_its_middle_and_after_it(around, seen):
    """Day 0 is the first date, day 227 the last: a year that ends before its middle has neither season nor peak."""
    found = far_from_the_peak(in_peak=1, around=around)
    assert [math.isnan(found[name]) for name in ("fvc_peak", "fvc_growing")] == [not seen, not seen]


def test_noise_is_taken_out_of_a_percentile_by_hand():
    """Lines of mean 0.5 and variance 0.0025 with a percentile of 0.6. Noise of 0.04 gives 3 x 0.0016 / 4 = 0.0012 of that variance:
    0.5 + 0.1 sqrt(1 - 0.48) is left; of lines that vary less than noise only the mean is left; an expected curve stays as it is."""
    found, few = np.array([0.6, 0.6, 0.6]), np.array([False, False, True])
    k._without_noise(found, np.full(3, 0.5), np.array([0.0025, 0.001, 0.0025]), np.full(3, 4.0), few, 3, 3.0, np.full(11, 0.04))
    assert found == pytest.approx([0.5 + 0.1 * math.sqrt(0.52), 0.5, 0.6])


@pytest.mark.parametrize("n_dates", [9, 18, 36])
def test_noise_spreads_lines_as_drawn_noise_does(n_dates):
    """Variance over the days of the lines through noise of variance 1, mean of 400 draws, times the number of dates."""
    rng, dates, days = np.random.default_rng(n_dates), np.arange(0, 90, 90 // n_dates), np.arange(0, 88, 4)
    weights = np.empty((days.size, dates.size))
    k.line_weights(days, dates, np.ones(dates.size), BANDWIDTH_DAYS, weights)
    drawn = [np.var(lines_through(dates, 0.5 + 0.01 * rng.standard_normal(dates.size), days)) / 1e-4 for _ in range(400)]
    spread = k.noise_spread(k.Bell(days, dates, weights, BANDWIDTH_DAYS), np.arange(days.size), dates.size)
    assert spread == pytest.approx(np.mean(drawn) * dates.size, rel=0.12) and 2.0 < spread < 2.5


def test_a_field_that_burns_is_no_shadow():
    burnt = [0.3 * b for b in BARE]
    assert observe([GREEN] * 8 + [burnt], NINE)["cover_unknown"] == 0


def test_masked_dates_are_neither_used_nor_unknown():
    found = observe([BARE] * 8 + [[0.95] * 7], NINE, masked=[8])
    assert (found["clear_peak"], found["cover_unknown"]) == (8, 0)


def test_too_few_or_too_near_dates_are_missing():
    """Of few dates the peak needs half of 4 in half of 40 days, the growing season three quarters."""
    for days in ([0], [0, 19]):
        found = observe([BARE] * len(days), days)
        assert all(math.isnan(found[name]) for name in ("fvc_peak", "fvc_growing", "fvc_peak_sigma"))
    two, three = observe([BARE] * 2, [0, 20]), observe([BARE] * 3, [0, 15, 30])
    assert not math.isnan(two["fvc_peak"]) and math.isnan(two["fvc_growing"]) and not math.isnan(three["fvc_growing"])


def test_few_dates_are_drawn_to_the_usual_season_by_hand():
    """Two dates 200 days apart know nothing of each other: cover 0.5 where 0.2 is usual, 0.09 / (0.09 + 0.01) of the difference counts."""
    days = [0, 200]
    found = observe([BARE] * 2, days)
    lines = np.arange(0, 201, 4)
    course = 0.2 + 0.9 * 0.3 * (np.exp(-0.5 * (lines / 30.0) ** 2) + np.exp(-0.5 * ((lines - 200) / 30.0) ** 2))
    assert found["fvc_peak"] == pytest.approx(np.quantile(course, 0.9), abs=1e-4)
    left = 0.09 - 0.09**2 / 0.1 * (np.exp(-((lines / 30.0) ** 2)) + np.exp(-(((lines - 200) / 30.0) ** 2)))
    assert found["fvc_peak_sigma"] == pytest.approx(np.sqrt(0.03**2 + left.mean()), abs=1e-4)


def test_expected_seasons_are_those_of_linear_algebra():
    """Five dates, of which a pixel knows three; the mean and covariance of Rasmussen and Williams, equations 2.25 and 2.26."""
    rng, dates, days = np.random.default_rng(2), np.array([0.0, 12, 25, 60, 70]), np.arange(0.0, 80, 8)
    mean_dates, mean_days, between, across, single = prior = usual(dates, days)
    cover, known = rng.random((5, k.LANE)), np.zeros((5, k.LANE))
    known[[0, 2, 3], 1] = 1.0
    few, out, variance = np.zeros(k.LANE, bool), np.full((days.size, k.LANE), -1.0), np.zeros(k.LANE)
    few[1] = True
    peak = np.array([3, 4, 5])
    k.expected_seasons(cover, known, 3, np.ones(5, bool), few, prior, peak, np.empty((8, 5)), out, variance)
    seen = np.array([0, 2, 3])
    solve = np.linalg.solve(between[np.ix_(seen, seen)], across[:, seen].T)
    wanted = np.clip(mean_days + solve.T @ (cover[seen, 1] - mean_dates[seen]), 0, 1)
    np.testing.assert_allclose(out[:, 1], wanted, atol=1e-12)
    left = single - np.einsum("gt,tg->g", across[:, seen], solve)
    assert variance[1] == pytest.approx(left[peak].mean()) and (out[:, [0, 2]] == -1).all()


def test_water_has_no_cover():
    water = [0.03, 0.04, 0.025, 0.02, 0.012, 0.006, 0.004]
    assert observe([water] * 9, NINE)["fvc_peak"] == 0.0


def test_pixels_do_not_disturb_each_other():
    """A row longer than a lane, with a date that only some pixels see: each is as it is alone."""
    rng = np.random.default_rng(5)
    n, w = 8, 150
    dn = np.round((np.array(BARE)[None, :, None, None] * rng.uniform(0.5, 1.5, (n, 1, 1, w)) - OFFSET) / SCALE).astype("uint16")
    qa, days = np.where(rng.random((n, 1, w)) < 0.3, 2, 0).astype("uint16"), np.arange(n) * 12
    weights = np.zeros((1, 1, 7))
    weights[0, 0, 4] = 3.0
    networks = NETWORKS._replace(weights=weights, out_weights=np.ones((1, 1)), out_bias=np.array([0.0]))
    lines = np.arange(0, 85, 4)

    def run(dn, qa):
        out = np.empty((8, 1, dn.shape[3]), "float32")
        k.observe_cover(
            stack(dn, qa, days),
            k.CoverDates(np.ones(n), np.ones((4, n), bool), np.zeros(n, "int64"), np.zeros((n, 1))),
            networks,
            np.zeros((2, 2)),
            k.Lines(lines, np.ones((4, lines.size), bool), 8.0, usual(days, lines)),
            k.Need(0.9, 4, 40, 40, 40),
            out,
        )
        return out

    whole = run(dn, qa)
    for x in (0, 63, 64, 149):
        np.testing.assert_array_equal(whole[:, :, x], run(np.ascontiguousarray(dn[..., x : x + 1]), np.ascontiguousarray(qa[..., x : x + 1]))[:, :, 0])
