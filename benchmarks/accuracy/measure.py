"""One simulated world through the chain, then scored beside the baselines."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import rasterio
import yaml
from affine import Affine

from benchmarks.accuracy.chain import run_steps
from benchmarks.accuracy.worlds import Recipe
from rs_pipeline.config import Settings, parse
from rs_pipeline.layout import Layout
from rs_pipeline.simulation.plan import EVERY_DAYS
from rs_pipeline.simulation.side_tables import supplied_tables
from rs_pipeline.simulation.write import run_config, write_world
from rs_pipeline.validation.run import score_run
from rs_pipeline.validation.truth import Score, Truth

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("rs_pipeline", "kernels", "config", "benchmarks/baselines", "Snakefile")
"""Files and folders whose content the scores depend on."""

CONVERTED_ZONES = ("red_line", "reserves")
"""Zone tables for which the truth gives an area of converted land."""

Scored = list[tuple[str, Score]]


def source_hash() -> str:
    """Digest of SOURCES; scores with another digest are computed again."""
    digest = hashlib.sha256()
    for name in SOURCES:
        path = ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.suffix in (".py", ".yaml", ".json", ".csv", "") and file.is_file():
                digest.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def run_chain(recipe: Recipe, work: Path) -> Settings:
    """Make the world and run the chain on it, below ``work``; the run's settings."""
    folder = (work / recipe.name).resolve()
    every_days = {family: days * recipe.every for family, days in EVERY_DAYS.items()}
    write_world(folder / "world", recipe.seed, recipe.years, landscape=recipe.landscape, size_px=recipe.size_px, every_days=every_days)
    displace(folder / "world", recipe)
    config = yaml.safe_load(run_config(folder / "world")) | {"output": str(folder / "results")}
    config["tables"] |= {key: path for key, path in supplied_tables(folder / "world").items() if key in CONVERTED_ZONES}
    config["sources"] = [s for s in config["sources"] if any(family in s["sensor"] for family in recipe.families)]
    settings = parse(config, where=recipe.name)
    run_steps(settings)
    return settings


def displace(world: Path, recipe: Recipe) -> None:
    """Shift the georeference in the files of one scene in four and record the true shift in world.json; done once a world."""
    about = json.loads((world / "world.json").read_text("utf-8"))
    if not recipe.displaced_m or about.get("planted"):
        return
    rng = np.random.default_rng(recipe.seed)
    for scene in sorted(about["displaced_m"]):
        if rng.random() >= 0.25:
            continue
        x_m, y_m = (round(float(v), 1) for v in rng.uniform(-recipe.displaced_m, recipe.displaced_m, 2))
        for path in world.glob(f"*/{scene}/*.tif"):
            with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as raster:
                raster.transform = Affine.translation(x_m, y_m) * raster.transform
        before = about["displaced_m"][scene]
        about["displaced_m"][scene] = [round(before[0] + x_m, 3), round(before[1] + y_m, 3)]
    (world / "world.json").write_text(json.dumps(about | {"planted": True}, indent=1), "utf-8")


def train_forests(recipes: Sequence[Recipe], work: Path, peers: Path | None) -> dict[str, np.ndarray]:
    """The forests of the baselines, trained on worlds of their own."""
    from benchmarks.baselines.run import fit_forests

    runs = [(run_chain(r, work), Truth(work / r.name / "world" / "truth")) for r in recipes]
    with tempfile.TemporaryDirectory() as scratch:
        return fit_forests(runs, Path(scratch), peers)


def measure(recipe: Recipe, work: Path, methods: Sequence[str], forests: Mapping[str, np.ndarray], peers: Path | None, keep: bool = False) -> Scored:
    """Scores of ours and of the baselines on one world. They are kept in ``work`` and computed again only when the code has changed.

    Parameters
    ----------
    keep : leave the world and the run on the disk.
    """
    from benchmarks.baselines.run import run_baselines

    made = work / f"{recipe.name}.json"
    state = {"code": source_hash(), "recipe": json.loads(json.dumps(asdict(recipe))), "methods": sorted(methods)}
    if made.is_file() and (kept := json.loads(made.read_text("utf-8")))["state"] == state:
        return [(method, Score(**score)) for method, score in kept["scores"]]
    settings = run_chain(recipe, work)
    truth = Truth(work / recipe.name / "world" / "truth")
    scored: Scored = [("ours", s) for s in score_run(Layout(settings.root), truth, settings)]
    scored += run_baselines(settings, truth, methods, forests=forests, peers=peers) if methods else []
    scored = [(method, s) for method, s in scored if recipe.asks(s)]
    made.write_text(json.dumps({"state": state, "scores": [(m, asdict(s)) for m, s in scored]}, indent=1), "utf-8")
    if not keep:
        shutil.rmtree(work / recipe.name)
    return scored
