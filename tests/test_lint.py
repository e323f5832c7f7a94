"""The tree is linted, formatted and typed as pyproject.toml says, here and before each commit."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
IS_CI = os.environ.get("CI") == "true"
"""There, a tool that is not installed is a fault."""


def found_by(*command: str) -> str:
    """What a tool says of the tree; empty where it finds nothing."""
    if importlib.util.find_spec(command[0]) is None and not IS_CI:
        pytest.skip(f"{command[0]} is not installed: pip install -e '.[test]'")
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=1200)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_tree_is_linted():
    assert found_by("ruff", "check", "--no-cache", ".") == ""


def test_the_tree_is_formatted():
    assert found_by("ruff", "format", "--no-cache", "--check", ".") == ""


def test_types_hold():
    """Of the pipeline and its kernels: half a minute on one core, some seconds where it was done before."""
    assert found_by("mypy") == ""


@pytest.mark.parametrize(
    ("source", "fault"), [("def half(n: int) -> int:\n    return n / 2\n", "return-value"), ("def half(n):\n    return n\n", "no-untyped-def")]
)
def test_a_wrong_type_is_found(tmp_path, source, fault):
    """By the settings of the project, a function without types too."""
    (tmp_path / "part.py").write_text(source)
    assert f"[{fault}]" in found_by("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", os.devnull, str(tmp_path / "part.py"))


def test_a_commit_is_held_to_the_same():
    hooks = {hook["id"]: hook for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"] for hook in repo["hooks"]}
    assert [*hooks] == ["ruff", "ruff-format", "mypy"] and not any("--select" in hook["entry"] for hook in hooks.values())
    pinned = re.search(r"^ruff==.+$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)[0]
    assert all(hooks[name]["additional_dependencies"] == [pinned] for name in ("ruff", "ruff-format"))
