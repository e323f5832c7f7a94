"""The tool without its checkout: a wheel is built, installed into an empty folder and used from another; no network."""

import importlib.util
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from rs_pipeline import __version__

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> tuple[Path, Path]:
    """The wheel, and the folder that it is installed into, with a stranger's ``config`` beside it as other packages leave there."""
    if importlib.util.find_spec("hatchling") is None:
        if os.environ.get("CI"):
            pytest.fail("hatchling is missing: pip install -e '.[test]'")
        pytest.skip("hatchling is not installed: pip install -e '.[test]'")
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "-q", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)], check=True, timeout=120)
    wheel = next(folder.glob("*.whl"))
    subprocess.run([*pip, "install", "-q", "--no-index", "--no-deps", "--target", str(folder / "site"), str(wheel)], check=True, timeout=120)
    (folder / "site" / "config").mkdir()
    return wheel, folder / "site"


def rs_pipeline(installed, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    _, site = installed
    return subprocess.run(
        [site / "bin" / "rs-pipeline", *arguments], cwd=folder, capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONPATH": str(site)}
    )


def test_all_that_is_tracked_is_in_the_wheel(installed):
    kinds, folders = ("*.py", "*.csv", "*.yaml", "*.json", "*.js", "*.css", "*.j2", "*.md"), ("rs_pipeline", "config", "profiles")
    wanted = {str(p.relative_to(ROOT)) for folder in folders for kind in kinds for p in (ROOT / folder).rglob(kind)} | {"Snakefile"}
    inside = {name.replace("rs_pipeline/_shipped/", "") for name in zipfile.ZipFile(installed[0]).namelist()}
    assert len(wanted) > 150 and wanted - inside == set()
    assert {"rs_pipeline/py.typed", "rs_kernels/py.typed"} <= inside


def test_the_wheel_says_its_licence(installed):
    with zipfile.ZipFile(installed[0]) as wheel:
        folder = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")).removesuffix("METADATA")
        metadata = wheel.read(f"{folder}METADATA").decode("utf-8")
        texts = {name: wheel.read(f"{folder}licenses/{name}").decode("utf-8") for name in ("LICENSE", "NOTICE")}
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert texts == {name: (ROOT / name).read_text("utf-8") for name in texts} and "Apache License\n" in texts["LICENSE"]


def test_from_an_empty_folder_to_the_plan_of_a_run(installed, tmp_path):
    assert rs_pipeline(installed, tmp_path, "--version").stdout.strip() == __version__ == PROJECT["version"]
    assert rs_pipeline(installed, tmp_path, "init", "--hebei").returncode == 0
    done = rs_pipeline(installed, tmp_path, "run", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"Snakefile: {installed[1] / 'rs_pipeline' / '_shipped' / 'Snakefile'}" in done.stdout
    assert all(f"\n{rule} " in done.stdout for rule in ("province_units", "search", "grid", "assign"))
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith(".")) == ["rs-pipeline.yaml"]


def test_the_version_is_said_alike():
    assert f"\nversion: {PROJECT['version']}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\n## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_supported_versions_of_python_are_said_once_and_alike():
    named = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if c.startswith("Programming Language :: Python :: 3.")]
    assert named == ["3.11", "3.12", "3.13"] and PROJECT["requires-python"] == ">=3.11,<3.14"
    assert '"python>=3.11,<3.14"' in (ROOT / "environment.yml").read_text("utf-8")
