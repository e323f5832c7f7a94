"""One name, one thing: a public name of a module is defined once, so that a search finds what is meant."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[1]

ALLOWED = {
    "INDICATORS": "each product lists its own, and the table joins them",
    "log": "a logger a module",
    "main": "entry point of a module that is run by `python -m`",
    "PRODUCT": "each product declares itself",
    "STEPS": "its steps",
    "BANDS": "the bands of its map",
    "STYLE": "the style of its map",
    "METHODS": "the paragraphs of its method",
    "facts": "what its indicators need",
    "county_sums": "what counties sum of it",
    "CHANGES": "which of these depend on the baseline",
    "gamma0_power": "of arrays, beside the kernel's of one number",
    "reflectance": "of arrays, beside the kernel's of one number",
}
"""Names that may be defined in several modules, with the reason."""


def public_names(path: Path) -> set[str]:
    """Functions, classes and constants of a module that begin with no underscore; imports do not define."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return {name for name in found if not name.startswith("_")}


def homes() -> dict[str, list[str]]:
    """Name to the modules that define it. The verbs of cli.py are named after the steps they call."""
    found = defaultdict(list)
    for folder in ("rs_pipeline", "kernels/rs_kernels"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.name != "cli.py":
                for name in public_names(path):
                    found[name].append(path.relative_to(ROOT).as_posix())
    return found


def test_a_public_name_is_defined_once():
    twice = {name: where for name, where in homes().items() if len(where) > 1 and name not in ALLOWED}
    assert not twice, "\n".join(f"{name}: {', '.join(where)}" for name, where in sorted(twice.items()))


def test_what_may_be_defined_twice_is():
    found = homes()
    assert [name for name in ALLOWED if len(found[name]) < 2] == []


@pytest.mark.parametrize(("old", "new"), [("sample", "simulate"), ("again", "retry"), ("draw-samples", "sample-design")])
def test_old_verbs_still_work_but_are_not_shown(old, new):
    from rs_pipeline.cli import app

    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    assert f" {new} " in shown and f" {old} " not in shown
    done = CliRunner().invoke(app, [old, "--help"])
    assert done.exit_code == 0 and "deprecated" in done.output.lower()
