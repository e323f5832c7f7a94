"""The reference pages are made from the code, and hold every key, column, band, verb and indicator of it."""

import csv
import re
from pathlib import Path

import pytest

from benchmarks.reference import FOLDER, cell, pages, table, type_words
from rs_pipeline.cli import app
from rs_pipeline.config import Settings
from rs_pipeline.products.register import products, region_maps
from rs_pipeline.sensors import sensor_names

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("commands.md", "configuration.md", "files.md", "indicators.md", "python.md", "sensors.md")


def page(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def test_the_committed_pages_are_those_of_the_code():
    made = pages()
    assert sorted(made) == sorted(PAGES) == sorted(p.name for p in FOLDER.iterdir())
    assert [name for name, text in made.items() if page(name) != text] == [], "python -m benchmarks.reference"


def test_every_key_of_the_configuration_has_a_row_with_a_meaning():
    schema = Settings.model_json_schema()
    rows = dict(re.findall(r"^\| `([^`]+)` \|.*\| (.*) \|$", page("configuration.md"), re.MULTILINE))
    named = [key for key in rows if "." not in key]
    assert named == list(schema["properties"]) and {"water.min_probability", "sources[].catalog", "inputs.<name>.encoding", "periods[].label"} <= set(rows)
    keys = {k for part in schema["$defs"].values() if "properties" in part for k in part["properties"]}
    assert keys - {key.rpartition(".")[2] for key in rows} == set()
    assert [key for key, meaning in rows.items() if len(meaning) < 5] == []


def test_every_column_and_band_has_a_row():
    text = page("files.md")
    files = dict(zip((parts := re.split(r"^## (.*)$", text, flags=re.MULTILINE))[1::2], parts[2::2], strict=True))
    tables = [ROOT / "rs_pipeline" / "publish" / "columns.csv", *(path for p in products().values() if (path := p.asset("columns.csv")))]
    rows = [row for path in tables for row in csv.DictReader(path.open(encoding="utf-8", newline=""))]
    assert len(rows) > 200
    assert [r for r in rows if f"| `{r['column']}` |" not in files["Any file" if r["file"] == "*" else f"`{r['file']}`"]] == []
    assert [band.name for name, of in region_maps().items() for band in of.bands if f"| `{name}` | `{band.name}` |" not in files["Maps"]] == []


def test_every_collection_has_a_row():
    assert re.findall(r"^\| `([^`]+)` \| `", page("sensors.md"), re.MULTILINE) == sensor_names()


def test_every_verb_that_is_shown_has_a_part():
    shown = {command.name or command.callback.__name__ for command in app.registered_commands if not command.hidden}
    assert len(shown) > 30 and set(re.findall(r"^### (\S+)$", page("commands.md"), re.MULTILINE)) == shown


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"type": "number", "minimum": 0, "maximum": 1}, "number ≥ 0, ≤ 1"), ({"type": "string", "format": "path"}, "path"), ({"type": "boolean"}, "true or false"),
        ({"enum": ["msl", "mhws"]}, "msl | mhws"), ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or null"),
        ({"type": "array", "items": {"$ref": "#/$defs/SourceSection"}}, "list of section"),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "integer"}]}, "list of 2 of integer"),
    ],
)  # fmt: skip
def test_a_value_in_words(about, words):
    assert type_words(about) == words


def test_a_table_stays_one():
    assert table(("a",), [("x | y\nz",), ("<run>",)]) == "| a |\n| --- |\n| x \\| y z |\n| &lt;run> |\n"
    assert cell("a  b") == "a b"
