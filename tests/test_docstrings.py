"""Examples in docstrings give what they say."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"rs_pipeline": ROOT, "rs_kernels": ROOT / "kernels", "benchmarks": ROOT}


def modules_with_examples() -> list[str]:
    paths = [(path, root) for name, root in FOLDERS.items() for path in sorted((root / name).rglob("*.py"))]
    return [".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for path, root in paths if ">>>" in path.read_text("utf-8")]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of_docstrings_hold(name):
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    module = import_module(name)
    for example in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner.run(example, out=said.append)
    assert not runner.failures, "".join(said)
