"""Blocks of a tile: they cover it once, fit into the budget, and follow the files where they can."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rs_pipeline.model import Grid
from rs_pipeline.products.blocks import Block, FileBlocks, plan_blocks


def grid(width, height):
    return Grid("EPSG:32650", 10.0, 600_000.0, 4_300_000.0, width, height)


FILES = [FileBlocks(left=-6.0, top=-6.0, width=512.0, height=512.0, weight=600.0, count=420)]


def alive(blocks):
    """Pixels held at a time: two blocks, the largest."""
    return sum(sorted(b.height * b.width for b in blocks)[-2:])


def test_a_tile_that_fits_is_one_block():
    assert plan_blocks(grid(1024, 1024), FILES, 1000.0, 2e9) == [Block(0, 0, 1024, 1024)]


def test_two_blocks_fit_into_the_budget():
    blocks = plan_blocks(grid(1024, 1024), FILES, 3200.0, 1e9)
    assert 1 < len(blocks) and alive(blocks) * 3200 <= 1e9


def test_cuts_lie_where_the_blocks_of_the_files_end():
    edges = {b.row for b in plan_blocks(grid(1024, 1024), FILES, 3200.0, 1e9)} - {0}
    assert edges and all((edge + 6) % 512 == 0 for edge in edges)


def test_without_files_and_with_too_small_a_budget_blocks_are_the_smallest():
    blocks = plan_blocks(grid(200, 100), [], 3200.0, 1.0)
    assert max(b.height for b in blocks) == 64 and max(b.width for b in blocks) == 64


@given(st.integers(1, 700), st.integers(1, 700), st.floats(1e5, 1e9), st.floats(-300, 0))
def test_blocks_cover_the_tile_once(width, height, budget, left):
    seen = np.zeros((height, width), int)
    for b in plan_blocks(grid(width, height), [FileBlocks(left, left, 256.0, 256.0, 60.0, 60)], 900.0, budget):
        assert b.height > 0 and b.width > 0
        seen[b.row : b.row + b.height, b.col : b.col + b.width] += 1
    assert (seen == 1).all()
