"""Search once: what was seen of a scene is kept as long as its content, and decides as it would be seen anew."""

import os
import random
import shutil
from collections import Counter
from contextlib import contextmanager

import pytest

from rs_pipeline.catalog import clip, looks, self_test
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.looks import kept_look
from rs_pipeline.catalog.registration import TOO_FEW
from rs_pipeline.catalog.search import search
from rs_pipeline.layout import Layout
from tests.catalog.conftest import S2_ASSETS
from tests.catalog.test_self_test import MODERN, dated

OLD = {"s2:processing_baseline": "02.14"}


@pytest.fixture
def opened(monkeypatch):
    """Counts the rasters that are opened, by scene."""
    count = Counter()
    for module in (self_test, clip):
        plain = module.open_band

        @contextmanager
        def counting(scene, role, limits, plain=plain):
            count[scene.scene_id] += 1
            with plain(scene, role, limits) as dataset:
                yield dataset

        monkeypatch.setattr(module, "open_band", counting)
    return count


@pytest.fixture
def dates(world):
    """Four certain dates, and three whose metadata lie or are silent."""
    for day in (2, 7, 12, 17):
        dated(world, f"old-{day}", day, 0, **OLD)
    dated(world, "lies", 20, 1000, **MODERN)
    dated(world, "silent", 24, 1000, **{"earthsearch:boa_offset_applied": None})
    dated(world, "true", 26, 0, **MODERN)
    return world


def decisions(world) -> dict:
    return {s.scene_id: (s.offset, s.offset_decision, s.offset_confidence, s.status, s.registration) for s in read_ledger(Layout(world.settings().root).scenes)}


def test_a_second_search_opens_nothing_and_says_the_same(dates, opened):
    search(dates.settings())
    first = decisions(dates)
    assert len(opened) == 7 and min(opened.values()) >= len(S2_ASSETS) - 1
    opened.clear()
    search(dates.settings())
    assert not opened and decisions(dates) == first


def test_a_new_scene_is_opened_alone_and_decided_with_the_others(dates, opened):
    search(dates.settings(search={"register_scenes": False}))
    opened.clear()
    dated(dates, "new", 28, 1000, **MODERN)
    search(dates.settings(search={"register_scenes": False}))
    assert set(opened) == {"new"} and decisions(dates)["new"][:1] == (-0.1,)
    with_history = decisions(dates)
    for path in (dates.settings().looks_folder).rglob("*.npz"):
        path.unlink()
    search(dates.settings(search={"register_scenes": False}))
    assert decisions(dates) == with_history, "what was kept decides as what is seen anew"


def test_a_file_that_changes_is_looked_at_again(dates, opened):
    search(dates.settings(search={"register_scenes": False}))
    opened.clear()
    path = dates.root / "data" / "lies" / "red.tif"
    os.utime(path, ns=(1, 1))
    search(dates.settings(search={"register_scenes": False}))
    assert set(opened) == {"lies"}


def test_a_kept_look_that_is_damaged_is_made_again(dates, opened):
    search(dates.settings(search={"register_scenes": False}))
    first, path = decisions(dates), next(dates.settings().looks_folder.rglob("*.npz"))
    path.write_bytes(path.read_bytes()[:100])
    opened.clear()
    search(dates.settings(search={"register_scenes": False}))
    assert len(opened) == 1 and decisions(dates) == first


def test_no_flipped_bit_and_nothing_in_its_place_is_taken_for_a_look(dates, opened):
    """Some bits make the reader raise what nobody lists, one makes an array shorter, which is then not read up to its check sum."""
    settings = dates.settings(search={"register_scenes": False})
    search(settings)
    first, path, chance = decisions(dates), next(settings.looks_folder.rglob("*.npz")), random.Random(5)
    (scene,) = [s for s in read_ledger(Layout(settings.root).scenes) if looks._file(settings.looks_folder, s) == path]
    data, whole = path.read_bytes(), repr(kept_look(settings.looks_folder, scene))
    left = 0
    for bit in chance.sample(range(8 * len(data)), 400):
        path.write_bytes(data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :])
        found = kept_look(settings.looks_folder, scene)
        assert found is None or repr(found) == whole, bit
        assert path.exists() == (found is not None)
        left += found is None
    assert left > 100
    path.unlink(missing_ok=True)
    path.mkdir()
    for _ in range(2):
        search(settings)
        assert decisions(dates) == first


def test_other_runs_of_the_folder_profit(dates, opened):
    search(dates.settings(search={"register_scenes": False}))
    opened.clear()
    search(dates.settings(run="other", search={"register_scenes": False}))
    assert not opened


def test_scenes_wait_for_enough_dates_to_be_placed(world, opened):
    """With one date there is nothing to compare; when others come, it is placed with them, once."""
    dated(world, "a", 2, 0, **OLD)
    search(world.settings())
    assert decisions(world)["a"][4] == TOO_FEW
    for day in range(3, 12):
        dated(world, f"b{day}", day, 0, **OLD)
    search(world.settings())
    placed = decisions(world)
    assert all(d[4] not in ("", TOO_FEW) for d in placed.values())
    opened.clear()
    search(world.settings())
    assert not opened and decisions(world) == placed


def test_a_folder_that_cannot_be_written_changes_no_offset_and_is_told_once(dates, opened, caplog):
    settings = dates.settings(search={"register_scenes": False})
    search(settings)
    first = decisions(dates)
    shutil.rmtree(settings.looks_folder)
    settings.looks_folder.touch()  # nobody can make a folder there, root included
    opened.clear()
    search(settings)
    assert len(opened) == 7 and decisions(dates) == first
    assert caplog.text.count("coarse readings of scenes cannot be stored in") == 1
