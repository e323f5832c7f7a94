"""The page in Chinese: complete for what the project itself says, and harmless for what it does not know."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from rs_pipeline.config import parse
from rs_pipeline.indicators.accuracy import Topic, accuracy_lines
from rs_pipeline.indicators.table import needs
from rs_pipeline.indicators.targets import run_targets
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.paths import config_folder
from rs_pipeline.products.register import products, region_maps
from rs_pipeline.publish.geopackage import STATUS_COLOURS
from rs_pipeline.publish.report.build import SCRIPTS, asset
from rs_pipeline.publish.report.methods import methods
from rs_pipeline.publish.report.quality import without_figures
from rs_pipeline.publish.report.words import Chinese
from rs_pipeline.radiometry.offsets import OffsetFacts, OtherDates, by_metadata, pixel_test, weigh

ROOT = Path(__file__).parents[2]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def chinese() -> Chinese:
    return Chinese.read()


def test_every_text_of_the_script_and_the_template_is_translated(chinese):
    script = "\n".join(asset(f"{name}.js") for name in SCRIPTS)
    said = re.findall(r'\bt\(\s*"((?:[^"\\]|\\.)*)"', script) + re.findall(r'\b(?:label|title): "([^"]+)"', script)
    said += re.findall(r'data-t="([^"]+)"', asset("template.html.j2"))
    assert len(said) > 180
    assert [text for text in said if text not in chinese.table] == []


def test_placeholders_are_the_same_in_both_languages(chinese):
    differing = [e for e, c in chinese.table.items() if set(re.findall(r"\{\w+\}", c)) - set(re.findall(r"\{\w+\}", e))]
    assert differing == []
    assert sum(not CHINESE.search(c) for c in chinese.table.values()) < 25  # a few are symbols and names


def test_every_indicator_status_style_and_method_is_translated(chinese, fake, tmp_path):
    words = [i.title for i in INDICATORS.values()] + [s.title for s in (m.style for m in region_maps().values())]
    words += [c.label for s in (m.style for m in region_maps().values()) for c in s.colours if re.search("[a-z]{3}", c.label)]
    words += [text for pair in methods(fake.settings_for(tmp_path)) for text in pair]
    assert [w for w in words if not CHINESE.search(chinese(w))] == []
    assert all(f"{status}: {{ label:" in asset("marks.js") for status in STATUS_COLOURS)


NAMES = {"BOI", "BOI <= 0.065", "CoastSat", "DEA Coastlines", "DSWE", "MNDWI > 0", "NDBWI", "Otsu"}
"""Methods that have no Chinese name."""


def test_every_line_of_the_accuracy_is_translated(chinese):
    words = [row[name] for row in accuracy_lines() for name in ("kind", "label", "peer") if row[name]]
    assert {w for w in (*words, *Topic) if not CHINESE.search(chinese(w))} <= NAMES


def test_every_status_has_one_colour_on_badges_on_the_map_and_in_gis():
    """Patterned ones are plain in a GIS."""
    style, marks = asset("style.css"), asset("marks.js")
    on_badges = {s: re.search(rf"^\.{s} {{\n  background: ([^;]+);", style, re.MULTILINE) for s in STATUS_COLOURS}
    assert [s for s, found in on_badges.items() if not found] == []
    plain = {s: found[1] for s, found in on_badges.items() if found[1].startswith("#")}
    assert {s: re.search(rf'{s}: {{.*fill: "(.+?)"', marks)[1] for s in plain} == plain == {s: STATUS_COLOURS[s] for s in plain}


@pytest.mark.parametrize("column", ["topic", "description", "caveat", "standard", "source"])
def test_every_target_is_translated(chinese, column):
    with (config_folder() / "targets.csv").open(encoding="utf-8-sig", newline="") as file:
        texts = [row[column] for row in csv.DictReader(file) if row[column]]
    left = [t for t in texts if re.search(r"\b[a-z]{3,} [a-z]{3,}\b", chinese(t)) or not CHINESE.search(chinese(t))]
    assert left == []


def test_reasons_keep_their_figures(chinese):
    reason = "63.2 % observed: scaled to the whole, interval widened; a province-wide number, read for one county"
    assert chinese(reason) == "观测到 63.2 %：已推算至全域，区间放宽；全省数值，套用于单个县"
    assert chinese('proxy: "about 40%"; award is administrative') == "替代指标：“40 % 左右”；评选属行政认定"


@pytest.mark.parametrize("flag", [True, False, None])
@pytest.mark.parametrize("baseline", ["05.09", "02.14"])
@pytest.mark.parametrize("level_dn", [30.0, 600.0, 1500.0])
def test_every_decision_on_an_offset_is_translated(chinese, flag, baseline, level_dn):
    """With a scene's figures and, as the page counts decisions, without."""
    rng = np.random.default_rng(1)
    red, swir2 = (rng.normal(level_dn, 50, (80, 80)).clip(1).astype("uint16") for _ in range(2))
    told = by_metadata("earth_search", OffsetFacts(flag=flag, raster_offset=-0.1, baseline=baseline), 0.0)
    for others in (None, OtherDates(8.0, 9, 0.1), OtherDates(-8.0, 9, 0.0)):
        words = weigh(told, pixel_test(red, swir2, None), others).words
        for text in (words, without_figures(words)):
            assert not re.search(r"\b[a-z]{3,} [a-z]{3,}\b", chinese(text)), chinese(text)


