"""Which transects a visit decides, and in which periods."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from rs_pipeline.config import parse
from rs_pipeline.products.coastline.visits import decided_transects
from rs_pipeline.products.findings import NATURAL_COAST, RECLAIMED

NONE = 4
"""Number of the periods."""


@pytest.fixture
def decided(tmp_path):
    """Decisions of three transects 100 m apart whose shore lies in their middle, a letter a period: c confirmed, r refuted, ``.`` none. The finding is that of the middle one."""

    def decided(began, *visits, state="to_inspect", first_seen="2022", kind=NATURAL_COAST, shift_m=(0, 0), half_m=20.0, more=()):
        strips = [shapely.box(100 - half_m, -20, 100 + half_m, 20), *more]
        columns = {"finding_id": [f"C-{k}" for k in range(len(strips))], "kind": kind, "state": [state, *["refuted"] * len(more)], "first_seen": first_seen}
        frame = gpd.GeoDataFrame(columns | {"last_seen": "2023"}, geometry=strips, crs=32650)
        frame.geometry = frame.translate(500_000 + shift_m[0], 4_300_000 + shift_m[1])
        frame.to_file(tmp_path / "known.gpkg")
        (tmp_path / "v.csv").write_text("\n".join(["finding_id,date,found,lon,lat", *(f"C-0,{day},{answer},117,38.8" for day, answer in visits)]), "utf-8")
        settings = parse(
            {
                "run": "v",
                "output": str(tmp_path),
                "units": {"path": "u.gpkg"},
                "periods": [2020, 2021, 2022, 2023],
                "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "x"}],
                "tables": {"known_findings": str(tmp_path / "known.gpkg"), "field_results": str(tmp_path / "v.csv")},
            }
        )
        lines = [shapely.LineString([(500_000 + x, 4_299_000), (500_000 + x, 4_301_000)]) for x in (0, 100, 200)]
        transects = gpd.GeoDataFrame({"distance_2020": [1000.0] * 3, "distance_2023": [1000.0, np.nan, 1000.0]}, geometry=lines, crs=32650)
        got = decided_transects(settings, NATURAL_COAST, transects, np.array(began))
        return ["".join(word[:1] or "." for word in row) for row in got]

    return decided


def test_a_visit_decides_the_transects_of_its_finding_from_the_first_period_that_shows_it(decided):
    shown = [2, 2, 2]
    assert decided(shown, ("2023-05-01", "否")) == ["....", "..rr", "...."]
    assert decided(shown, ("2023-05-01", "是")) == ["....", "..cc", "...."]
    assert decided(shown, ("2022-05-01", "是"), ("2023-05-01", "否")) == ["....", "..cr", "...."]
    assert decided(shown) == ["...."] * 3
    assert decided(shown, state="confirmed", half_m=120.0) == ["..cc"] * 3


@pytest.mark.parametrize(
    ("began", "first_seen", "answer", "periods"),
    [
        (1, "2022", "是", ".ccc"),  # this run sees it earlier
        (3, "2022", "是", "..cc"),  # the list did
        (NONE, "2022", "是", "..cc"),  # this run sees none any more, an inspector did
        (NONE, "2022", "否", "...."),  # there is none to refute
        (NONE, "2019", "是", "...."),  # and nobody says since which period of this run
        (2, "2019", "否", "..rr"),
        (2, "2022年", "是", "..cc"),
    ],
)
def test_a_finding_begins_where_the_list_or_this_run_first_shows_it(decided, began, first_seen, answer, periods):
    assert decided([NONE, began, NONE], ("2023-05-01", answer), first_seen=first_seen)[1] == periods


@pytest.mark.parametrize(("shift_m", "met"), [((0, 110), True), ((0, 130), False), ((65, 0), False), ((15, -90), True)])
def test_the_shore_may_have_moved_along_its_transect_and_not_beside_it(decided, shift_m, met):
    """A strip of 40 m x 40 m around the shore; transects reach 100 m to either side of it."""
    assert decided([2, 2, 2], ("2023-05-01", "是"), shift_m=shift_m)[1] == ("..cc" if met else "....")


def test_a_finding_of_another_kind_decides_nothing_and_of_two_the_refuted_one_counts(decided):
    assert decided([2, 2, 2], ("2023-05-01", "是"), kind=RECLAIMED) == ["...."] * 3
    assert decided([2, 2, 2], ("2023-05-01", "是"), more=[shapely.box(90, -20, 110, 20)])[1] == "..rr"
