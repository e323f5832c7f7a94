"""What visits and an earlier list decide of a finding, period by period."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from rs_pipeline.config import parse
from rs_pipeline.errors import ConfigError, TableError
from rs_pipeline.products.findings import NATURAL_COAST, RECLAIMED
from rs_pipeline.products.register import products
from rs_pipeline.products.visits import decided_findings

YEARS = ("2022", "2023", "2024")
SEASON = {"label": "2023-summer", "start": "2023-06-01", "end": "2023-08-31"}


@pytest.fixture
def decided(tmp_path):
    """Periods in which finding L-1 of a list counts as confirmed, joined; ``-`` where nothing is decided of it. Visits are (id, day, answer)."""

    def decided(*visits, state="to_inspect", visited=None, periods=(2022, 2023, 2024), kind=RECLAIMED, kinds=(RECLAIMED,), **tables):
        columns = {"finding_id": ["L-1", "L-2"], "kind": kind, "state": [state, "new"], "first_seen": "2022", "last_seen": "2024"}
        columns |= {} if visited is None else {"visited": [visited, None]}
        gpd.GeoDataFrame(columns, geometry=[shapely.box(x, 39, x + 0.01, 39.01) for x in (118, 119)], crs=4326).to_file(tmp_path / "known.gpkg")
        (tmp_path / "v.csv").write_text("\n".join(["finding_id,date,found,lon,lat", *(f"{i},{day},{answer},118,39" for i, day, answer in visits)]), "utf-8")
        settings = parse(
            {
                "run": "v",
                "output": str(tmp_path),
                "units": {"path": "u.gpkg"},
                "periods": list(periods),
                "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "x"}],
                "tables": {"known_findings": str(tmp_path / "known.gpkg"), "field_results": str(tmp_path / "v.csv")} | tables,
            }
        )
        found = decided_findings(settings, kinds)
        labels = [p.label for p in settings.all_periods]
        assert list(found.columns) == ["first_seen", *(f"confirmed_{p}" for p in labels), "geometry"] and found.crs == 4326
        assert all(found[f"confirmed_{p}"].dtype == bool for p in labels)
        return " ".join(p for p in labels if found[f"confirmed_{p}"].iloc[0]) if len(found) else "-"

    return decided


ALL = " ".join(YEARS)


@pytest.mark.parametrize(
    ("visits", "counts"),
    [
        ([], "-"),
        ([("2023-05-01", "是")], ALL),
        ([("2023-05-01", "否")], ""),
        ([("2022-05-01", "是"), ("2024-05-01", "否")], "2022 2023"),
        ([("2024-05-01", "否"), ("2022-05-01", "是")], "2022 2023"),  # rows in any order
        ([("2022-05-01", "是"), ("2024-01-01", "否")], "2022 2023"),  # gone on the first day of a period: from that period on
        ([("2022-05-01", "是"), ("2023-12-31", "否")], "2022"),
        ([("2022-05-01", "是"), ("2025-02-01", "否")], ALL),  # gone after all periods
        ([("2019-05-01", "是"), ("2020-02-01", "否")], ""),  # gone before all periods
        ([("2020-05-01", "是")], ALL),
        ([("2026-05-01", "否")], ""),
        ([("2023-05-01", "否"), ("2023-05-01", "是")], ALL),  # two visits on a day: one that found it counts
        ([("2022-05-01", "是"), ("2023-05-01", "否"), ("2023-05-01", "是")], ALL),
        ([("2022-05-01", "否"), ("2024-05-01", "是")], "2024"),
        ([("2022-05-01", "是"), ("2023-05-01", "否"), ("2024-05-01", "是")], "2022 2024"),
    ],
)
def test_the_last_word_up_to_a_period_decides_it_and_the_first_what_was_before(decided, visits, counts):
    assert decided(*(("L-1", day, answer) for day, answer in visits)) == counts


@pytest.mark.parametrize(
    ("state", "visited", "visits", "counts"),
    [
        ("confirmed", "2023-05-01", [], ALL),
        ("核查不属实", None, [], ""),
        ("remedied", "2023-05-01", [], "2022"),
        ("remedied", "2023-05-01", [("2022-05-01", "是"), ("2023-05-01", "否")], "2022"),
        ("remedied", "2023-05-01", [("2024-05-01", "是")], "2022 2024"),
        ("remedied", None, [], "-"),  # nobody says since when
        ("remedied", "no day", [], "-"),
        ("confirmed", None, [("2024-05-01", "否")], "2022 2023"),
        ("confirmed", "2023-05-01", [("2023-05-01", "否")], ALL),
        ("refuted", "2022-05-01", [("2023-05-01", "是")], "2023 2024"),
        ("new", "2023-05-01", [], "-"),
    ],
)
def test_an_earlier_list_speaks_on_its_day_of_visit(decided, state, visited, visits, counts):
    assert decided(*(("L-1", day, answer) for day, answer in visits), state=state, visited=visited) == counts


def test_between_two_seasons_what_is_gone_is_gone_in_the_next(decided):
    seasons = [{**SEASON, "label": f"{y}-summer", "start": f"{y}-06-01", "end": f"{y}-08-31"} for y in (2022, 2023)]
    assert decided(("L-1", "2022-07-01", "是"), ("L-1", "2023-01-15", "否"), periods=seasons) == "2022-summer"


def test_what_is_not_meant_decides_nothing(decided, tmp_path):
    assert decided(("L-9", "2023-05-01", "否")) == "-"  # an id that is not on the list
    assert decided(("L-1", "2023-05-01", "否"), kinds=(NATURAL_COAST,)) == "-"  # another kind
    assert decided(("L-1", "2023-05-01", "否"), known_findings=None) == "-"
    assert decided(state="confirmed", field_results=None) == ALL


def test_what_cannot_be_read_is_told_with_its_place(decided):
    with pytest.raises(ConfigError, match="'maybe' is no state of a finding") as fault:
        decided(state="maybe")
    assert fault.value.where == "tables.known_findings, row 1 (L-1), column state"
    with pytest.raises(TableError, match="neither yes nor no") as fault:
        decided(("L-1", "2023-05-01", "也许"))
    assert fault.value.where.endswith("v.csv, row 2, column found")


@pytest.mark.parametrize(
    ("product", "indicator", "rests"),
    [
        ("coastline", "natural_coast_retention", True),
        ("coastline", "reclaimed_area", True),
        ("land", "converted_area", True),
        ("land", "red_line_converted_area", True),
        ("land", "shore_encroached_area", True),
        ("land", "cropland_area", False),
        ("places", "habitat_converted_area", True),
        ("places", "reserve_share", False),
        ("black_odorous", "black_odorous_reaches", True),
    ],
)
def test_the_evidence_of_a_number_names_the_visits_it_rests_on(product, indicator, rests):
    values = {"run": "v", "output": "o", "units": {"path": "u.gpkg"}, "periods": [2024], "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "x"}]}
    with_list, without = (parse(values | {"tables": tables}) for tables in ({"known_findings": "k.gpkg", "field_results": "v.csv"}, {}))
    told = {Path("k.gpkg"), Path("v.csv")} & set(products()[product].evidence(with_list, indicator, ["2024"]))
    assert told == ({Path("k.gpkg"), Path("v.csv")} if rests else set())
    assert not {Path("k.gpkg"), Path("v.csv")} & set(products()[product].evidence(without, indicator, ["2024"]))
