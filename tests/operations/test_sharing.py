"""The steps of a round share what they decode: each file of a chip is decoded once, and nothing else changes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from benchmarks.harness import run_files
from benchmarks.tile_period import by_rounds, prepare, steps_of_rounds
from benchmarks.tile_year import TILE, YEAR
from rs_pipeline.catalog import chips as chips_module
from rs_pipeline.catalog import decoded
from rs_pipeline.catalog.chips import load_chips, opened_chip
from rs_pipeline.catalog.decoded import sharing
from rs_pipeline.catalog.passes import passes_of
from rs_pipeline.errors import DamagedError
from rs_pipeline.layout import Layout
from rs_pipeline.operations.job import run_round
from rs_pipeline.products.black_odorous.scoring import clear_dates
from rs_pipeline.steps import call_step, rounds


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A simulated tile on a coast of 128² pixels and 6 dates, whose rounds have what they read."""
    return prepare(tmp_path_factory.mktemp("tile"), 128, 6, coast=True)


@pytest.fixture
def opened(monkeypatch):
    """How often each file of a chip was decoded for all steps, and how often it was opened for one."""
    together, alone = Counter(), Counter()
    decode, open_file = decoded._decode, chips_module.foreign_raster
    monkeypatch.setattr(decoded, "_decode", lambda dataset, kept: (together.update([dataset.name]), decode(dataset, kept))[1])
    monkeypatch.setattr(chips_module, "foreign_raster", lambda path: (alone.update([str(path)]), open_file(path))[1])
    return together, alone


def products_of(world) -> dict[str, bytes]:
    """The files that the steps of a tile and period write."""
    return {name: content for name, content in run_files(world.settings.root).items() if name.startswith("tiles/") and "/chips" not in name}


def test_a_round_makes_the_bytes_of_its_steps_by_hand(world):
    for step in steps_of_rounds(world.settings):
        call_step(step, world.settings, (TILE, YEAR))
    by_hand = products_of(world)
    by_rounds(world.settings, 2)
    assert len(by_hand) == 14 and products_of(world) == by_hand


def test_each_file_is_decoded_once_in_the_first_round(world, opened):
    together, alone = opened
    with sharing(1e9):
        for step in rounds(world.settings)[0].steps[1:]:
            call_step(step, world.settings, (TILE, YEAR), threads=2)
    assert together == alone == dict.fromkeys(map(str, world.files), 1), "and opened once more, for its header"


def test_each_file_is_decoded_once_by_steps_that_score(world, opened):
    """They read the same dates, each on a grid of its own."""
    together, alone = opened
    with sharing(1e9):
        for margin_m in (320.0, 0.0):
            passes = passes_of(load_chips(world.settings, TILE, YEAR))
            assert len(list(clear_dates(world.settings, passes, world.grid.buffered(margin_m)))) == world.n_dates
    assert together == alone == dict.fromkeys(map(str, world.files), 1)


@pytest.mark.parametrize("limit_bytes", [0, 200_000, 1_000_000])
def test_memory_stays_within_the_limit_and_bytes_the_same(world, limit_bytes):
    observe = next(s for s in steps_of_rounds(world.settings) if s.name == "observe")
    call_step(observe, world.settings, (TILE, YEAR))
    alone = products_of(world)
    with sharing(limit_bytes):
        call_step(observe, world.settings, (TILE, YEAR), threads=2)
        kept = decoded._kept
        held = sum(f.numbers.nbytes for f in kept.files.values() if f) + sum(n_bytes for _, n_bytes in kept.made.values())
        assert held == kept.used_bytes <= limit_bytes and (held > 0) == (limit_bytes > 0)
        assert None in kept.files.values(), "there was not room for all"
    assert products_of(world) == alone and decoded.limit_bytes() == 0


def test_what_is_kept_cannot_be_changed(world):
    chip = load_chips(world.settings, TILE, YEAR)[0]
    path, _ = chip.files["red"]
    with sharing(1e9), opened_chip(path) as source:
        assert not isinstance(source, decoded.Decoded), "its content was not compared with the manifest inside"
    with sharing(1e9):
        load_chips(world.settings, TILE, YEAR)
        with opened_chip(path) as source, pytest.raises(ValueError, match="read-only"):
            source.read(1)[:] = 0


def test_a_chip_that_was_damaged_is_found_and_one_made_again_is_read_again(world):
    settings = world.settings
    path = Layout(settings.root).chip_folder(YEAR, TILE) / "S2_0000" / "10m-0.tif"
    with sharing(1e9):
        load_chips(settings, TILE, YEAR)
        with opened_chip(path) as source:
            before = source.read(1).copy()
        whole = path.read_bytes()
        path.write_bytes(whole[:-100] + bytes(100))
        try:
            with pytest.raises(DamagedError, match="S2_0000 is not what was written"):
                load_chips(settings, TILE, YEAR)
        finally:
            path.write_bytes(whole)
        decoded.headers_of(path.parent, "of another content", chips_module._headers)
        assert path not in decoded._kept.files and not decoded._kept.made
        load_chips(settings, TILE, YEAR)
        with opened_chip(path) as source:
            assert np.array_equal(source.read(1), before)


def test_a_damaged_chip_is_mended_between_the_steps_of_a_round(world, monkeypatch):
    """Its content is compared before every step, though the first step has it in memory."""
    settings, layout = world.settings, Layout(world.settings.root)
    path = layout.chip_folder(YEAR, TILE) / "S2_0001" / "10m-0.tif"
    whole, mended = path.read_bytes(), []

    def mend(settings, fault):
        mended.append(fault.what)
        path.write_bytes(whole)

    def damage_after(step, *args, **kwargs):
        call_step(step, *args, **kwargs)
        if step.name == "observe":
            path.write_bytes(whole[:-100] + bytes(100))

    monkeypatch.setattr("rs_pipeline.operations.job.make_again", mend)
    monkeypatch.setattr("rs_pipeline.operations.job.call_step", damage_after)
    expected = products_of(world)
    for name in ("observations", "land"):
        layout.tile_map(YEAR, TILE, name).unlink()
    run_round(settings, 1, TILE, YEAR)
    assert mended == ["the chip S2_0001 is not what was written"] and products_of(world) == expected
