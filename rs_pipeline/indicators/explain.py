"""Explains a cell of ``indicators.csv``: the scenes, masks, configuration, code and files it was made from, its formula and interval, how
accurate its method is and which tables check it."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError, TableError
from rs_pipeline.indicators.accuracy import PRODUCTS, lines_of
from rs_pipeline.indicators.checking import checking_tables
from rs_pipeline.indicators.targets import Target, run_targets
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.layout import Layout
from rs_pipeline.steps import keys_of, lineage
from rs_pipeline.storage.provenance import code_sha256, configuration_sha256, fingerprint
from rs_pipeline.wording import clean_text

KEYS = ("adcode", "indicator", "period")

SCENE_COLUMNS = (
    "scene_id", "datetime", "platform", "sensor", "processing_baseline", "cloud_cover", "offset", "offset_decision", "offset_confidence",
)  # fmt: skip


VERDICT_COLUMNS = (
    "target_id", "clause", "target_operator", "target_value", "target_year", "status", "value", "lower", "upper", "baseline", "detection_limit",
    "slope_per_year", "slope_lower", "slope_upper", "reason",
)  # fmt: skip
"""Columns per verdict; they include the value, because an indicator with several targets has a value for each baseline."""


WITHOUT_VERDICT = ("no_target", "needs_table", "not_built", "not_observable", "insufficient_data")
"""Statuses that are no verdict on the target."""

TOLD_OF_A_TARGET = {"standard": "Standard", "method": "Method", "source": "Source of the number"}
"""Columns of the table of targets that are shown with a verdict, to their headings."""
LONGEST_TOLD = 100_000
"""Longest text at the terminal, characters."""


@dataclass(frozen=True)
class Explanation:
    """Everything that a cell was made from."""

    value: dict[str, Any]
    """The row's name, value, unit, bounds, observed fraction and number of scenes."""
    verdicts: list[dict[str, Any]]
    """VERDICT_COLUMNS and TOLD_OF_A_TARGET, one entry per target of the indicator."""
    title: str
    formula: str
    interval_origin: str
    steps: list[str]
    """The steps of the chain that lead to it, in order."""
    scenes: list[dict[str, Any]]
    masks: list[str]
    configuration: dict[str, Any]
    """The configuration keys that it depends on, with their values."""
    files: list[dict[str, str]]
    """``path``, ``recorded`` (checksum when the indicators were made) and ``now`` (same, changed or absent)."""
    code: dict[str, str]
    simulated: bool
    lost_scenes: int | None = None
    """Scenes of the unit and period that could not be read; None where the run does not say."""
    topic: str = ""
    """Topic of the accuracy table that it belongs to; empty where there is none."""
    accuracy: list[dict[str, Any]] = field(default_factory=list)
    """Lines of that topic: how accurate the method is, and the best other one on the same data (`indicators.accuracy`)."""
    checked_by: list[dict[str, str]] = field(default_factory=list)
    """Tables that check the number or take its place (`indicators.checking`)."""


def _one_of(value: str, known: Mapping[str, str], what: str, where: Path) -> str:
    """``value`` if it is known. ``known`` : value to a name that may be given instead.

    Raises
    ------
    TableError : neither value nor name is known; the most similar ones are named.
    """
    if value in known:
        return value
    by_name = {name: key for key, name in known.items() if name}
    if value in by_name:
        return by_name[value]
    near = difflib.get_close_matches(value, [*known, *by_name], n=5, cutoff=0.5) or sorted(known)[:5]
    words = [f"{n} ({known.get(n) or by_name.get(n)})" if known.get(n) or n in by_name else n for n in near]
    raise TableError(f"no {what} {value!r} in this run", where=str(where), remedy=f"did you mean {', '.join(words)}?")


