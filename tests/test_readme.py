"""What the README promises, CI does."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_ci_runs_the_readme_test_command():
    readme, ci = (ROOT / "README.md").read_text("utf-8"), (ROOT / ".ci" / "run").read_text("utf-8")
    command = ci.strip().splitlines()[-1]
    assert command.startswith("python3 -m venv") and command.endswith("pytest") and command in readme


def test_every_side_table_is_explained():
    from rs_pipeline.checks import SIDE_FILES

    readme = (ROOT / "README.md").read_text("utf-8")
    missing = [key for key in SIDE_FILES if f"`{key}`" not in readme and key != "indicators.targets"]
    assert missing == []
