"""Shifts of images of fields whose place is known."""

import numpy as np
import pytest
from scipy import ndimage

from rs_pipeline.radiometry.shifts import MIN_DATES, MIN_SEEN_PX, STRONGEST, edge_strength, measure_shift, shifts_of

N = 128
SEEN = np.ones((N, N), bool)


def fields(row_px=0.0, col_px=0.0, *, seed=0, contrast=1.0, noise=0.002):
    """Patches of 12 pixels and of reflectance 0.1 to 0.3, moved down and to the right, blurred as a sensor does."""
    patches = np.kron(np.random.default_rng(5).uniform(0.1, 0.3, (16, 16)), np.ones((12, 12)))
    moved = ndimage.gaussian_filter(ndimage.shift(0.2 + contrast * (patches - 0.2), (row_px, col_px), order=3, mode="nearest"), 0.8)
    return (moved[32 : 32 + N, 32 : 32 + N] + np.random.default_rng(seed).normal(0, noise, (N, N))).astype("float32")


def edges(*args, seen=SEEN, **more):
    return edge_strength(fields(*args, **more), seen)


@pytest.mark.parametrize("shift", [(0, 0), (0.3, -0.7), (2.4, 1.6), (-11.2, 12.0), (3, 0)])
@pytest.mark.parametrize("contrast", [1.0, -1.0, 0.3])
def test_a_shift_is_found_to_a_tenth_of_a_pixel_whatever_the_season(shift, contrast):
    found = measure_shift(edges(), edges(*shift, seed=1, contrast=contrast), 20)
    assert (found.rows, found.cols) == pytest.approx(shift, abs=0.1)


def test_beyond_what_is_looked_at_there_is_no_shift():
    assert measure_shift(edges(), edges(15, 0, seed=1), 10) is None
    assert measure_shift(edges(), edges(8, 0, seed=1), 10).rows == pytest.approx(8, abs=0.1)


def test_other_ground_has_no_shift():
    noise = np.random.default_rng(3)
    for _ in range(20):
        assert measure_shift(edges(), edge_strength(ndimage.gaussian_filter(noise.normal(size=(N, N)), 2), SEEN), 40) is None


def test_a_far_peak_must_look_like_the_others_there():
    """Half of the ground stays; a bright grid in the other half, which repeats itself every 12 pixels, moves by 6."""
    reference, image = fields(seed=1), fields(seed=2)
    for place, first in ((reference, 0), (image, 6)):
        place[:, 64:] = 0.2
        place[first::12, 64:] = 0.6
    found = measure_shift(edge_strength(reference, SEEN), edge_strength(image, SEEN), 20)
    assert found is None or max(abs(found.rows), abs(found.cols)) < 1


def test_nothing_seen_has_no_edges_and_no_shift():
    few = np.zeros((N, N), bool)
    few[:40, :40] = True
    empty = edge_strength(fields(), few)
    assert not empty.any() and measure_shift(edges(), empty, 20) is None and measure_shift(empty, edges(), 20) is None
    assert not edge_strength(np.full((N, N), 0.2), SEEN).any()


@pytest.mark.parametrize(("side", "is_measured"), [(44, False), (45, True)])
def test_at_least_so_many_pixels_are_seen(side, is_measured):
    """A square in a corner: two of its sides lie on the border of the window, from the others 4 pixels are taken."""
    seen = np.zeros((N, N), bool)
    seen[: side + 4, : side + 4] = True
    assert edge_strength(fields(), seen).any() == is_measured and 44**2 < MIN_SEEN_PX <= 45**2


def test_a_single_strong_edge_does_not_decide():
    """A shore of reflectance 3 that moves against the fields."""

    def with_shore(shore, *shift):
        image = fields(*shift, seed=shore)
        image[:, shore:] += 3.0
        return edge_strength(image, SEEN)

    found = measure_shift(with_shore(60), with_shore(66, 0, -2), 20)
    assert found.cols == pytest.approx(-2, abs=0.3) and with_shore(60).max() <= STRONGEST


def test_clouds_do_not_move_the_ground():
    seen = SEEN.copy()
    seen[20:70, 30:90] = False
    image = fields(1.5, 2.5, seed=4)
    image[~seen] = 0.9
    found = measure_shift(edges(), edge_strength(image, seen), 20)
    assert (found.rows, found.cols) == pytest.approx((1.5, 2.5), abs=0.15)


def test_the_dates_that_lie_elsewhere_are_told_from_the_others():
    places = [(0, 0), (0, 0), (2.3, 0), (0, 0), (-4, 6), (0, 0), (0, 0), (0, 0)]
    found = shifts_of([edges(*p, seed=i) for i, p in enumerate(places)], [True] * 8, 20)
    assert [round(v, 1) for s, p in zip(found, places, strict=True) for v in (s.rows - p[0], s.cols - p[1])] == pytest.approx([0] * 16, abs=0.15)


def test_only_trusted_dates_tell_where_the_ground_is():
    """Most lie 4 pixels to the right, and none of them is trusted."""
    trusted = [True] * MIN_DATES + [False] * 9
    found = shifts_of([edges(0, 0 if t else 4, seed=i) for i, t in enumerate(trusted)], trusted, 20)
    assert [round(s.cols) for s in found] == [0] * MIN_DATES + [4] * 9


def test_few_dates_tell_nothing():
    dates = [edges(seed=i) for i in range(MIN_DATES)]
    assert all(shifts_of(dates, [True] * MIN_DATES, 20)) and shifts_of(dates, [False] + [True] * (MIN_DATES - 1), 20) == [None] * MIN_DATES
    assert shifts_of([], [], 20) == []