def read_run(root: Path, **wanted: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Indicators and evidence of a run's folder, with the same keys row by row. ``wanted`` : column to the value that its rows must have.

    Raises
    ------
    TableError : the run has not made them yet.
    """
    layout = Layout(root)
    _check_made(layout)
    chosen = [(column, "==", value) for column, value in wanted.items()] or None
    return pd.read_parquet(layout.indicators_parquet, filters=chosen), pd.read_parquet(layout.evidence, filters=chosen)


def _check_made(layout: Layout) -> None:
    for path in (layout.indicators_parquet, layout.evidence):
        if not path.exists():
            raise TableError("the run has no indicators yet", where=str(path), remedy="finish the run first: rs-pipeline run --config <its configuration>")


def explain(settings: Settings, adcode: str, indicator: str, period: str) -> Explanation:
    """Explain the cell of a unit (code or name), indicator (or target id) and period.

    Raises
    ------
    TableError : the run is not finished, or has no such unit, indicator or period; the most similar ones are named.
    ConfigError : the indicator or target has no row for this unit and period.
    """
    layout = Layout(settings.root)
    _check_made(layout)
    keys = pd.read_parquet(layout.indicators_parquet, columns=[*KEYS, "name", "target_id", "status", "value"])
    names = {
        "adcode": dict(zip(keys.adcode, keys.name, strict=True)),
        "indicator": dict.fromkeys([*keys.indicator, *keys.target_id[keys.target_id.fillna("") != ""]], ""),
        "period": dict.fromkeys(keys.period, ""),
    }
    asked = {
        key: _one_of(value, names[key], {"adcode": "unit", "indicator": "indicator or target"}.get(key, key), layout.indicators_parquet)
        for key, value in zip(KEYS, (adcode, indicator, period), strict=True)
    }
    asked["indicator"] = _indicator_of(keys, layout.indicators_parquet, **asked)
    rows, evidence = read_run(settings.root, **asked)
    proof = evidence.iloc[0]
    row, known = rows.iloc[0], INDICATORS.get(asked["indicator"])
    targets = {t.target_id: t for t in run_targets(settings)} if settings.targets_path.exists() else {}
    topic = PRODUCTS.get(known.product) if known else None
    configured = keys_of(settings, known.product) if known else ("indicators", "tables")
    return Explanation(
        value=_plain({c: row[c] for c in (*KEYS, "name", "value", "unit", "lower", "upper", "interval", "observed_fraction", "n_scenes")}),
        verdicts=[_plain({c: r[c] for c in VERDICT_COLUMNS}) | _origin_of(targets.get(r.target_id)) for _, r in rows.iterrows()],
        title=known.title if known else "supplied value or target without an indicator",
        formula=known.formula if known else "as given in tables.values, else counted in tables.lists, else the mean of a raster of tables.rasters",
        interval_origin=proof.interval_origin,
        steps=[s.name for s in lineage(settings, known.product)] if known else ["indicators"],
        scenes=_scenes(layout.scenes, list(proof.scene_ids)),
        masks=list(proof.masks),
        configuration=settings.subset(configured),
        files=[_file(text, settings.root) for text in proof.inputs],
        code={
            "software": proof.software,
            "git_commit": proof.git_commit,
            "code_sha256": proof.code_sha256,
            "configuration_sha256": proof.configuration_sha256,
            "code_now": "same" if proof.code_sha256 == code_sha256() else "changed since",
            "configuration_now": "same" if proof.configuration_sha256 == configuration_sha256(settings) else "changed since",
        },
        simulated=bool(proof.simulated),
        lost_scenes=_lost_scenes(layout.counties(asked["period"]), asked["adcode"]),
        topic=topic or "",
        accuracy=lines_of(topic),
        checked_by=checking_tables(settings, known, [targets[i] for i in rows.target_id.dropna() if i in targets]),
    )


def _indicator_of(keys: pd.DataFrame, where: Path, adcode: str, indicator: str, period: str) -> str:
    """The indicator, if it has a row of this unit and period; else the one that judges the target of that id there: one with a verdict, else one with a
    value, else the first. An official value has the id of its target as its indicator, and may be there for the region alone.

    Raises
    ------
    ConfigError : there is no row of either kind; units and periods that have one are named.
    """
    here = keys[(keys.adcode == adcode) & (keys.period == period)]
    if (here.indicator == indicator).any():
        return indicator
    rows = here[here.target_id == indicator]
    if rows.empty:
        elsewhere = keys[(keys.indicator == indicator) | (keys.target_id == indicator)]
        units = ", ".join(f"{code} ({name})" for code, name in dict(zip(elsewhere.adcode, elsewhere.name, strict=True)).items())
        raise ConfigError(
            f"{indicator} has no row for {adcode} in {period}",
            where=str(where),
            remedy=f"ask for a unit and period that have one: {units}; {', '.join(elsewhere.period.unique())}",
        )
    order = rows.assign(idle=rows.status.isin(WITHOUT_VERDICT), empty=rows.value.isna()).sort_values(["idle", "empty"], kind="stable")
    return str(order.indicator.iloc[0])


def _goal(verdict: Mapping[str, Any]) -> str:
    """Operator, number and year of the target, as far as the table of targets gives them."""
    if not verdict["target_id"]:
        return ""
    number = "" if verdict["target_value"] is None else f" {verdict['target_value']:g}"
    return f" {verdict['target_operator']}{number}" + (f" by {verdict['target_year']:.0f}" if verdict["target_year"] is not None else "")


def _origin_of(target: Target | None) -> dict[str, str]:
    """The columns TOLD_OF_A_TARGET of a target; empty texts without a target."""
    return {what: getattr(target, what) if target else "" for what in TOLD_OF_A_TARGET}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as plain Python numbers and texts; missing ones are None."""
    return {k: None if pd.isna(v) else getattr(v, "item", lambda v=v: v)() for k, v in values.items()}


def _scenes(ledger: Path, ids: list[str]) -> list[dict[str, Any]]:
    if not ids or not ledger.exists():
        return [{"scene_id": i} for i in ids]
    table = pd.read_parquet(ledger, columns=list(SCENE_COLUMNS))
    found = table[table.scene_id.isin(ids)].assign(datetime=lambda t: t.datetime.astype(str)).sort_values("datetime")
    return [_plain(r) for r in found.to_dict("records")]


def _lost_scenes(sums: Path, adcode: str) -> int | None:
    if not sums.exists():
        return None
    rows = pd.read_parquet(sums, columns=["adcode", "zone", "lost_scene_ids"])
    lost = rows.lost_scene_ids[(rows.zone == "county") & (rows.adcode == adcode)]
    return len(lost.iloc[0]) if len(lost) else None


def _summary(scenes: list[dict[str, Any]], lost: int | None) -> str:
    """Number of scenes by sensor, days of the first and last, and how many were lost."""
    by_sensor = Counter(str(s["sensor"]) for s in scenes if s.get("sensor"))
    days = sorted(str(s["datetime"])[:10] for s in scenes if s.get("datetime"))
    parts = [", ".join(f"{n} of {sensor}" for sensor, n in by_sensor.most_common()), f"{days[0]} to {days[-1]}" if days else ""]
    parts.append("" if lost is None else f"{lost} lost in this period")
    return "; ".join([str(len(scenes)), *filter(None, parts)])


def _accuracy_words(line: Mapping[str, Any]) -> str:
    """A line of the accuracy table in words: ours, on other worlds, and the best other method."""
    elsewhere = "" if line["ours_elsewhere"] is None else f" ({line['ours_elsewhere']:.4g} on other worlds)"
    peer = "" if line["peer_value"] is None else f"; {line['peer']}: {line['peer_value']:.4g}"
    return f"{line['label']}: {line['ours']:.4g}{elsewhere}{peer}"


def _file(recorded: str, root: Path) -> dict[str, str]:
    """Compare a fingerprint of the evidence with the present file."""
    name, _, digest = recorded.partition(" sha256:") if " sha256:" in recorded else recorded.partition(" ")
    path = Path(name) if Path(name).is_absolute() or not (root / name).exists() else root / name
    now = fingerprint(path, root)
    return {"path": name, "recorded": digest, "now": "absent" if now.endswith(" absent") else "same" if now == recorded else "changed since"}


def as_json(explanation: Explanation) -> str:
    return json.dumps(asdict(explanation), ensure_ascii=False, indent=2)


def _rests_on(verdict: dict[str, Any]) -> Iterator[str]:
    """Baseline, pace and detection limit of a verdict, in words, as far as it has them."""
    if verdict["baseline"]:
        yield f"measured from {verdict['baseline']}"
    if verdict["slope_per_year"] is not None:
        bounds = "" if verdict["slope_lower"] is None else f" [{verdict['slope_lower']:+.3g} to {verdict['slope_upper']:+.3g}]"
        yield f"pace {verdict['slope_per_year']:+.3g}{bounds} a year"
    if verdict["detection_limit"] is not None:
        yield f"detection limit {verdict['detection_limit']:.3g}: less counts as none"


def print_explanation(e: Explanation, every_scene: bool = False) -> None:
    """Print the explanation to the terminal. ``every_scene`` : list the scenes too, not only how many there are."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)

    def say(heading: str, text: str = "") -> None:
        console.print(Text(clean_text(heading), "bold"), end=" ")
        console.print(Text(clean_text(text, LONGEST_TOLD)))

    def add_row(table: Table, *cells: object) -> None:
        """Add cells as plain text: foreign texts must not be read as markup."""
        table.add_row(*(Text(clean_text(cell)) for cell in cells))

    v = e.value
    shown = "no value" if v["value"] is None else f"{v['value']:.6g} {v['unit']}"
    bounds = f" [{v['lower']:.6g} to {v['upper']:.6g}, {v['interval']}]" if v["interval"] else ""
    say(f"{v['adcode']}", f"{v['name']}, {v['period']}{' (simulated)' if e.simulated else ''}")
    say(e.title, f"({v['indicator']}): {shown}{bounds}")
    for verdict in e.verdicts:
        say(f"  {verdict['target_id'] or 'no target'}:", f"{verdict['status']}{_goal(verdict)}" + (f": {verdict['reason']}" if verdict["reason"] else ""))
        for words in _rests_on(verdict):
            say("   ", words)
        for what, words in TOLD_OF_A_TARGET.items():
            if verdict[what]:
                say(f"    {words}:", verdict[what])
    say("Formula:", e.formula)
    say("Interval:", e.interval_origin or "none")
    say("Accuracy of the method:", e.topic if e.accuracy else "no figure of the accuracy table stands behind this number yet")
    for line in e.accuracy:
        say(f"  {line['kind']}:", _accuracy_words(line))
    say("Checked or replaced by:", "" if e.checked_by else "no table of the run; compare it with a survey")
    for table in e.checked_by:
        say(f"  {table['table']}:", f"{table['does']} ({'this run reads ' + table['given'] if table['given'] else 'this run has none'})")
    say("Seen:", f"{'-' if v['observed_fraction'] is None else format(v['observed_fraction'], '.1%')} of it, by {v['n_scenes']} scenes in the unit")
    say("Steps:", " > ".join(e.steps))
    say("Masks:", "; ".join(e.masks) or "none")
    say("Scenes:", _summary(e.scenes, e.lost_scenes) + ("" if every_scene or not e.scenes else " (--scenes lists them)"))
    if every_scene:
        scenes = Table()
        for column in ("scene", "time", "baseline", "offset", "decided"):
            scenes.add_column(column, overflow="fold")
        for s in e.scenes:
            offset = "" if s.get("offset") is None else f"{s['offset']:g}"
            add_row(scenes, s["scene_id"], str(s.get("datetime") or "")[:16], s.get("processing_baseline"), offset, s.get("offset_decision"))
        console.print(scenes)
    files = Table(title="Files", title_justify="left")
    for column in ("path", "recorded", "now"):
        files.add_column(column, overflow="fold")
    for f in e.files:
        add_row(files, f["path"], f["recorded"][:16], f["now"])
    console.print(files)
    say("Configuration:")
    for section, values in e.configuration.items():
        say(f"  {section}:", json.dumps(values, ensure_ascii=False))
    say("Code:", ", ".join(f"{k} {text}" for k, text in e.code.items() if text))
