"""Compiled kernels on the disk are those of the formulas in the sources."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import rs_kernels

ASK = """
import numpy as np
from rs_kernels.composite import mndwi_map
print(mndwi_map(np.full((1, 1), 0.3, "f4"), np.full((1, 1), 0.1, "f4"))[0, 0])
"""


def ask(folder: Path, **environment) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | environment
    done = subprocess.run([sys.executable, "-c", ASK], cwd=folder, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def sources(folder: Path) -> Path:
    shutil.copytree(Path(rs_kernels.__file__).parent, folder / "rs_kernels", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "rs_kernels" / "indices.py"


def test_a_formula_that_changes_in_another_file_is_compiled_anew(tmp_path):
    """MNDWI of 0.3 and 0.1 is 0.5; ``composite.py``, whose kernel takes it from ``indices.py``, stays as it is."""
    indices = sources(tmp_path)
    assert abs(ask(tmp_path) - 0.5) < 1e-6
    text = indices.read_text("utf-8")
    changed = text.replace("def mndwi(green, swir1):", "def mndwi(swir1, green):")
    assert changed != text
    indices.write_text(changed, "utf-8")
    assert abs(ask(tmp_path) + 0.5) < 1e-6


def test_the_second_process_finds_the_first_ones_kernels(tmp_path):
    sources(tmp_path)
    ask(tmp_path)
    (made,) = (tmp_path / "rs_kernels" / "__pycache__").glob("kernels-*")
    files = {p: p.stat().st_mtime_ns for p in made.rglob("*.nb*")}
    assert files and ask(tmp_path) == ask(tmp_path)
    assert {p: p.stat().st_mtime_ns for p in made.rglob("*.nb*")} == files


def test_a_cache_folder_of_the_users_is_used(tmp_path):
    sources(tmp_path)
    ask(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "mine"))
    assert list((tmp_path / "mine").glob("kernels-*/**/*.nbi")) and not list((tmp_path / "rs_kernels" / "__pycache__").glob("kernels-*"))
