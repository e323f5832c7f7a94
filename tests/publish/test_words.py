"""The page in Chinese: complete for what the project itself says, and harmless for what it does not know."""

from __future__ import annotations

import csv
import re
from importlib.resources import files

import numpy as np
import pytest

from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.paths import config_folder
from rs_pipeline.products.register import products, region_maps
from rs_pipeline.publish.geopackage import STATUS_COLOURS
from rs_pipeline.publish.report.build import SCRIPTS, asset
from rs_pipeline.publish.report.methods import methods
from rs_pipeline.publish.report.quality import without_figures
from rs_pipeline.publish.report.words import Chinese
from rs_pipeline.radiometry.offsets import OffsetFacts, OtherDates, by_metadata, pixel_test, weigh

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
    assert all(f'{status}: {{ label:' in asset("marks.js") for status in STATUS_COLOURS)


@pytest.mark.parametrize("column", ["topic", "description", "caveat", "standard"])
def test_every_target_is_translated(chinese, column):
    with (config_folder() / "targets.csv").open(encoding="utf-8-sig", newline="") as file:
        texts = [row[column] for row in csv.DictReader(file) if row[column]]
    left = [t for t in texts if re.search(r"\b[a-z]{3,} [a-z]{3,}\b", chinese(t)) or not CHINESE.search(chinese(t))]
    assert left == []


def test_reasons_keep_their_figures(chinese):
    reason = "63.2 % observed: scaled to the whole, interval widened; a province-wide number, read for one county"
    assert chinese(reason) == "观测到 63.2 %：已推算至全域，区间放宽；全省数值，套用于单个县"
    assert chinese("proxy: \"about 40%\"; award is administrative") == "替代指标：“40 % 左右”；评选属行政认定"


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
