"""Excerpts of the accuracy table for docs/accuracy.md, the README and the page of a run: real data first, then ours and the baselines on simulated worlds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmarks.accuracy.table import EVERYWHERE, SIMULATED_SETS
from benchmarks.accuracy.worlds import VARIANTS
from rs_pipeline.indicators import accuracy as page
from rs_pipeline.publish.report.words import Chinese

ROOT = Path(__file__).resolve().parents[2]
ACCURACY, README, README_CHINESE = ROOT / "docs" / "accuracy.md", ROOT / "README.md", ROOT / "README.zh.md"
BEGIN, END = "<!-- accuracy table: made by python -m benchmarks.accuracy -->", "<!-- end of the accuracy table -->"

REAL = (
    (
        "cover against SNAP's FCOVER on its 41,472 simulated canopies: RMSE",
        "vegetation",
        "rmse_to_fcover",
        "S2A, 20 m, 41,472 canopies, B8A",
        "snap_fcover_cases",
    ),
    ("cover against FCOVER, clear land of an HLS scene: RMSE", "vegetation", "rmse_to_fcover", "clear land", "hls_t15sxr_2021250"),
    ("cover against FCOVER, banks of the Paraná, 5 dates: RMSE", "vegetation", "rmse_to_fcover", "banks, 5 clear dates", "gistaq_parana"),
    ("water against Fmask, HLS scene: F1", "water", "f1_to_fmask", "Fmask clear", "hls_t15sxr_2021250"),
    ("water, agreement with WOfS on its test vector", "water", "agreement_with_wofs", "clear", "wofs_testvector"),
    ("land cover, 628 labelled pixels, each source left out: share that is right", "land", "overall", "all sources", "real_land_by_source_left_out"),
    ("the same: kappa", "land", "kappa", "all sources", "real_land_by_source_left_out"),
    ("the same, cropland: F1", "land", "f1", "cropland, all sources", "real_land_by_source_left_out"),
    ("the same, grass: F1", "land", "f1", "grass, all sources", "real_land_by_source_left_out"),
    ("natural waters called black: share of 336 spectra", "black_odorous", "false_alarm_share", "all", "nechad2015_insitu"),
    ("pixels of the Paraná that are suspected, 8 dates: share", "black_odorous", "suspected_share", "river pixels, all dates", "gistaq_parana"),
    ("turbidity against the laboratory, Paraná, clear dates: r of logarithms", "turbidity", "r_log10", "clear dates", "gistaq_parana"),
    ("chlorophyll against samples, spectra up to 20 FNU: RMSE of log10", "chlorophyll", "rmse_log10", "in situ, up to 20 FNU", "nechad2015_insitu"),
    ("transparency against Secchi depths, Paraná, clear dates: RMSE of log10", "transparency", "rmse_log10", "clear dates", "gistaq_parana"),
    ("shorelines of Narrabeen against CoastSat's: median difference, m", "coastline", "difference_median", "all transects", "coastsat_narrabeen"),
    ("the same: 5th percentile, m", "coastline", "difference_p5", "all transects", "coastsat_narrabeen"),
    ("the same: 95th percentile, m", "coastline", "difference_p95", "all transects", "coastsat_narrabeen"),
    ("offset of Sentinel-2 decided right, Paraná, 8 dates: share", "radiometry", "offset_right", "metadata as found", "gistaq_parana"),
    ("the same where the metadata say the contrary", "radiometry", "offset_right", "metadata reversed", "gistaq_parana"),
    ("labelled pixels called solar arrays, each source left out: share", "solar", "false_alarm_share", "all sources", "real_solar_by_source_left_out"),
    (
        "measured roofs, roads and soils called solar arrays, each place left out: share",
        "solar",
        "false_alarm_share",
        "measured ground",
        "real_solar_by_source_left_out",
    ),
    ("crops and trees taken for cordgrass: share of labelled pixels", "spartina", "false_alarm_share", "all", "worldcereal_series"),
)
"""Label, product, metric, subset and data set of each line on real data."""

LINES = (
    ("water, all pixels: F1", "water", "f1", "all"),
    ("inland water: F1", "water", "f1", "inland"),
    ("inland water: area bias, %", "water", "area_bias", "inland"),
    ("lakes and ponds above 1 ha: F1", "water", "f1", "lakes and ponds above 0.01 km2"),
    ("the same: area bias, %", "water", "area_bias", "lakes and ponds above 0.01 km2"),
    ("rivers of 20-40 m: recall", "water", "recall", "rivers 20-40 m"),
    ("rivers of 20-40 m: width bias, m", "water", "width_bias", "rivers 20-40 m"),
    ("seasonal water: F1", "water", "f1", "seasonal class"),
    ("peak vegetation cover: RMSE", "fvc_peak", "rmse", "all"),
    ("peak vegetation cover: bias", "fvc_peak", "bias", "all"),
    ("growing-season cover: RMSE", "fvc_growing", "rmse", "all"),
    ("black-odorous reaches: recall of `suspected`", "black_odorous", "recall", "all"),
    ("black-odorous reaches: false alarms", "black_odorous", "false_alarm_rate", "all"),
    ("recall of `suspected` or `possible`", "black_odorous", "recall", "suspected or possible"),
    ("recall at 1 % false alarms, wide enough, no wetland", "black_odorous", "recall_at_1%_false_alarms", "assessable width, wetlands excluded"),
    ("ranking: ROC AUC", "black_odorous", "roc_auc", "all"),
    ("shoreline, Sentinel-2, sand: RMSE, m", "shoreline", "rmse", "sand, sentinel-2"),
    ("the same: bias, m", "shoreline", "bias", "sand, sentinel-2"),
    ("shoreline, Sentinel-2, dykes: RMSE, m", "shoreline", "rmse", "dyke, sentinel-2"),
    ("shoreline, Sentinel-2, ports: RMSE, m", "shoreline", "rmse", "port, sentinel-2"),
    ("Sentinel-1's waterline, a cross-check, sand: RMSE, m", "shoreline_radar", "rmse", "sand"),
    ("rates of movement: mean error, m a year", "shoreline_rate", "mae", "all"),
    ("coast natural or artificial: accuracy", "shoreline_class", "accuracy", "all"),
    ("land cover: share of the area that is right", "land", "overall", "all"),
    ("built-up land: F1", "land", "f1", "built"),
    ("built-up land: area bias, %", "land", "area_bias", "built"),
    ("trees: F1", "land", "f1", "tree"),
    ("land that became built or bare: recall", "land", "recall", "conversion"),
    ("the same: precision", "land", "precision", "conversion"),
    ("surface temperature above rural land, wholly built-up or rural pixels: error of the difference, K", "heat", "rmse", "built-up less rural"),
    ("the same, all land: RMSE, K", "heat", "rmse", "all"),
    ("towns and villages that a run draws: F1 of their ground", "settlements", "f1", "all"),
    ("solar arrays: F1 of pixels", "solar", "f1", "all"),
    ("solar arrays above 1 ha that are found: share", "solar", "recall", "arrays"),
    ("solar arrays: area bias, %", "solar", "area_bias", "all"),
    ("called solar arrays away from any, m2 in a km2", "solar", "false_alarms", "all"),
    ("cordgrass: F1 of pixels", "spartina", "f1", "all"),
    ("cordgrass: area bias, %", "spartina", "area_bias", "all"),
    ("bare ground of settlements in spring: error, % of its area", "dust", "area_error", "all"),
    ("the same: bias, %", "dust", "area_bias", "all"),
    ("the same: true areas inside their range, %", "dust", "coverage", "all"),
    ("tidal flats of counties: error, % of their area", "counties", "relative_error", "tidal_flat_area"),
    ("soil conservation rate of counties: error, points", "counties", "absolute_error", "soil_conservation_rate"),
    ("the same: bias, points", "counties", "bias", "soil_conservation_rate"),
    ("change of the ecological index of counties: error, points", "counties", "absolute_error", "ecological_index_change"),
    ("the same: bias, points of the index", "counties", "bias", "ecological_index_change"),
    ("findings on land: precision of the first ten of a county", "findings", "precision", "land, first ten of a county"),
    ("the same: recall of events above four pixels", "findings", "recall", "land, events above four pixels"),
    ("findings on land: recall on bare ground that spring tides cover", "findings", "recall", "tidal flats, events above four pixels"),
    ("findings of new reclamation: precision", "findings", "precision", "reclamation"),
    ("the same: recall", "findings", "recall", "reclamation"),
    ("county values inside their interval (`model95`), %", "counties", "coverage", "all, model95"),
    ("county values inside their interval (`range`), %", "counties", "coverage", "all, range"),
    ("clear verdicts that are decided, %", "verdicts", "decided_share", "all"),
    ("decided verdicts that are wrong, %", "verdicts", "wrong_share", "all"),
    ("Sentinel-2 scenes beside the ground, as they come: RMSE, m", "registration", "rmse", "sentinel-2, as they come"),
    ("the same, as they are read", "registration", "rmse", "sentinel-2, as they are read"),
    ("used Sentinel-2 scenes with the right offset, %", "radiometry", "offset_right", "used Sentinel-2 scenes"),
)
"""Label, product, metric and subset of each line."""

SHORT = tuple(
    line for line in (*REAL, *LINES) if line[0] in {
        "cover against FCOVER, clear land of an HLS scene: RMSE", "water against Fmask, HLS scene: F1", "land cover, 628 labelled pixels, each source left out: share that is right",
        "natural waters called black: share of 336 spectra", "shorelines of Narrabeen against CoastSat's: median difference, m",
        "inland water: F1", "peak vegetation cover: RMSE", "black-odorous reaches: recall of `suspected`", "black-odorous reaches: false alarms", "shoreline, Sentinel-2, sand: RMSE, m",
        "land cover: share of the area that is right", "county values inside their interval (`model95`), %", "decided verdicts that are wrong, %",
    }
)  # fmt: skip
"""Lines of REAL and LINES that the README shows."""

NAMED_IN_CHINESE = ("K-corrected dimidiate", "plain NDVI dimidiate", "WOfS tree", "random_forest")
"""Other methods that have a Chinese name, as the table calls them."""

TOPICS = {
    "registration": page.Topic.REFLECTANCE, "radiometry": page.Topic.REFLECTANCE,
    "vegetation": page.Topic.VEGETATION, "fvc_peak": page.Topic.VEGETATION, "fvc_growing": page.Topic.VEGETATION,
    "water": page.Topic.WATER, "turbidity": page.Topic.WATER, "chlorophyll": page.Topic.WATER, "transparency": page.Topic.WATER, "black_odorous": page.Topic.BLACK_ODOROUS,
    "coastline": page.Topic.COAST, "shoreline": page.Topic.COAST, "shoreline_radar": page.Topic.COAST, "shoreline_rate": page.Topic.COAST, "shoreline_class": page.Topic.COAST,
    "land": page.Topic.LAND, "settlements": page.Topic.LAND, "dust": page.Topic.LAND, "solar": page.Topic.LAND, "heat": page.Topic.HEAT, "spartina": page.Topic.COAST, "findings": page.Topic.FINDINGS,
    "counties": page.Topic.VERDICTS, "verdicts": page.Topic.VERDICTS, "soil_conservation_rate": page.Topic.SOIL, "ecological_index_change": page.Topic.LAND,
}  # fmt: skip
"""Product of the table, or indicator of which it has county values, to its topic on the page of a run."""

PEERS = {
    "bare_all_year": "bare land of the year", "boi": "BOI", "built_patches": "patches of the class built-up", "coastsat": "CoastSat", "dea": "DEA Coastlines", "dswe": "DSWE", "land_forest": "random forest", "late_ndvi": "NDVI of late autumn", "land_thresholds": "thresholds of indices",
    "mndwi": "MNDWI > 0", "ndbwi": "NDBWI", "ndbi_dark": "NDBI with a limit of brightness", "ndvi_5_95": "plain NDVI dimidiate", "otsu": "Otsu", "plain_mean": "plain mean of dates", "random_forest": "random forest", "snap_10m": "SNAP 10 m network",
    "wofs": "WOfS tree",
}  # fmt: skip
"""Method of the table to its name on the page of a run; the others have their name in the table."""

FAULTLESS = dict.fromkeys(
    ("accuracy", "agreement_with_wofs", "f1", "f1_to_fmask", "kappa", "offset_right", "overall", "precision", "r_log10", "recall", "roc_auc"), 1.0
)
"""Metric to its ideal value; the ideal of all others is 0."""

SEEN_OTHERWISE = {
    "plain": (
        ("peak cover: bias", "fvc_peak", "bias", "all"), ("peak cover: RMSE", "fvc_peak", "rmse", "all"),
        ("peak cover: share of the land, %", "fvc_peak", "observed_share", "all"), ("growing-season cover: bias", "fvc_growing", "bias", "all"),
        ("growing-season cover: RMSE", "fvc_growing", "rmse", "all"),
        ("Sentinel-2 scenes beside the ground, as they come: RMSE, m", "registration", "rmse", "sentinel-2, as they come"),
        ("the same, as they are read", "registration", "rmse", "sentinel-2, as they are read"),
        ("Landsat scenes, as they come: RMSE, m", "registration", "rmse", "landsat, as they come"),
        ("the same, as they are read", "registration", "rmse", "landsat, as they are read"),
    ),
    "coast": (
        ("sand: RMSE, m", "shoreline", "rmse", "sand"), ("sand: bias, m", "shoreline", "bias", "sand"), ("dykes: RMSE, m", "shoreline", "rmse", "dyke"),
        ("rates: mean error, m a year", "shoreline_rate", "mae", "all"), ("width of their intervals, m a year", "shoreline_rate", "median_width", "all"),
        ("rates inside their interval, %", "shoreline_rate", "coverage", "all"), ("natural or artificial: accuracy", "shoreline_class", "accuracy", "all"),
    ),
}  # fmt: skip
"""Landscape to the lines (as in LINES) that are shown for the variants of its world."""


def real_excerpt(table: pd.DataFrame) -> str:
    """Markdown: a row for each line of REAL, with ours and every other method that has the figure."""
    real = table[table.kind == "real"]
    lines = ["| real data | ours | others on the same data |", "|---|---|---|"]
    return "\n".join(
        [*lines, *(f"| {label} | {ours} | {others} |" for label, ours, others in (_real_line(real, *line) for line in REAL if line[-1] not in SIMULATED_SETS))]
    )


def _real_line(real: pd.DataFrame, label: str, product: str, metric: str, subset: str, world: str) -> tuple[str, str, str]:
    """Label, ours and others of a line of REAL."""
    values = _values(real[real.world == world], product, metric, subset)
    return label, _shown(values.get("ours")), ", ".join(f"{m}: {v:.3g}" for m, v in values.items() if m != "ours")


def short_excerpt(table: pd.DataFrame) -> str:
    """Markdown: the lines of SHORT, real ones first; simulated ones are on the held-out worlds."""
    rows = [f"| {'**real**' if line in REAL else 'simulated'}: {line[0]} | {ours} | {others} |" for line, ours, others in _short_lines(table)]
    return "\n".join(["| | ours | others on the same data |", "|---|---|---|", *rows])


def chinese_excerpt(table: pd.DataFrame) -> str:
    """Markdown: the same in Chinese."""
    rows, words = [], Chinese.read().table
    for line, ours, others in _short_lines(table):
        for method in NAMED_IN_CHINESE:
            others = others.replace(method, words[PEERS.get(method, method)])
        rows.append(f"| {'**真实**' if line in REAL else '模拟'}：{words[line[0]]} | {ours} | {others} |")
    return "\n".join(["| | 本软件 | 同一数据上的其他方法 |", "|---|---|---|", *rows])


def _short_lines(table: pd.DataFrame) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Each line of SHORT with ours and the others."""
    real, held = table[table.kind == "real"], _held_out(table[table.kind == "simulated"])
    for line in SHORT:
        if line in REAL:
            yield line, *_real_line(real, *line)[1:]
        else:
            values = _values(held, *line[1:])
            yield line, _shown(values.get("ours")), _others(values)


