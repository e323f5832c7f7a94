"""Files that people receive and return: the workbook of the results, and the filled-in form of findings. On the finished run of a tiny world (simulated)."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import shapely

from benchmarks.attack import Attack
from benchmarks.attacks.disk import copied, must_end_well, ran
from rs_pipeline.config import parse
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.model import Period
from rs_pipeline.products.findings import RECLAIMED, found_table
from rs_pipeline.products.visits import field_results
from rs_pipeline.publish.findings import listed, write_form
from rs_pipeline.storage.layers import write_layer

YEAR, YEAR_AFTER = "2024", "2025"
NUMBERS = ("value", "lower", "upper", "observed_fraction", "n_scenes", "target_value", "detection_limit", "slope_per_year")


def form_and_back(folder: Path) -> str:
    """A visit in GB18030 under Chinese names confirms a reach; then the form comes back from Excel with ids only and states that it is gone."""
    small = copied(folder)
    reach = gpd.read_file(small.layout.reaches, layer="reaches").query(f"period == '{YEAR}'").iloc[0]
    (small.folder / "visits.csv").write_text(f"经度,纬度,核查日期,是否属实\n{reach.lon},{reach.lat},{YEAR}年7月1日,是\n", "gb18030")
    small.configure(tables={"field_results": "visits.csv"})
    must_end_well(ran(small))
    first = gpd.read_file(small.layout.findings).set_index("place")
    assert first.state[reach.reach_id] == "confirmed", first.state.to_dict()
    number = first.finding_id[reach.reach_id]
    shutil.copy(small.layout.findings, small.folder / "known.gpkg")
    book = openpyxl.load_workbook(small.layout.findings_form)
    sheet = book.worksheets[0]
    at = {cell.value: cell.column for cell in sheet[2]}
    row = next(row[0].row for row in sheet.iter_rows(min_row=3) if row[0].value == number)
    for column, value in {"lon": None, "lat": None, "date": datetime(int(YEAR), 9, 1), "found": "否"}.items():
        sheet.cell(row, at[column]).value = value
    book.save(small.folder / "form.xlsx")
    small.configure(tables={"field_results": "form.xlsx", "known_findings": "known.gpkg"})
    must_end_well(ran(small))
    again = gpd.read_file(small.layout.findings).set_index("finding_id")
    assert (again.state[number], again.visited[number]) == ("remedied", f"{YEAR}-09-01"), again.loc[number].to_dict()
    now = gpd.read_file(small.layout.reaches, layer="reaches").query(f"period == '{YEAR}' and reach_id == '{reach.reach_id}'").iloc[0]
    assert (now["class"], now.field) == ("clear", "refuted"), tuple(now[["class", "field"]])
    return f"{number}: confirmed by a visit in GB18030, remedied by the form from Excel; class of the reach {now['class']}, {len(again)} findings"


def answers_in_a_spreadsheet(folder: Path) -> str:
    """Every number of the workbook equals that of the CSV, and every code is a text."""
    small = copied(folder)
    book = openpyxl.load_workbook(small.layout.indicators_workbook)
    rows = [row for sheet in book.worksheets[:-1] for row in sheet.iter_rows(min_row=3, values_only=True)]
    mine = pd.DataFrame(rows, columns=[c.value for c in next(book.worksheets[0].iter_rows(min_row=2, max_row=2))], dtype=object)
    theirs = pd.read_csv(small.layout.indicators, encoding="utf-8-sig", dtype={"adcode": str, "period": str})
    key = ["adcode", "level", "period", "indicator", "target_id"]
    both = theirs.assign(target_id=theirs.target_id.fillna("")).merge(
        mine.assign(target_id=mine.target_id.fillna("")), on=key, suffixes=("", "_book"), how="outer", indicator=True
    )
    assert (both._merge == "both").all() and len(both) == len(theirs), both._merge.value_counts().to_dict()
    differing = [n for n in NUMBERS if not both[n].astype(float).equals(both[f"{n}_book"].astype(float))]
    assert not differing and mine.adcode.map(type).eq(str).all() and (mine.adcode == "000000").any(), differing
    return f"{len(both)} rows, {int(both[list(NUMBERS)].notna().sum().sum())} numbers equal; {len(book.worksheets)} sheets, 000000 is a text"


def what_nobody_tells_of(folder: Path) -> str:
    """Three spots of an earlier list: the form comes back with merged cells and GCJ-02 stated; the next run finds none of the spots, but 25 ha 30 m beside one of them."""
    east, north = 500_000.0, 4_300_000.0
    periods = [Period(label, date(int(label), 1, 1), date(int(label), 12, 31)) for label in ("2024", YEAR_AFTER)]
    units = gpd.GeoDataFrame({"adcode": ["130203"], "name": ["A"], "prefecture": ["B"]}, geometry=[shapely.box(116, 38, 118, 40)], crs=4326)

    def told(*squares: tuple[float, float]) -> gpd.GeoDataFrame:
        rows = [{"kind": RECLAIMED, "first_seen": YEAR_AFTER, "last_seen": YEAR_AFTER, "amount": side**2, "unit": "m2"} for _, side in squares]
        return found_table(rows, [shapely.box(east + x, north, east + x + side, north + side) for x, side in squares], "EPSG:32650")

    first = listed(told((0, 30), (2000, 100), (4000, 100)), None, units, periods)
    write_layer(first, folder / "known.gpkg", "findings")
    write_form(first, folder / "form.xlsx")
    book = openpyxl.load_workbook(folder / "form.xlsx")
    sheet = book.worksheets[0]
    at = {cell.value: cell.column for cell in sheet[2]}
    for column, value in {"date": datetime(int(YEAR_AFTER), 9, 1), "found": "否"}.items():
        sheet.cell(3, at[column]).value = value
        sheet.merge_cells(start_row=3, end_row=5, start_column=at[column], end_column=at[column])
    book.save(folder / "form.xlsx")
    values = {
        "run": "f",
        "output": str(folder),
        "units": {"path": "u.gpkg"},
        "periods": [2024, int(YEAR_AFTER)],
        "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "x"}],
        "tables": {"field_results": str(folder / "form.xlsx"), "known_findings": str(folder / "known.gpkg")},
        "inputs": {"tables.field_results": {"crs": "gcj02"}},
    }
    settings = parse(values)
    visits, known = field_results(settings), load_vector(settings, "tables.known_findings")
    away_m = float(visits.to_crs(32650).distance(known.to_crs(32650), align=False).max())
    now = listed(told((60, 500)), known, units, periods, visits)
    states = dict(zip(now.amount, now.state, strict=True)), now.state.tolist().count("refuted")
    assert len(visits) == 3 and away_m < 1 and states == ({250_000.0: "new", 900.0: "refuted", 10_000.0: "refuted"}, 3), (len(visits), away_m, states)
    return f"{len(visits)} visits of merged cells, each within {away_m:.1f} m of its finding; 3 spots that are gone refuted, 25 ha beside one of them {states[0][250_000.0]}"


ATTACKS = (
    Attack(
        "what nobody tells of any more",
        "A visit decides a finding that no satellite tells of any more, and its neighbour inherits nothing.",
        what_nobody_tells_of,
    ),
    Attack("the form comes back", "Visits of any usual form decide state, class and id of what they name, and ids last over runs.", form_and_back),
    Attack("answers in a spreadsheet", "The workbook holds the numbers of indicators.csv, and codes stay texts.", answers_in_a_spreadsheet),
)
