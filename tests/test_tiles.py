"""The table of the run's tiles, by which everything is planned."""

import random

from rs_pipeline.errors import DamagedError
from rs_pipeline.layout import Layout
from rs_pipeline.tiles import read_tiles
from tests.catalog.conftest import World, make_grid


def test_a_damaged_table_of_tiles_is_told_as_such(tmp_path):
    """A flipped bit may rename a column, or make a number a text."""
    settings, chance = World(tmp_path).settings(), random.Random(7)
    make_grid(settings)
    path, refused = Layout(settings.root).tiles, 0
    data = path.read_bytes()
    for bit in chance.sample(range(8 * len(data)), 1000):
        path.write_bytes(data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :])
        try:
            read_tiles(settings)
        except DamagedError:
            refused += 1
    assert refused > 100