def _held_out(simulated: pd.DataFrame) -> pd.DataFrame:
    """Rows of the held-out worlds."""
    return simulated[simulated.world.str.endswith("(held out)")]


def _others(values: dict[str, float]) -> str:
    """The baselines' values of a line on simulated worlds."""
    return ", ".join(f"{m.removesuffix('_reaches')} {v:.3g}" for m, v in values.items() if m != "ours" and not m.endswith("_objects"))


def excerpt(table: pd.DataFrame) -> str:
    """Markdown: a row for each line of LINES that the table has, with ours on its worlds and on those held out, and every baseline that has the figure."""
    simulated = table[table.kind == "simulated"]
    held = _held_out(simulated)
    seeds = simulated.seeds[simulated.world == EVERYWHERE].iloc[0].replace(";", ", ")
    lines = [
        f"Simulated; seeds {seeds} (solar arrays: 106), on which no parameter was fitted; nobody looked at the worlds `held out` while tuning. The README and the page of a run show those, with the other methods on them.",
        "",
    ]
    lines += ["| simulated | ours, held out | ours | others on the scenes of the column before |", "|---|---|---|---|"]
    for label, *key in LINES:
        here, there = _on_open_worlds(simulated, *key), _values(held, *key)
        if here or there:
            lines.append(f"| {label} | {_shown(there.get('ours'))} | {_shown(here.get('ours'))} | {_others(here)} |")
    return "\n".join([*lines, *_variants(simulated)])


