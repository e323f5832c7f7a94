"""Sums over square cells."""

import numpy as np
from rs_kernels.zonal import cell_sums


def test_cells_add_their_chosen_pixels_and_the_last_may_be_smaller():
    layers = np.arange(2 * 3 * 5, dtype="float32").reshape(2, 3, 5)
    chosen = np.ones((3, 5), bool)
    chosen[0, 0] = False
    layers[1, 0, 0] = np.nan  # not chosen
    layers[1, 2, 4] = np.nan
    out = np.full((2, 2, 3), -1.0)
    cell_sums(layers, chosen, 2, out)
    assert out[0].tolist() == [[1 + 5 + 6, 2 + 3 + 7 + 8, 4 + 9], [10 + 11, 12 + 13, 14]]
    assert out[1, 0].tolist() == [16 + 20 + 21, 17 + 18 + 22 + 23, 19 + 24] and np.isnan(out[1, 1, 2])
