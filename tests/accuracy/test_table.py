"""The committed accuracy table: what it must hold, and that ours has not become worse. Simulated figures are labelled so."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.accuracy.pages import (
    ACCURACY,
    BEGIN,
    END,
    LINES,
    PEERS,
    README,
    README_CHINESE,
    REAL,
    TOPICS,
    chinese_excerpt,
    excerpt,
    page_lines,
    put_into_pages,
    real_excerpt,
    short_excerpt,
)
from benchmarks.accuracy.table import COLUMNS, EVERYWHERE, PATH, SIMULATED_SETS, brought_up_to_date, read_table, simulated_rows, write_table
from benchmarks.accuracy.worlds import DEVELOPMENT_SEEDS, ERROR_WORLDS, EVENT_WORLDS, SMALL, TRAINING, VARIANTS, WORLDS
from rs_pipeline.config import load
from rs_pipeline.indicators import accuracy as page
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.products.register import products
from rs_pipeline.validation.run import score_run
from rs_pipeline.validation.truth import Score, Truth

HIGHER = {
    "f1",
    "recall",
    "precision",
    "concordance",
    "roc_auc",
    "average_precision",
    "found_share",
    "accuracy",
    "told_missing",
    "offset_right",
    "wrong_flag_mended",
    "corrupt_told",
    "duplicate_dropped",
    "observed_share",
    "overall",
    "users",
    "producers",
}
LOWER = {"rmse", "calibration_error", "false_alarm_rate", "false_share", "absolute_error", "mae", "without_observation", "without_reason", "untrue_share"}
NEAR_ZERO = {"bias", "area_bias", "width_bias", "retention_error"}
SLACK = {"1": 0.004, "%": 0.4, "m": 0.4}
"""What another processor or library may change."""


@pytest.fixture(scope="module")
def table():
    return read_table()


@pytest.fixture(scope="module")
def again(simulated_run):
    """Scores of ours on the small world, made now."""
    config, layout, world = simulated_run
    return score_run(layout, Truth(world / "truth"), load(config))


def worse_by(metric: str, was: float, now: float) -> float:
    """How much worse a figure has become; 0 or less where it has not, NaN for metrics without a better side."""
    if metric in HIGHER:
        return was - now
    if metric in LOWER:
        return now - was
    if metric in NEAR_ZERO:
        return abs(now) - abs(was)
    return math.nan


@pytest.mark.parametrize(
    "metric, was, now, wanted",
    [("f1", 0.9, 0.8, 0.1), ("rmse", 0.1, 0.2, 0.1), ("bias", -0.1, 0.05, -0.05), ("bias", 0.02, -0.05, 0.03), ("sd", 1.0, 2.0, math.nan)],
)
def test_what_counts_as_worse(metric, was, now, wanted):
    assert worse_by(metric, was, now) == pytest.approx(wanted, nan_ok=True)


def of_the_small_form(table):
    """Ours, but for figures of zones and of findings in them: the run of the tests has no side tables."""
    return table[
        (table.world == SMALL.group) & (table.method == "ours") & (table["product"] != "findings") & ~table.subset.str.startswith(("red_line_", "reserve_"))
    ]


def test_ours_has_not_become_worse(table, again):
    committed = of_the_small_form(table).set_index(["product", "metric", "subset"]).value
    assert len(committed) > 100
    worse, compared = [], 0
    for score in again:
        was = committed.get((score.product, score.metric, score.subset))
        if was is None or not score.n:
            continue
        slack = SLACK.get(score.unit, 0.02 * abs(was))
        loss = worse_by(score.metric, was, score.value)
        compared += not math.isnan(loss)
        if loss > slack:
            worse.append(f"{score.product} {score.metric} ({score.subset}): {was:g} -> {score.value:.4g} {score.unit}")
    assert not worse, "worse than the committed table (python -m benchmarks.accuracy makes it anew):\n" + "\n".join(worse)
    assert compared > 80


def test_values_of_the_small_world_lie_in_their_intervals(again):
    """All indicators with an error model together; the world is of a development seed, on which the error model was not fitted."""
    (coverage,) = [s for s in again if (s.product, s.metric, s.subset) == ("counties", "coverage", "all, model95")]
    assert coverage.n > 60 and coverage.value >= 90
    assert SMALL not in ERROR_WORLDS and {r.seed for r in ERROR_WORLDS} <= set(DEVELOPMENT_SEEDS)


def test_every_figure_of_the_small_form_is_still_made(table, again):
    committed = of_the_small_form(table)
    made = {(s.product, s.metric, s.subset) for s in again if s.n}
    missing = set(committed[["product", "metric", "subset"]].itertuples(index=False, name=None)) - made
    assert not missing, sorted(missing)


def test_columns_and_labels(table):
    assert tuple(table.columns) == COLUMNS
    assert set(table.kind) == {"simulated", "real"} and table.value.notna().all()
    assert not table.duplicated([c for c in COLUMNS if c != "value"]).any()
    ours = (table.kind == "simulated") & ~table.world.isin(SIMULATED_SETS)
    assert (table[ours].seeds.str.len() > 0).all() and (table[~ours].seeds == "").all()


def test_the_headline_rests_on_five_seeds_nothing_was_fitted_on(table):
    seeds = set(table[(table.world == EVERYWHERE) & (table.kind == "simulated")].seeds)
    (together,) = seeds
    used = {int(s) for s in together.split(";")}
    assert len(used) >= 5 and not used & set(DEVELOPMENT_SEEDS)
    assert {r.seed for r in TRAINING} <= set(DEVELOPMENT_SEEDS)
    assert {r.landscape for r in WORLDS if r.sums_up} == {"coast", "mudflat", "plain", "city", "mountain"}


def test_two_kinds_of_worlds_are_held_out(table):
    held = [r for r in WORLDS if r.held_out]
    assert {r.landscape for r in held if r.seed >= 900} >= {"coast", "city"} and {r.seed for r in held if r.landscape == "lake"} >= {105, 903}
    assert {r.group for r in held} <= set(table.world)
    everywhere = table[table.world == EVERYWHERE]
    assert not everywhere.seeds.str.contains("90").any()


def test_the_baselines_stand_beside_ours_on_the_same_worlds(table):
    headline = table[table.world == EVERYWHERE]
    f1 = headline[(headline["product"] == "water") & (headline.metric == "f1") & (headline.subset == "all")]
    assert {"ours", "mndwi", "otsu", "wofs", "dswe"} <= set(f1.method)
    assert {"ours", "ndvi_5_95"} <= set(headline[headline["product"] == "fvc_peak"].method)
    assert {"ours", "dea", "coastsat"} <= set(headline[headline["product"] == "shoreline"].method)
    black = set(headline[headline["product"] == "black_odorous"].method)
    assert "ours" in black and all(any(m.startswith(name) for m in black) for name in ("boi", "ndbwi", "random_forest"))


def test_events_on_land_are_held_out_too(table):
    """Each of these worlds has its recall, and adds nothing to the figures of other products or of all landscapes."""
    for recipe in EVENT_WORLDS:
        rows = table[table.world == recipe.group]
        assert recipe.held_out and not recipe.sums_up and recipe.group.endswith("(held out)")
        assert set(rows["product"]) == {"findings"} and set(rows.seeds) == {str(recipe.seed)} and set(rows.method) == {"ours"}
        assert "land, events above four pixels" in set(rows[rows.metric == "recall"].subset)


def test_what_another_satellite_fewer_scenes_and_more_years_change(table):
    """Every variant has its rows, of its products alone, and none of them is summed up."""
    assert not any(r.sums_up or r.seed in DEVELOPMENT_SEEDS for r in VARIANTS)
    for recipe in VARIANTS:
        rows = table[table.world == recipe.group]
        assert set(rows["product"]) == set(recipe.products) and set(rows.method) == {"ours"} and set(rows.seeds) == {str(recipe.seed)}

    def cover(variant, metric):
        rows = table[(table.world == f"plain ({variant})") & (table["product"] == "fvc_peak") & (table.metric == metric) & (table.subset == "all")]
        return float(rows.value.iloc[0])

    assert cover("one date in two", "observed_share") > 40  # with local lines alone it was 7 %


def test_a_variant_is_a_column_of_the_excerpt():
    def row(world, value):
        return ("fvc_peak", "rmse", "all", "ours", value, "1", world, "101", "simulated")

    rows = [row(EVERYWHERE, 0.1), row("plain (Landsat alone)", 0.2), row("plain (one date in two)", 0.15)]
    text = excerpt(pd.DataFrame(rows, columns=list(COLUMNS)))
    assert "| plain, seed 101 (simulated) | Landsat alone | one date in two |" in text and "| peak cover: RMSE | 0.2 | 0.15 |" in text


def test_rows_of_worlds_are_joined_by_landscape(tmp_path):
    plain, lake = next(r for r in WORLDS if r.landscape == "plain"), next(r for r in WORLDS if r.landscape == "lake")
    score = Score("water", "f1", "all", 0.9, "1", 10)
    other = Score("water", "f1", "all", 0.6, "1", 20)
    rows = simulated_rows({plain: [("ours", score)], lake: [("ours", other)]})
    found = {r["world"]: (r["value"], r["seeds"]) for r in rows}
    assert found == {"plain": (0.9, "101"), EVERYWHERE: (0.9, "101"), "lake (held out)": (0.6, "105")}
    write_table(rows, tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv").value.tolist() == [0.9, 0.6, 0.9]


def test_some_worlds_bring_only_their_own_rows_up_to_date():
    """Coast is measured again with both seeds, plain is not: the sum of shores is of coasts alone, that of water is not."""

    def row(product, world, seeds, value, method="ours"):
        return dict(zip(COLUMNS, (product, "f1", "", method, value, "1", world, seeds, "simulated"), strict=True))

    old = [
        row("shore", "coast", "1;2", 0.5),
        row("shore", "all", "1;2;3", 0.5),
        row("water", "coast", "1;2", 0.5),
        row("water", "plain", "3", 0.5),
        row("water", "all", "1;2;3", 0.5),
        row("shore", "coast", "1;2", 0.5, "dea"),
        row("shore", "coast (held out)", "9", 0.5),
    ]
    new = [row(p, w, "1;2", 0.7) for p in ("shore", "water") for w in ("coast", "all")] + [row("shore", "coast (held out)", "8", 0.7)]
    got = {(r["product"], r["world"], r["method"]): r["value"] for r in brought_up_to_date(pd.DataFrame(old), new)}
    assert got == {
        ("shore", "coast", "ours"): 0.7,
        ("shore", "all", "ours"): 0.7,
        ("water", "coast", "ours"): 0.7,
        ("water", "plain", "ours"): 0.5,
        ("water", "all", "ours"): 0.5,
        ("shore", "coast", "dea"): 0.5,
        ("shore", "coast (held out)", "ours"): 0.5,
    }


def test_the_pages_show_the_table(table):
    assert f"{BEGIN}\n{real_excerpt(table)}\n\n{excerpt(table)}\n{END}" in ACCURACY.read_text("utf-8")
    assert f"{BEGIN}\n{short_excerpt(table)}\n{END}" in README.read_text("utf-8")
    assert f"{BEGIN}\n{chinese_excerpt(table)}\n{END}" in README_CHINESE.read_text("utf-8")


def test_the_pages_are_brought_up_to_date(table, tmp_path):
    accuracy, readme, chinese = pages = [tmp_path / name for name in ("accuracy.md", "readme.md", "chinese.md")]
    for path in pages:
        path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    put_into_pages(table, *pages, lines=tmp_path / "lines.csv")
    assert (tmp_path / "lines.csv").read_bytes() == page.LINES_PATH.read_bytes()
    assert "\nold\n" not in chinese.read_text("utf-8") and chinese.read_text("utf-8").count("\n|") == 15
    assert accuracy.read_text("utf-8").startswith(f"before\n{BEGIN}\n| real data | ours |") and readme.read_text("utf-8").endswith(f"\n{END}\nafter\n")
    assert "\nold\n" not in accuracy.read_text("utf-8") + readme.read_text("utf-8") and "**real**" in readme.read_text("utf-8")


def test_the_lines_of_the_page_of_a_run_are_those_of_the_table(table):
    """Shipped as data of the package, because an installed one has no tests; every chosen line that the table has, none beside them."""
    shipped = pd.read_csv(page.LINES_PATH, keep_default_na=False, na_values={"ours_elsewhere": "", "peer_value": ""})
    pd.testing.assert_frame_equal(shipped, page_lines(table), rtol=1e-3)
    assert [line for line in shipped.label if line not in {label for label, *_ in (*REAL, *LINES)}] == [] and len(shipped) > 50
    assert shipped.topic.tolist() == sorted(shipped.topic, key=list(page.Topic).index)
    for _, rows in shipped.groupby("topic"):
        assert rows.kind.tolist() == sorted(rows.kind, key=page.MEASURED_ON.index) and not rows.label.iloc[0].startswith("the same")
    assert not shipped.peer.str.contains("_").any() and {t for t in TOPICS.values()} <= set(page.Topic)
    assert set(page.PRODUCTS) <= set(products()) and set(page.PRODUCTS.values()) <= set(page.Topic)


def test_a_line_of_the_page_by_hand():
    """Nearest to no fault: 0.8 of an F1, -1 of a bias. Held-out worlds come before the others, and the peer is of the worlds that ours is of."""
    rows = [
        ("water", "f1", "all", method, value, "1", world, "1", "simulated")
        for world, method, value in (
            ("lake (held out)", "ours", 0.7), ("lake (held out)", "wofs", 0.6), ("lake (held out)", "dswe", 0.8), (EVERYWHERE, "ours", 0.9), (EVERYWHERE, "wofs", 0.95),
        )
    ]  # fmt: skip
    rows += [
        ("fvc_peak", "bias", "all", method, value, "1", EVERYWHERE, "1", "simulated") for method, value in (("ours", 2), ("ndvi_5_95", 3), ("snap_10m", -1))
    ]
    label, *key, world = REAL[9]
    rows.append((*key, "ours", 0.01, "1", world, "", "real"))
    made = page_lines(pd.DataFrame(rows, columns=list(COLUMNS))).astype(object)
    assert made.where(made.notna(), None).to_numpy().tolist() == [
        [page.Topic.VEGETATION, "simulated", "peak vegetation cover: bias", 2, None, PEERS["snap_10m"], -1],
        [page.Topic.WATER, "simulated, held out", "water, all pixels: F1", 0.7, 0.9, "DSWE", 0.8],
        [page.Topic.BLACK_ODOROUS, "real", label, 0.01, None, "", None],
    ]
    assert page_lines(pd.DataFrame(columns=list(COLUMNS))).empty


def test_real_rows_by_hand():
    label, *key, world = REAL[3]
    rows = [
        (*key, method, value, "1", of, "", kind)
        for method, value, of, kind in (
            ("ours", 0.8, world, "real"),
            ("MNDWI > 0", 0.7, world, "real"),
            ("ours", 0.1, "elsewhere", "real"),
            ("ours", 0.2, world, "simulated"),
        )
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    assert f"| {label} | 0.8 | MNDWI > 0: 0.7 |" in real_excerpt(table) and f"| **real**: {label} | 0.8 | MNDWI > 0: 0.7 |" in short_excerpt(table)


def test_an_excerpt_by_hand():
    rows = [
        ("water", "f1", "all", "ours", 0.9, "1", EVERYWHERE, "101;102", "simulated"),
        ("water", "f1", "all", "mndwi", 0.8, "1", EVERYWHERE, "101;102", "simulated"),
        ("water", "f1", "all", "ours", 0.7, "1", "lake (held out)", "903", "simulated"),
        ("water", "f1", "all", "ours", 0.5, "1", "HLS", "", "real"),
    ]
    rows += [
        ("solar", "f1", "all", method, value, "1", world, "106", "simulated")
        for method, value, world in (
            ("ours", 0.6, "solar (arrays)"),
            ("ndbi_dark", 0.4, "solar (arrays)"),
            ("ours", 0.3, "coast (small form, development seed)"),
        )
    ]
    text = excerpt(pd.DataFrame(rows, columns=list(COLUMNS)))
    assert "| water, all pixels: F1 | 0.7 | 0.9 | mndwi 0.8 |" in text and "seeds 101, 102" in text
    assert "| solar arrays: F1 of pixels |  | 0.6 | ndbi_dark 0.4 |" in text, "what no landscape has is that of the worlds made for it"


def test_the_table_is_sorted_and_of_four_digits():
    table = pd.read_csv(PATH, dtype=str, keep_default_na=False)
    assert all(float(v) == float(f"{float(v):.4g}") for v in table.value)
    order = ["kind", "product", "world", "metric", "subset", "method"]
    pd.testing.assert_frame_equal(table, table.sort_values(order, kind="stable").reset_index(drop=True))


def test_every_interval_is_measured_or_named_as_not_measured():
    """An indicator with an interval has a row `coverage` of counties, or stands on the page's list; and nothing stands there that is measured."""
    page = (Path(__file__).parents[2] / "docs" / "accuracy.md").read_text("utf-8")
    listed = re.findall("`([a-z_]+)`", page.partition("<!-- not measured -->")[2].partition("<!-- end of not measured -->")[0])
    rows = read_table()
    rows = rows[rows.metric == "coverage"]
    measured = {subset.partition(", ")[0] for subset in rows.subset[rows["product"] == "counties"]}
    measured |= {f"settlement_bare_{month}" for month in rows.subset[rows["product"] == "dust"]}
    assert sorted(listed) == sorted(name for name, i in INDICATORS.items() if i.bounds and name not in measured)


def test_the_worst_false_alarms_of_solar_arrays_stand_where_arrays_are_described():
    table = read_table()
    shares = table[(table["product"] == "solar") & (table.metric == "false_alarm_share") & (table.kind == "real")].set_index("subset").value
    told = {"wc_lucas_2018": "12 %", "bark, earthlib": "9 %", "wood, earthlib": "7 %"}
    assert {subset: f"{100 * shares[subset]:.0f} %" for subset in told} == told and (shares.drop(list(told)) < 0.07).all()
    concepts = (Path(__file__).parents[2] / "docs" / "concepts.md").read_text("utf-8")
    assert "12 % of those of one source (`wc_lucas_2018`), and 9 % of measured spectra of bark and 7 % of wood" in concepts
