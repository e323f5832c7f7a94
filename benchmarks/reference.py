"""`python -m benchmarks.reference` writes docs/reference/*.md from the code: keys, columns and bands, verbs, indicators, collections, functions.

All texts come from the code. `tests/test_reference.py` compares the committed pages with it.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer
from typer.core import TyperCommand

import rs_pipeline
from rs_pipeline.checks import SIDE_FILES
from rs_pipeline.cli import PANELS, app
from rs_pipeline.config import Settings
from rs_pipeline.indicators.targets import OPERATORS, Target, load_targets
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.paths import config_folder
from rs_pipeline.products.register import region_maps
from rs_pipeline.publish.dictionary import described_columns
from rs_pipeline.publish.opened import OpenedRun
from rs_pipeline.publish.report.words import Chinese
from rs_pipeline.sensors import load_sensor, sensor_names

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"

MADE = "Made from the code by `python -m benchmarks.reference`; changes by hand are lost.\n"

DIRECTIONS = {"up": "more is better", "down": "less is better", "": "neither way is better"}

LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
"""Keyword of JSON schema for a bound of a number to its sign."""


def cell(text: str) -> str:
    """A text as a cell of a Markdown table: on one line, with bars and, outside of code, ``<`` escaped.

    >>> cell("a | b, <run>, `<run>`")
    'a \\\\| b, &lt;run>, `<run>`'
    """
    return re.sub(r"`[^`]*`|<", lambda m: "&lt;" if m[0] == "<" else m[0], " ".join(str(text).split()).replace("|", "\\|"))


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Markdown of a table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([cell(c) for c in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _sections(schema: dict, about: dict, path: str) -> Iterator[tuple[str, dict]]:
    """Path and schema of every section that a value may hold; ``[]`` means an entry of a list, ``<name>`` any name."""
    if "$ref" in about:
        yield path, schema["$defs"][about["$ref"].rpartition("/")[2]]
    for other in about.get("anyOf", about.get("oneOf", [])):
        yield from _sections(schema, other, path)
    if isinstance(about.get("items"), dict):
        yield from _sections(schema, about["items"], f"{path}[]")
    if isinstance(about.get("additionalProperties"), dict):
        yield from _sections(schema, about["additionalProperties"], f"{path}.<name>")


def type_words(about: dict) -> str:
    """Allowed values of a key, in words.

    >>> type_words({"type": "number", "minimum": 0, "exclusiveMaximum": 1})
    'number ≥ 0, < 1'
    """
    if "$ref" in about:
        return "section"
    if "enum" in about:
        return " | ".join(map(str, about["enum"]))
    if "const" in about:
        return str(about["const"])
    if options := about.get("anyOf", about.get("oneOf")):
        return " or ".join(dict.fromkeys(map(type_words, options)))
    kind = about.get("type", "any value")
    if kind == "array":
        inside = about.get("items") or (about["prefixItems"][0] if about.get("prefixItems") else {})
        n = f"{len(about['prefixItems'])} of " if about.get("prefixItems") else ""
        return f"list of {n}{type_words(inside)}"
    if kind == "object":
        return "names to values"
    limits = ", ".join(f"{sign} {about[word]:g}" for word, sign in LIMITS.items() if word in about)
    return f"{about.get('format', {'string': 'text', 'boolean': 'true or false'}.get(kind, kind))}{' ' + limits if limits else ''}"


def _default(about: dict, required: bool) -> str:
    if required:
        return "**required**"
    if "default_words" in about:
        return about["default_words"]
    value = about.get("default")
    return "" if isinstance(value, dict) else f"`{json.dumps(value, ensure_ascii=False)}`"


def configuration_keys() -> Iterator[tuple[str, str, list[tuple[str, str, str, str]]]]:
    """Sections in the order of the configuration: path (empty at the top), description, and keys as (name, allowed values, default, meaning)."""
    schema = Settings.model_json_schema()
    waiting = [("", schema)]
    while waiting:
        path, part = waiting.pop(0)
        required, inside, rows = part.get("required", ()), [], []
        for key, about in part["properties"].items():
            place = f"{path}.{key}" if path else key
            sections = list(_sections(schema, about, place))
            rows.append((place, type_words(about), _default(about, key in required), about.get("description") or sections[0][1].get("description", "")))
            inside += sections
        yield path, " ".join(part.get("description", "").split()), rows
        waiting = inside + waiting


def configuration_page() -> str:
    """Page of every key with its allowed values, default and meaning."""
    parts = [
        f"# Configuration\n\n{MADE}\nA key is written here with its place: `water.min_probability` is `min_probability` in the section `water`. `[]` stands for an entry of a"
        " list, `<name>` for a name of your choice. `rs-pipeline schema` prints the same as JSON schema; `rs-pipeline check --config my.yaml` finds every fault.\n"
    ]
    for path, words, rows in configuration_keys():
        title = f"## `{path}`\n\n{words}\n" if path else f"## At the top\n\n{words}\n"
        parts.append(title + "\n" + table(("key", "value", "default", "meaning"), ((f"`{key}`", *more) for key, *more in rows)))
    parts.append(
        "## Side files\n\nWhat to do with each and how to obtain it: [your data](../howto/side_tables.md).\n\n"
        + table(("key", "file"), ((f"`{key}`", side.how_to_obtain) for key, side in SIDE_FILES.items()))
    )
    return "\n".join(parts)


def files_page() -> str:
    """Every column of every table, and every band of every map."""
    files: dict[str, list] = {}
    for row in described_columns():
        files.setdefault(row["file"], []).append((f"`{row['column']}`", row["unit"], row["values"], row["meaning"]))
    parts = [
        f"# Files and columns\n\n{MADE}\nEvery run writes the same for its own files to `data_dictionary.csv`. `*` stands for any text. What each file is for:"
        " [read the results](../howto/read_results.md). In `counties.gpkg` the columns are the names of [indicators](indicators.md), with `_lower`,"
        " `_upper`, `_status` and `_reason`.\n"
    ]
    for file in sorted(files):
        title = "Any file" if file == "*" else f"`{file}`"
        parts.append(f"## {title}\n\n" + table(("column", "unit", "values", "meaning"), files[file]))
    bands = [(f"`{name}`", f"`{band.name}`", band.unit, band.description) for name, a_map in region_maps().items() for band in a_map.bands]
    parts.append(
        "## Maps\n\nNaN where nothing was observed. `maps/<map>_<period>.tif`, or `maps/<map>.tif` for a map of all periods.\n\n"
        + table(("map", "band", "unit", "meaning"), bands)
    )
    return "\n".join(parts)


def _options(command: TyperCommand) -> Iterator[tuple[str, str, str]]:
    """Name, default and meaning of each argument and option."""
    for parameter in command.params:
        if parameter.name == "help":
            continue
        name = (
            ", ".join(f"`{o}`" for o in (*parameter.opts, *parameter.secondary_opts))
            if parameter.param_type_name == "option"
            else f"`{parameter.name.upper()}`"
        )
        value = parameter.default
        shown = "**required**" if parameter.required else "" if value is None or value is False or callable(value) or value == () else f"`{value}`"
        yield name, shown, getattr(parameter, "help", "") or ""


def verbs() -> Iterator[tuple[str, str, TyperCommand]]:
    """Group, name and command of every verb that the help shows, in its order."""
    command = typer.main.get_command(app)
    context = typer.Context(command)
    for name in command.list_commands(context):
        verb = command.get_command(context, name)
        if not verb.hidden:
            yield verb.rich_help_panel, name, verb


def verbs_page() -> str:
    """Every verb of the command with its arguments and options."""
    groups: dict[str, list[str]] = {panel: [] for panel in PANELS}
    for panel, name, verb in verbs():
        groups[panel].append(f"### {name}\n\n{inspect.cleandoc(verb.help or '')}\n\n" + table(("option", "default", "meaning"), _options(verb)))
    head = f"# Commands\n\n{MADE}\n`rs-pipeline --help` and `rs-pipeline <verb> --help` print the same. Exit code 0: done; 1: something is missing or damaged; 2: an error, told in words.\n"
    return "\n".join([head, *(f"## {panel}\n\n" + "\n".join(parts) for panel, parts in groups.items())])


def _answers(targets: list[Target], name: str) -> str:
    return "; ".join(f"{t.target_id} ({t.description})" for t in targets if name in t.indicator)


def indicators_page(targets: list[Target]) -> str:
    """Every indicator with its formula, its interval and the targets that it answers."""
    chinese, parts = (
        Chinese.read(),
        [
            f"# Indicators\n\n{MADE}\nWhat a verdict means: [verdicts](../verdicts.md). Which standard each target would be held to: [standards](../standards.md)."
            " Where the code and the test of each formula are: [the house](../house.md).\n"
        ],
    )
    for name, i in INDICATORS.items():
        rows = [
            ("name", f"`{name}`"),
            ("in Chinese", chinese(i.title)),
            ("unit", i.unit),
            ("product", i.product),
            ("direction", DIRECTIONS[i.direction]),
            ("formula", i.formula),
            ("interval without reference samples", i.bounds or "none: the value is counted, measured on polygons, or given"),
            ("targets", _answers(targets, name) or "none"),
            ("keys", f"[`{i.product}`](configuration.md#{i.product})" if i.product in Settings.model_fields else "none"),
            ("code and tests", f"`rs_pipeline/products/{i.product}`, `tests/products/{i.product}`"),
        ]
        kinds = " ".join(
            w for w, is_so in (("A change since the baseline.", i.is_change), ("Rests on all periods: the last one carries it.", i.of_all_periods)) if is_so
        )
        parts.append(f"## {i.title}\n\n" + (f"{kinds}\n\n" if kinds else "") + table(rows[0], rows[1:]))
    parts.append("## Operators of targets\n\n" + table(("operator", "holds where the value is"), ((f"`{o}`", words) for o, words in OPERATORS.items())))
    return "\n".join(parts)


def sensors_page() -> str:
    """Every collection that a table of config/sensors reads."""
    rows = []
    for sensor in map(load_sensor, sensor_names()):
        bands = ", ".join(f"{b.role} ({b.resolution_m:g} m)" for b in sensor.bands)
        rows.append((f"`{sensor.name}`", f"`{sensor.collection}`", sensor.family, ", ".join(sensor.platforms) or "any", bands, sensor.source))
    return (
        f"# Collections\n\n{MADE}\n`sources[].sensor` of the [configuration](configuration.md#sources) names one of these, or the path of [a table of your own](../howto/add_a_sensor.md).\n\n"
        + table(("sensor", "collection", "family", "platforms", "bands", "source of its numbers"), rows)
    )


def functions_page() -> str:
    """The functions for notebooks, with their docstrings."""
    said, signature = inspect.getdoc(rs_pipeline.open_run), str(inspect.signature(rs_pipeline.open_run)).replace("'", "")
    fields = table(("attribute", "type"), ((f"`{name}`", f"`{kind}`") for name, kind in OpenedRun.__annotations__.items()))
    return (
        f"# Python\n\n{MADE}\nWorked through in [docs/open_a_run.ipynb](../open_a_run.ipynb).\n\n## `rs_pipeline.open_run{signature}`\n\n"
        f"```text\n{said}\n```\n\n## `OpenedRun`\n\n{inspect.getdoc(OpenedRun)}\n\n{fields}"
    )


def pages() -> dict[str, str]:
    """Name of each page's file to its text."""
    return {
        "configuration.md": configuration_page(),
        "files.md": files_page(),
        "commands.md": verbs_page(),
        "indicators.md": indicators_page(load_targets(config_folder() / "targets.csv", INDICATORS)),
        "python.md": functions_page(),
        "sensors.md": sensors_page(),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for page, text in pages().items():
        (FOLDER / page).write_text(text, "utf-8")
