"""The command line: every verb explains itself, errors are told in words."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.harness import in_root
from rs_pipeline.cli import app

VERBS = sorted(c.name or c.callback.__name__ for c in app.registered_commands)
ROOT = Path(__file__).resolve().parents[1]


def run(*args: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "rs_pipeline.cli", *args]
    return subprocess.run(command, capture_output=True, text=True, env=in_root(), timeout=120)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb):
    done = CliRunner().invoke(app, [verb, "--help"])
    assert done.exit_code == 0 and "Usage" in done.output
    command = next(c for c in app.registered_commands if (c.name or c.callback.__name__) == verb)
    assert len(command.help or command.callback.__doc__ or "") > 15


def test_the_snakefile_calls_only_verbs_that_exist():
    import re

    called = set(re.findall(r"\{VERB\} ([a-z-]+)", (ROOT / "Snakefile").read_text()))
    assert called and called <= set(VERBS)


def test_errors_are_words_with_a_remedy_and_exit_code_2(tmp_path):
    done = run("search", "--config", str(tmp_path / "none.yaml"))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "cannot read the configuration" in done.stderr and "remedy:" in done.stderr


def test_a_missing_option_is_told(tmp_path):
    done = run("observe", "--config", str(tmp_path / "none.yaml"))
    assert done.returncode == 2 and "--tile" in done.stderr and "Traceback" not in done.stderr


def test_the_schema_documents_the_keys():
    import json

    done = run("schema")
    schema = json.loads(done.stdout)
    assert "tide_table" in schema["$defs"]["CoastlineSection"]["properties"]


def test_a_run_by_hand_reads_its_inputs_before_anything_is_fetched(make_settings, tmp_path):
    import yaml

    (tmp_path / "gdp.csv").write_text("adcode,period,gdp\n990101,2023,abc\n")
    settings = make_settings(tables={"gdp": str(tmp_path / "gdp.csv")})
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    command = ["grid", "--config", str(tmp_path / "my.yaml")]
    by_hand = CliRunner().invoke(app, command)
    assert "row 2, column gdp: 'abc' is not a number" in str(by_hand.exception)
    assert CliRunner().invoke(app, [*command, "--attempt", "1"]).exit_code == 0  # as Snakemake calls it, which has read them