def test_what_the_table_does_not_know_stays():
    table = Chinese({"cloud": "云", "{n} dates seen": "{n} 个日期", "{low} to {high}": "{low} 至 {high}"})
    assert table("<b>new</b>; cloud; 3 dates seen") == "<b>new</b>；云；3 个日期"
    assert table("from here to there") == "from here to there"  # too few letters to be recognised
    assert table.of(["cloud", "new", "cloud"]) == {"cloud": "云"}


def test_the_tables_have_no_text_twice():
    tables = [files("rs_pipeline.publish.report") / "page" / "chinese.csv", *filter(None, (p.asset("chinese.csv") for p in products().values()))]
    english = [row["english"] for path in tables for row in csv.DictReader(path.read_text("utf-8").splitlines())]
    assert len(tables) > 5 and len(english) == len(set(english))


ENGLISH = re.compile(r"\b[a-z]{3,} [a-z]{2,}\b")

FILLED = {
    "_amount": "3 (3.2 km)", "said": "change since the baseline +3.2", "why": "was not observed here", "start": "holds today", "end": "where it holds", "doubt": " [-1, +1]",
    "between": " [1, 2]", "target.unit": "%", "unit.level": "county",
}  # fmt: skip
"""What functions and variables put into a text."""

FRAGMENTS = ("was not observed here", "was seen with other pixels", "is not among the periods")
"""Ends of a reason, which is translated as a whole."""

REASON_CALLS = {"missing": 1, "Verdict": 1, "noting": 0, "append": 0}
"""Function to the first of its arguments that may be a reason."""


def spoken(node: ast.AST) -> Iterator[str]:
    """Texts that an expression may be, with FILLED, or 3.2, in the place of what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(v.value if isinstance(v, ast.Constant) else FILLED.get(ast.unparse(v.value).partition("(")[0], "3.2") for v in node.values)
    elif isinstance(node, (ast.IfExp, ast.BoolOp, ast.List, ast.Tuple, ast.Dict)):
        inner = [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.elts if isinstance(node, (ast.List, ast.Tuple)) else node.values
        for value in inner:
            yield from spoken(value)


def reasons_of(path: Path) -> Iterator[str]:
    """Texts given to REASON_CALLS, of variables and constants that hold such texts, and of functions that return them."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            for argument in node.args[REASON_CALLS[name] :] if name in REASON_CALLS else ():
                yield from spoken(argument)
        elif (isinstance(node, ast.Assign) and isinstance(node.value, (ast.JoinedStr, ast.IfExp))) or (
            isinstance(node, ast.Assign)
            and {"NOTE", "NO_TABLE", "NOT_HERE", "NO_PLACES", "NONE_HERE", "OUTSIDE", "said", "words"} & {getattr(t, "id", "") for t in node.targets}
        ):
            yield from spoken(node.value)
        elif isinstance(node, ast.Return) and isinstance(node.value, (ast.JoinedStr, ast.IfExp)):
            yield from spoken(node.value)


def test_no_reason_that_the_code_can_give_is_half_translated(chinese):
    """Every text that indicators and verdicts give as a reason, wherever it stands in the code."""
    homes = [
        path
        for room in ("products", "indicators", "estimation")
        for path in (ROOT / "rs_pipeline" / room).rglob("*.py")
        if path.stem in ("indicators", "status", "estimate", "table", "facts", "values", "supplied")
    ]
    told = sorted({text for path in homes for text in reasons_of(path) if ENGLISH.search(text) and text not in FRAGMENTS and "{" not in text})
    assert len(told) > 60
    assert [text for text in told if ENGLISH.search(chinese(text))] == []


def test_what_a_target_lacks_is_translated(chinese):
    targets = run_targets(
        parse({"run": "x", "units": {"path": "u.gpkg"}, "periods": [2024], "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}]})
    )
    assert [t.target_id for t in targets if ENGLISH.search(chinese(needs(t)))] == []


def test_a_number_takes_its_unit_along(chinese):
    said = "at +0.107 [-0.0972, +0.278] x 2020 urban construction land a year it comes to 2.18 [0.1252, 3.894] in 2035, which straddles the target"
    assert chinese(said) == "按每年 +0.107 [-0.0972, +0.278] 倍（相对 2020 年城镇建设用地） 的速率，2035 年为 2.18 [0.1252, 3.894]，届时区间跨越目标"
