"""The report in a real browser: it asks no network, complains of nothing, and can be read with mouse, keyboard and in Chinese."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from benchmarks.invented_run import province
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import period_maps
from rs_pipeline.publish.pdf import pdf
from rs_pipeline.publish.report import report
from rs_pipeline.publish.report.text import text

try:
    from benchmarks import browser

    LACKING = browser.missing()
except ModuleNotFoundError as fault:
    LACKING = f"{fault.name} is not installed: pip install -e '.[test]'"

VIEWS = ("sheet", "sheet/130202", "map", "county/130201", "targets", "findings", "findings/130202", "inspection", "waters", "coast", "quality", "methods")

pytestmark = pytest.mark.skipif(bool(LACKING) and os.environ.get("CI") != "true", reason=LACKING or "a browser is here")


@pytest.fixture(scope="module")
def page():
    with browser.browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def run(fake_report) -> Path:
    return fake_report


NAMES_AROUND = (
    "const all = document.querySelectorAll('svg.map .around'), first = document.querySelector('svg.map > *'), style = getComputedStyle(all[0]);"
    "return [all.length, all[0].getAttribute('aria-hidden'), style.pointerEvents, first === all[0]]"
)
"""How many paths there are of what lies around the region, whether they are hidden and can be touched, and whether they lie beneath all else."""

FITTING = (
    "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(document.querySelectorAll('svg.map .beyond.fits').length))))"
)


def opened(page, path: Path, address: str = "", size: tuple[int, int] = (1440, 900)):
    page.size(*size)
    page.open(path, address)
    page.run("localStorage.clear()")
    return page


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_view_is_drawn_from_the_disk_alone(page, run, view, language):
    page.requests(), page.complaints()
    opened(page, run, f"#{view}?lang={language}&period=2023")
    page.run("document.querySelectorAll('img').forEach((i) => { i.loading = 'eager'; })")
    asked = page.requests()
    assert asked and all(url.startswith(("file://", "data:", "about:")) for url in asked), asked
    assert page.complaints() == []
    assert page.count("main h2") == 1 and len(page.texts("main")[0]) > 120
    wide = page.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]


def test_the_sheet_and_a_county_become_pdf(run, fake_run):
    sheet, county = pdf(fake_run, ["130202"], "zh")
    pages = [len(re.findall(rb"/Type ?/Page\b", path.read_bytes())) for path in (sheet, county)]
    assert (sheet.name, county.name) == ("sheet.pdf", "130202.pdf") and sheet.read_bytes().startswith(b"%PDF")
    assert pages[0] <= 4 and pages[1] <= 6, pages


def test_the_map_has_prefectures_and_a_scale(page, run):
    opened(page, run, "#map")
    assert page.count("svg.map path.prefecture") >= 1
    assert re.fullmatch(r"[125]0* k?m", page.texts(".scale span")[0])


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(page, run, view, language, width):
    opened(page, run, f"#{view}?lang={language}&period=2023", size=(width, 900))
    page.open_all()
    assert page.inaccessible() == []


@pytest.mark.parametrize(("layer", "names"), [("water", ["water_2023.tif", "water_2023.qml"]), ("true_colour", [])])
def test_a_map_that_is_shown_links_to_its_files(page, run, layer, names):
    opened(page, run, f"#map?layer={layer}&period=2023")
    assert page.texts("figcaption.legend a") == names


def test_the_map_is_drawn_and_coloured(page, run, fake):
    opened(page, run, "#map?indicator=grassland_fvc.C10-02&period=2023")
    assert page.count("svg.map path.county[id]") == len(fake.units)
    boxes = page.run("return [...document.querySelectorAll('svg.map path.county[id]')].map((p) => p.getBoundingClientRect().width)")
    assert min(boxes) > 100
    fills = page.run("return [...document.querySelectorAll('svg.map path.county[id]')].map((p) => p.getAttribute('fill'))")
    assert fills == ["#f0b357", "url(#undecidable)", "#12507b"]  # off track, undecidable, met
    assert fake.hostile in "".join(page.texts("svg.map text"))


def test_every_figure_is_a_cell_of_the_table(page, run, fake_run):
    """Whatever number a view shows of a unit, period and indicator: it names its cell of indicators.csv, and is what stands there to three digits."""
    table = pd.read_csv(Layout(fake_run.root).indicators, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    cells = {(text(r.adcode), r.period, r.indicator, r.target_id): r for r in table.itertuples()}
    seen = set()
    views = [f"{view}/{code}" for view in ("sheet", "county") for code in ("130201", "130202", "130203", "region")]
    for view in [*views, "map", "inspection", "waters", "coast", "quality", "map?indicator=grassland_fvc.C10-02"]:
        for period in ("2022", "2023"):
            opened(page, run, f"#{view}{'&' if '?' in view else '?'}lang=en&period={period}")
            page.run("document.querySelectorAll('.pager button:last-child').forEach((b) => b.click())")
            shown = page.run("return [...document.querySelectorAll('data')].map((n) => [n.dataset.cell, n.value, n.textContent])")
            assert len(shown) >= 3, view
            for cell, value, words in shown:
                *key, column = cell.split("|")
                held = float(getattr(cells[tuple(key)], column))
                assert float(value) == pytest.approx(held, rel=1e-4), cell
                digits = words.replace("−", "-").replace(",", "").replace("%", "").replace("+", "")
                assert float(digits) / (100 if "%" in words else 1) == pytest.approx(held, rel=6e-3, abs=5e-3 if "%" in words else 1e-9), (cell, words)
                seen.add(cell)
    assert len({cell.split("|")[2] for cell in seen}) >= 10 and {cell.rsplit("|", 1)[1] for cell in seen} == {
        "value",
        "lower",
        "upper",
        "observed_fraction",
        "slope_per_year",
    }


def test_the_front_sheet_says_how_it_stands_what_to_inspect_and_why(page, run):
    opened(page, run, "#?lang=en")
    assert page.texts("h2") == ["Whole region"] and page.texts("nav a[aria-current]") == ["Overview"]
    assert "In 2023, 2 of 4 targets can be graded here, by 2 measures: 1 not met, 1 met." in page.texts(".lead")[0]
    verdicts = page.run("return [...document.querySelectorAll('main table .why')].map((n) => n.textContent)")
    assert verdicts == ["It does not hold, with the whole interval.", "It holds, with the whole interval."], "the worst first"
    assert "2.2" in page.texts("main table tr:nth-child(1) td")[1] and page.count("main table .spark") == 2
    assert page.texts(".toinspect li a")[0] == "new reclamation" and "2 suspected places wait for a visit, 1 of them new." in page.texts("main")[0]
    page.run("document.querySelector('.toinspect a').click()")
    assert page.run("return location.hash").startswith("#findings/L-")
    assert page.count(".reachcard") == 1 and page.count(".beforeafter img") == 2 and page.count(".locator .spot") == 1
    assert "城关镇" in page.texts(".reachcard .facts p")[1]
    links = page.run("return [...document.querySelectorAll('.reachcard .facts a')].map((a) => a.href.split(':')[0])")
    assert links[-3:] == ["https", "https", "geo"]
    opened(page, run, "#sheet/130201?lang=zh")
    assert page.texts("main table .why") == ["按目前速度，2035 年达不到。", "观测不足，无法判定。"]


def test_watched_places_are_drawn_when_they_are_opened(page, run):
    opened(page, run, "#findings?lang=en")
    assert page.texts(".fold summary h3") == ["Watched places"] and page.count(".fold table") == 0
    page.run("document.querySelector('.fold summary').click()")
    page.run("return new Promise((done) => setTimeout(done, 200))")
    assert page.count(".fold tbody tr") == 2
    village = page.run("return [...document.querySelectorAll('.fold tbody tr:nth-child(2) td')].map((n) => n.textContent)")
    assert village[0] == "village" and village[4:] == ["41.5 %", "39.5 to 43.5", "1", "C19-05"]
    assert page.texts(".fold tbody tr:nth-child(1) td:nth-child(5)") == ["no pixel with enough clear months"]


def test_a_product_lies_where_it_belongs(page, run):
    """The picture covers the counties, whose outlines the grid exceeds by less than a pixel, and the lake lies 900 m east, 360 m south."""
    opened(page, run, "#map?layer=water&period=2022")
    page.driver.execute_async_script("document.querySelector('svg.map image').onload = arguments[0]; setTimeout(arguments[0], 1500)")
    picture, counties = page.run(
        "const box = (n) => { const b = n.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };"
        "const all = [...document.querySelectorAll('svg.map path.county[id]')].map(box);"
        "return [box(document.querySelector('svg.map image')), [Math.min(...all.map((b) => b[0])), Math.min(...all.map((b) => b[1])),"
        " Math.max(...all.map((b) => b[2])), Math.max(...all.map((b) => b[3]))]]"
    )
    metre = (counties[2] - counties[0]) / 1800
    assert picture == pytest.approx(counties, abs=10 * metre + 1)
    shown = Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("RGB")
    lake, land = ((counties[0] + x * metre, counties[1] + y * metre) for x, y in ((900, 360), (300, 360)))
    assert shown.getpixel(tuple(map(round, lake))) == (0x0B, 0x3C, 0x8C)
    assert min(shown.getpixel(tuple(map(round, land)))) > 200
    assert page.complaints() == []


def test_colour_filter_and_sort_change_what_is_shown(page, run):
    opened(page, run, "#map?indicator=grassland_fvc.C10-02&period=2023")
    names = lambda: page.texts("#all-counties tbody tr td:first-child")  # noqa: E731
    assert names()[0] == "Whole region" and len(names()) == 4
    page.run("document.querySelectorAll('#all-counties th button')[2].click()")
    assert names()[-1] == "Whole region"
    page.run("const s = document.querySelectorAll('#all-counties select')[0]; s.value = 'undecidable'; s.dispatchEvent(new Event('change'))")
    assert len(names()) == 1
    page.run("[...document.querySelectorAll('.choice button')].find((b) => b.textContent === 'Value').click()")
    fills = page.run("return [...document.querySelectorAll('svg.map path.county[id]')].map((p) => p.getAttribute('fill'))")
    assert all(f.startswith("rgb(") for f in fills) and len(set(fills)) == 3
    assert page.count('svg.map path[fill="url(#doubt)"]') == 1  # the undecidable county is hatched on the values too
    assert "colour=value" in page.run("return location.hash")


def test_a_county_has_its_own_address_charts_and_pictures(page, run, fake, tmp_path):
    opened(page, run, "#county/130203?period=2022")
    assert page.texts("h2") == ["安新县"] and page.count("svg.series") == 2 and page.count("#main svg.spark") >= 8
    intervals = page.run("return [...document.querySelectorAll('svg.series path.intervals')].map((path) => path.getAttribute('d')).join('')")
    assert intervals.count("M") == intervals.count("V") >= 4
    page.run("document.querySelectorAll('img').forEach((i) => { i.loading = 'eager'; })")
    page.driver.set_script_timeout(20)
    sizes = page.driver.execute_async_script(
        "const done = arguments[0]; const all = [...document.querySelectorAll('.strip img')];"
        "Promise.all(all.map((i) => i.decode())).then(() => done(all.map((i) => i.naturalWidth)), (e) => done([String(e)]))"
    )
    n_maps = 2 * len(period_maps(fake.settings_for(tmp_path)))
    assert sizes == [60] * n_maps  # every map of 2 periods, 600 m in pixels of 10 m
    page.run("document.querySelector('.steps a').click()")
    assert page.run("return location.hash").startswith("#county/130202")


def test_the_methods_show_how_right_each_product_is(page, run):
    """Real data before simulated ones, ours beside the best other method, the standard below."""
    opened(page, run, "#methods?lang=en")
    assert page.texts(".accuracy summary h3")[:4] == ["Reflectance", "Vegetation cover", "Water", "Black-odorous water"]
    first, *_, last = page.run(
        "return [...document.querySelectorAll('.accuracy .fold')[3].querySelectorAll('tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))"
    )
    assert first == ["natural waters called black: share of 336 spectrareal", "0.0119", "0.181BOI <= 0.065"]
    assert last[0] == "ranking: ROC AUCsimulated, held out" and last[1].endswith("on other worlds")
    assert any("SL 190" in said for said in page.texts(".accuracy .hint"))
    assert "null" not in page.texts(".accuracy")[0] and page.run("return document.querySelectorAll('*').length") < 1000
    opened(page, run, "#methods?lang=zh", size=(390, 900))
    assert page.count(".accuracy .fold[open]") == 0  # on a phone each topic is opened when it is wanted
    page.open_all()
    assert "被误判为黑臭的天然水体" in page.texts(".accuracy")[0] and page.count(".accuracy select") == 0


def test_the_language_is_switched_and_kept(page, run):
    opened(page, run, "#map?indicator=grassland_fvc.C10-02")
    page.run("document.querySelector('.language').click()")
    assert page.run("return document.documentElement.lang") == "zh-CN"
    assert page.texts("h2") == ["草地卫星植被覆盖度"] and "达标" in page.texts("main")[0]
    page.open(run, "#targets")
    assert page.texts("h2") == ["目标"]
    page.run("localStorage.clear()")


def test_no_sentence_stays_english_in_chinese(page, run):
    """Nowhere two English words in a row, but for what the table cannot know."""
    for view in VIEWS:
        opened(page, run, f"#{view}?lang=zh&period=2023")
        page.open_all()
        parts = page.run("return [...document.querySelectorAll('header, nav, main, footer')].map((n) => n.innerText)")
        left = re.findall(r"\b[a-z]{3,} [a-z]{2,}\b", "\n".join(parts).replace("fvc peak", ""))  # an indicator that nobody translated
        assert left == [], view


def test_the_page_is_used_with_the_keyboard_alone(page, run):
    focused = lambda: page.run("const n = document.activeElement; return [n.tagName, n.textContent.slice(0, 40), n.className]")  # noqa: E731
    opened(page, run, "#map?indicator=grassland_fvc.C10-02&period=2023")
    page.press("Tab")
    assert focused()[2] == "skip"
    page.press("Enter")
    assert page.run("return document.activeElement.id") == "main"
    page.run("document.querySelector('svg.map').focus()")
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press("ArrowRight")
    page.press("ArrowRight")
    assert page.run("return document.activeElement.getAttribute('aria-activedescendant')") == "county-1"
    assert "undecidable" in page.texts("#live")[0]
    page.press("Enter")
    assert page.run("return location.hash").startswith("#county/130202")
    assert focused()[0] == "H2"
    opened(page, run, "#map?indicator=grassland_fvc.C10-02&period=2023")
    page.run("document.querySelector('.scoreboard button').focus()")
    page.press("ArrowDown")
    page.press("Enter")
    assert "black_odorous_reaches" in page.run("return location.hash")
    assert focused()[0] == "BUTTON" and "black-odorous" in focused()[1]  # the redraw left the focus where it was
    page.run("document.querySelector('#all-counties tbody a').focus()")
    page.press("End")
    assert page.run("return document.activeElement === [...document.querySelectorAll('#all-counties tbody a')].pop()")


@pytest.mark.parametrize("view", ["sheet", "map", "county/130201", "targets", "findings", "inspection", "coast", "quality", "methods"])
def test_a_phone_needs_no_sideways_scrolling(page, run, view):
    opened(page, run, f"#{view}", size=(375, 812))
    page.open_all()
    assert page.run("return document.documentElement.scrollWidth") <= 375
    small = page.run(
        "return [...document.querySelectorAll('main button, main select')].filter((b) => b.offsetParent && b.getBoundingClientRect().height < 18).length"
    )
    assert small == 0


def test_printed_the_tables_are_whole(page, fake, run):
    opened(page, run, "#county/130201?period=2023")
    page.run("window.dispatchEvent(new Event('beforeprint'))")
    assert page.count(".pager") == 0
    page.run("window.dispatchEvent(new Event('afterprint'))")
    assert page.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"].startswith("JVBERi0")


def test_an_empty_run_says_what_is_missing_in_every_view(page, tmp_path, fake):
    settings = fake.settings_for(tmp_path, coastline=False)
    report(settings)
    words = {
        "map": "indicators.csv is not made yet",
        "county": "indicators.csv is not made yet",
        "inspection": "reaches.gpkg is missing",
        "waters": "bodies.gpkg is missing",
        "coast": "no section coastline",
        "quality": "search has not run",
        "targets": "red line",
    }
    for view, said in words.items():
        opened(page, Layout(settings.root).report, f"#{view}")
        assert said in page.texts("main")[0], view
        assert page.complaints() == []


@pytest.mark.parametrize(("language", "grade"), [("en", "severe bloom"), ("zh", "重度水华")])
def test_months_of_a_named_water_are_drawn_when_it_is_opened(page, run, language, grade):
    opened(page, run, f"#waters?lang={language}")
    assert page.texts("main details summary") == ["白洋淀"] and page.count("main details .chart, main details table") == 0
    page.open_all()
    assert page.count("main details .chart") == 3 and page.count("main details circle") == 12
    rows = page.texts("main details tbody tr")
    assert len(rows) == 5 and rows[0].startswith("2023-08") and grade in rows[0] and rows[2].count("–") == 5
    assert page.complaints() == []


def test_a_province_of_ten_years_is_light(page, tmp_path):
    """167 counties, ten years, every indicator: bounds on size and elements; benchmarks/latest.json has the time."""
    settings = province(tmp_path)
    report(settings)
    path = Layout(settings.root).report
    assert path.stat().st_size < 5e6
    opened(page, path)
    assert page.count("table .whisker") > 20 and page.count(".sign") > 100  # the verdicts of the prefectures
    assert page.run("return document.querySelectorAll('*').length") < 3000
    opened(page, path, "#map")
    assert page.count("svg.map path.county[id]") == 167
    assert page.run(NAMES_AROUND) == [1, "true", "none", True]
    assert {"北京市", "天津市"} <= set(page.texts("svg.map .beyond.fits")) and page.count("svg.map .beyond:not([aria-hidden])") == 0
    phone = opened(page, path, "#map", size=(390, 900))
    assert 0 < phone.run(FITTING) < phone.count("svg.map .beyond"), "on a phone fewer names have room"
    assert phone.run("return document.querySelector('svg.map .place').getBoundingClientRect().height") >= 10
    opened(page, path, "#map")
    assert page.run("return document.querySelectorAll('*').length") < 3000
    assert page.complaints() == []
    opened(page, path, "#county/130632")
    assert page.texts("h2") == ["安新县"] and page.run("return document.querySelectorAll('*').length") < 3000
    page.open_all()
    assert page.texts(".pager span")[0].startswith("1 to 15 of") and page.run("return document.querySelectorAll('*').length") < 3000
