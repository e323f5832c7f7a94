"""Who imports whom, and what an installation provides. The contract of imports is in pyproject.toml, [tool.importlinter]."""

import ast
import importlib
import logging
import os
import pkgutil
import re
import tomllib
from pathlib import Path

import pytest
import rs_kernels

try:
    from importlinter.cli import lint_imports
except ModuleNotFoundError:
    lint_imports = None

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

needs_linter = pytest.mark.skipif(lint_imports is None and os.environ.get("CI") != "true", reason="import-linter is not installed: pip install -e '.[test]'")


@pytest.fixture(autouse=True)
def loggers_stay():
    """The linter's set-up of logging disables every logger there is; other tests listen to ours."""
    yield
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@needs_linter
def test_rooms_import_only_what_lies_below_them():
    assert lint_imports(config_filenames=(str(ROOT / "pyproject.toml"),), no_cache=True, no_logo=True) == 0, "see above which import breaks which contract"


@needs_linter
def test_a_room_that_imports_one_above_is_named_with_its_line(tmp_path, monkeypatch, capsys):
    """Also where it does so inside a function, or a room has no place in the contract."""
    house = tmp_path / "house"
    for room in ("cellar", "roof", "annexe"):
        (house / room).mkdir(parents=True)
        (house / room / "__init__.py").write_text("")
    (house / "__init__.py").write_text("")
    (house / "cellar" / "pipes.py").write_text("def flow():\n    from house.roof import chimney\n\n    return chimney\n")
    (house / "roof" / "chimney.py").write_text("")
    (tmp_path / "contract.toml").write_text(
        '[tool.importlinter]\nroot_package = "house"\n[[tool.importlinter.contracts]]\n'
        'name = "down"\ntype = "layers"\ncontainers = ["house"]\nexhaustive = true\nlayers = ["roof", "cellar"]\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert lint_imports(config_filenames=(str(tmp_path / "contract.toml"),), no_cache=True, no_logo=True) == 1
    told = capsys.readouterr().out
    assert "house.cellar.pipes -> house.roof.chimney (l.2)" in told and "annexe" in told


def test_every_product_is_held_apart_from_the_others():
    apart = next(c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "independence")
    folders = [p.parent.name for p in (ROOT / "rs_pipeline" / "products").glob("*/__init__.py")]
    assert sorted(apart["modules"]) == sorted(f"rs_pipeline.products.{name}" for name in folders)


def test_an_installation_provides_two_packages_and_none_called_kernels():
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert sorted(Path(p).name for p in wheel["packages"]) == ["rs_kernels", "rs_pipeline"]
    assert {Path(p).parts[0] for p in wheel["force-include"].values()} == {"rs_pipeline"}
    assert not (ROOT / "kernels" / "__init__.py").exists()


def test_no_code_imports_a_package_called_kernels():
    folders = ("rs_pipeline", "kernels", "tests", "benchmarks")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    named = [str(path) for path in sources if re.search(r"^\s*(from|import) kernels\b", path.read_text("utf-8"), re.MULTILINE)]
    assert len(sources) > 100 and named == []


def test_rs_kernels_holds_every_kernel_module():
    files = sorted(p.stem for p in (ROOT / "kernels" / "rs_kernels").glob("*.py") if p.stem != "__init__")
    assert [m.name for m in pkgutil.iter_modules(rs_kernels.__path__)] == files
    for name in files:
        importlib.import_module(f"rs_kernels.{name}")


def test_tests_of_a_group_stay_in_one_process(request):
    """A pytest whose ids pytest-xdist cannot mark spreads the groups silently, and makes every long run twice."""
    if request.config.getoption("loadgroup", False):
        assert request.node.nodeid.endswith(f"@{request.node.path}"), "install the versions of constraints.txt"


def test_rasters_of_others_are_opened_in_one_place():
    """Elsewhere `rasterio.open` only writes: what a raster from outside may lead GDAL to is known to `storage.foreign` alone."""
    reading = set()
    for path in (ROOT / "rs_pipeline").rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
            name, mode = ast.unparse(call.func), [a.value for a in call.args[1:2] if isinstance(a, ast.Constant)]
            if name.endswith(("rasterio.open", "open_rasterio", "rasterio.MemoryFile", "raster_copy")) and mode != ["w"]:
                reading.add(path.relative_to(ROOT).as_posix())
            assert not name.startswith(("gdal.", "osgeo.")), path
    assert reading == {"rs_pipeline/storage/foreign.py", "rs_pipeline/storage/raster.py", "rs_pipeline/publish/opened.py"}