def _variants(table: pd.DataFrame) -> list[str]:
    """One table for each landscape: the effect of another satellite, fewer scenes or more years."""
    lines = []
    for landscape, figures in SEEN_OTHERWISE.items():
        worlds = [r.group for r in VARIANTS if r.landscape == landscape and r.group in set(table.world)]
        if not worlds:
            continue
        seeds = "; ".join(sorted(set(table[table.world.isin(worlds)].seeds)))
        names = [w.removeprefix(landscape).strip(" ()") for w in worlds]
        lines += ["", " | ".join([f"| {landscape}, seed {seeds} (simulated)", *names]) + " |", "|" + "---|" * (len(worlds) + 1)]
        for label, *key in figures:
            values = [_shown(_values(table[table.world == w], *key).get("ours")) for w in worlds]
            lines.append(" | ".join([f"| {label}", *values]) + " |")
    return lines


def page_lines(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of REAL and LINES that the table has, columns `accuracy.LINE_COLUMNS`: by topic, real ones first, then those on held-out worlds.

    The peer is the other method whose value is nearest to the ideal, on the same data as ours.
    """
    simulated = table[table.kind == "simulated"]
    rows = []
    for label, *key, world in REAL:
        if values := _values(table[table.world == world], *key):
            rows.append(_page_line("simulated" if world in SIMULATED_SETS else "real", label, key, values, {}))
    for label, *key in LINES:
        here, held = _on_open_worlds(simulated, *key), _values(_held_out(simulated), *key)
        if "ours" in held:
            rows.append(_page_line("simulated, held out", label, key, held, here))
        elif here:
            rows.append(_page_line("simulated", label, key, here, {}))
    order = lambda column: column.map(list(page.Topic).index if column.name == "topic" else page.MEASURED_ON.index)  # noqa: E731
    return pd.DataFrame(rows, columns=list(page.LINE_COLUMNS)).sort_values(["topic", "kind"], key=order, kind="stable", ignore_index=True)


def _page_line(kind: str, label: str, key: list[str], values: dict[str, float], elsewhere: dict[str, float]) -> tuple:
    """A row of `page_lines`."""
    product, metric, subset = key
    peers = {m.removesuffix("_reaches"): v for m, v in values.items() if m != "ours" and not m.endswith("_objects")}
    best = min(peers, key=lambda m: abs(peers[m] - FAULTLESS.get(metric, 0.0)), default="")
    return TOPICS.get(subset, TOPICS[product]), kind, label, values["ours"], elsewhere.get("ours"), PEERS.get(best, best), peers.get(best)


def _on_open_worlds(simulated: pd.DataFrame, product: str, metric: str, subset: str) -> dict[str, float]:
    """Method to value over all landscapes; of what no landscape has, on the worlds made for it that are not held out."""
    found = _values(simulated[simulated.world == EVERYWHERE], product, metric, subset)
    made_for_it = simulated[~simulated.world.str.endswith(("(held out)", "development seed)"))]
    return found or _values(made_for_it, product, metric, subset)


def _values(table: pd.DataFrame, product: str, metric: str, subset: str) -> dict[str, float]:
    """Method to value; the mean where several worlds have one."""
    rows = table[(table["product"] == product) & (table.metric == metric) & (table.subset == subset)]
    return rows.groupby("method", sort=True).value.mean().to_dict()


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def put_into_pages(
    table: pd.DataFrame, accuracy: Path = ACCURACY, readme: Path = README, chinese: Path = README_CHINESE, lines: Path = page.LINES_PATH
) -> None:
    """Replace the text between BEGIN and END on the pages, and the shipped lines for the page of a run."""
    for path, made in ((accuracy, f"{real_excerpt(table)}\n\n{excerpt(table)}"), (readme, short_excerpt(table)), (chinese, chinese_excerpt(table))):
        text = path.read_text("utf-8")
        path.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _, made=made: f"{BEGIN}\n{made}\n{END}", text, flags=re.S), "utf-8")
    page_lines(table).to_csv(lines, index=False, float_format="%.4g", lineterminator="\n")
