"""What the README promises, CI does."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_ci_runs_the_readme_test_command():
    readme, ci = (ROOT / "README.md").read_text("utf-8"), (ROOT / ".ci" / "run").read_text("utf-8")
    command = ci.strip().splitlines()[-1]
    assert command.startswith("python3 -m venv") and command.endswith("pytest") and command in readme


def test_a_first_visitor_reads_it_to_its_end():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


def test_every_side_table_is_explained():
    from rs_pipeline.checks import SIDE_FILES

    page = (ROOT / "docs" / "howto" / "side_tables.md").read_text("utf-8")
    assert [key for key in SIDE_FILES if f"| `{key}` |" not in page] == []


def test_the_configuration_that_is_shown_is_valid():
    from benchmarks.real_catalogs import shown_configuration
    from rs_pipeline.config import parse

    assert parse(shown_configuration()).run == "mine"
