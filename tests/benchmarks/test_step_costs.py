"""What each step costs: how it is counted, and that the page shows what was measured."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.step_costs import OF_THE_CATALOG, results, tile_share
from benchmarks.table import LATEST, STEP_COSTS, steps_table
from rs_pipeline.products.register import season_products
from rs_pipeline.steps import steps

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


@pytest.mark.parametrize(("scope", "share"), [("tile_period", 1), ("tile", 1 / 3), ("period", 0.25), ("map", 0.25), ("run", 0.25 / 3)])
def test_a_step_counts_with_the_part_that_serves_one_tile_year(scope, share):
    assert tile_share(SimpleNamespace(scope=scope), 0.25, 3) == pytest.approx(share)


def test_results_stand_beside_their_sum_the_dearest_first():
    assert [(r.name, r.ours, r.peer) for r in results({"a": 1.0, "b": 3.0})] == [
        ("b: all steps of a tile-year", 3.0, 4.0),
        ("a: all steps of a tile-year", 1.0, 4.0),
    ]


def test_the_page_shows_every_step_as_it_was_measured():
    records = json.loads(LATEST.read_text("utf-8"))
    assert f"<!-- step costs -->\n{steps_table(records)}\n<!-- end of step costs -->" in PAGE.read_text("utf-8")
    measured = {r["name"].partition(":")[0] for r in records if r["case"] == STEP_COSTS}
    assert measured == (set(steps()) - set(OF_THE_CATALOG)) | {f"land, its part {name}" for name in season_products()}
