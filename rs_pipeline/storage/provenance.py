"""Provenance of files: software, configuration, and the content of other files."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import rasterio
import yaml

from rs_pipeline import __version__
from rs_pipeline.config import RUNTIME_SECTIONS, Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import Period, Scene
from rs_pipeline.paths import config_folder, kernels_folder
from rs_pipeline.storage.atomic import write_changed
from rs_pipeline.storage.raster import open_own

FINEST_TAG = "FINEST_PIXEL_M"
"""Tag of a map: pixel size of the finest optical sensor it was made from, m, nan for none; in a mosaic the list of those of its tiles."""


def configuration_sha256(settings: Settings) -> str:
    """SHA-256 of the resolved configuration, 64 hex digits, without RUNTIME_SECTIONS."""
    return hashlib.sha256(settings.model_dump_json(exclude=set(RUNTIME_SECTIONS)).encode()).hexdigest()


def map_tags(settings: Settings, period: Period, scenes: Sequence[Scene]) -> dict[str, str]:
    """Provenance tags of a map: software, configuration, period, scenes and whether they are simulated."""
    baselines = sorted({s.processing_baseline for s in scenes if s.processing_baseline})
    return {
        "SOFTWARE": f"rs-pipeline {__version__}",
        "RUN": settings.run,
        "CONFIGURATION_SHA256": configuration_sha256(settings)[:16],
        "PERIOD": f"{period.label} ({period.start} to {period.end})",
        "N_SCENES": str(len({s.scene_id for s in scenes})),
        "PLATFORMS": ", ".join(sorted({s.platform for s in scenes})),
        "PROCESSING_BASELINES": ", ".join(baselines),
        "SIMULATED": "yes" if settings.simulation else "no",
    }


def merged_tags(paths: Iterable[Path]) -> dict[str, str]:
    """Tags of a map made from the maps at ``paths``: lists are merged, and the number of scenes is the largest of any map."""
    merged: dict[str, str] = {}
    for path in paths:
        with open_own(path) as src:
            tags = {k: v for k, v in src.tags().items() if k not in ("AREA_OR_POINT",)}
        for key, value in tags.items():
            if key in ("PLATFORMS", "PROCESSING_BASELINES", FINEST_TAG):
                merged[key] = ", ".join(sorted({*filter(None, merged.get(key, "").split(", ")), *filter(None, value.split(", "))}))
            elif key == "N_SCENES":
                merged[key] = str(max(int(value), int(merged.get(key, 0))))
            else:
                merged[key] = value
    return merged


def software() -> str:
    """Versions of the software, as ``name version`` joined by commas."""
    found = []
    for name in ("rs-pipeline", "numpy", "numba", "rasterio", "pyproj", "geopandas"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} {__version__ if name == 'rs-pipeline' else 'not installed'}")
    return ", ".join([*found, f"GDAL {rasterio.__gdal_version__}", f"Python {platform.python_version()}"])


def git_commit() -> str:
    """Commit of the checkout this code runs from, with ``+changes`` where it is not clean; empty where it is not a checkout."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


@cache
def code_sha256() -> str:
    """SHA-256 of the package's own code and tables: it distinguishes versions of the code where there is no commit, or there are uncommitted changes."""
    root, digest = Path(__file__).resolve().parents[2], hashlib.sha256()
    folders = [root / "rs_pipeline", kernels_folder(), config_folder()]
    for file in sorted(f for folder in folders for f in folder.rglob("*") if f.suffix in (".py", ".csv", ".json") or f.parent.name in ("sensors", "provinces")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def fingerprint(path: Path, root: Path) -> str:
    """``<path> sha256:<hex>``; ``<path> absent`` where there is no file. Relative below ``root``."""
    name = path.relative_to(root) if path.is_relative_to(root) else path
    if not path.is_file():
        return f"{name} absent"
    with path.open("rb") as file:
        return f"{name} sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def freeze(settings: Settings) -> None:
    """Write the resolved configuration to the run's folder. A file with the same content is not rewritten."""
    write_changed(Layout(settings.root).settings, yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
