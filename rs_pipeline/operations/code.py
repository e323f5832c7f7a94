"""Finds the steps whose code has changed since their files were made.

A changed configuration makes steps run again. Changed code does not, so that editing a comment does not recompute a province. Instead a run names the
steps whose code changed, and the command that makes their files again. Products of other packages are not watched.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections import defaultdict
from functools import cache
from pathlib import Path

import rs_pipeline
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.operations.journal import read_journal
from rs_pipeline.paths import kernels_folder
from rs_pipeline.products.register import products
from rs_pipeline.steps import steps, steps_of
from rs_pipeline.storage.atomic import write_changed
from rs_pipeline.storage.provenance import code_sha256

UNWATCHED = ("rs_pipeline", "errors", "paths", "strict", "config", "layout", "steps", "storage.atomic", "storage.retry", "products.register")
"""Modules of ``rs_pipeline`` that all steps import and that do not affect results: a change in them is not reported. The package's own ``__init__``
has the version, and a function for notebooks that imports packages which no step uses."""


REFERENCES = {"zonal": ("county_sums",), "indicators": ("facts", "indicators")}
"""Step to the fields of products whose functions it calls by reference."""

ROOTS = {"rs_pipeline": Path(rs_pipeline.__file__).parent, "rs_kernels": kernels_folder()}


@cache
def _source(module: str) -> Path | None:
    """File of a module of the pipeline or its kernels; None for any other."""
    package, *names = module.split(".")
    if package not in ROOTS:
        return None
    path = ROOTS[package].joinpath(*names)
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


@cache
def _imports(module: str) -> frozenset[str]:
    """Modules of the pipeline that a module imports, at its top or inside functions."""
    path, found = _source(module), set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))) if path else ():
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return frozenset(m for m in found if _source(m))


def _is_common(module: str) -> bool:
    name = module.removeprefix("rs_pipeline.")
    return any(name == c or name.startswith(f"{c}.") for c in UNWATCHED)


@cache
def step_code(name: str) -> str:
    """SHA-256, 16 digits, of the sources that a step can reach by imports."""
    called = [getattr(product, field) for product in products().values() for field in REFERENCES.get(name, ())]
    todo, seen = [reference.partition(":")[0] for reference in (steps()[name].function, *called) if reference], set()
    while todo:
        module = todo.pop()
        if module not in seen and not _is_common(module):
            seen.add(module)
            todo += _imports(module)
    digest = hashlib.sha256()
    for module in sorted(seen):
        source = _source(module)
        digest.update(module.encode() + (source.read_bytes() if source else b""))
    return digest.hexdigest()[:16]


def _known(settings: Settings) -> dict[str, dict[str, str]]:
    """Digest of the whole code, to the digests of the steps' code; of all versions of the code that worked on the run, and of the present one."""
    try:
        known = json.loads(Layout(settings.root).code.read_text("utf-8"))
    except (OSError, ValueError):
        known = {}
    if code_sha256() not in known:
        known[code_sha256()] = {s.name: step_code(s.name) for s in steps_of(settings)}
    return known


def note_code(settings: Settings) -> None:
    """Store the digest of every step's code under the digest of the whole code, which the journal has with every job."""
    write_changed(Layout(settings.root).code, json.dumps(_known(settings), indent=1))


def changed_code(settings: Settings) -> list[str]:
    """Steps whose code differs from the code that made their files, in order; steps without files are not included."""
    last = {e.job: e for e in read_journal(Layout(settings.root).journal) if e.state == "done"}
    if all(entry.code == code_sha256() for entry in last.values()):
        return []
    known, used = _known(settings), defaultdict(set)
    for entry in last.values():
        used[entry.verb.partition(":")[0].replace("-", "_")].add(entry.code)
    return [name for name, code in known[code_sha256()].items() if any(known.get(then, {}).get(name) != code for then in used[name])]


def words_on_code(changed: list[str], config: Path) -> str:
    """Message about steps whose code changed."""
    return (
        f"the code of these steps changed since their files were made: {', '.join(changed)}. The files stay as they are; "
        f"to make them again: rs-pipeline run --config {config} --forcerun {' '.join(changed)}"
    )
