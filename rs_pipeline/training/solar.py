"""Train the network of solar arrays on simulated arrays and on simulated and real ground without any: ``python -m rs_pipeline.training.solar --real FOLDER``.

There are no real pixels of arrays whose licence allows it, so all arrays are simulated: those of worlds, and those of `land_library`, each with modules,
rows and ground of its own. Of what is none there is more: worlds, the library with measured roofs, roads and soils, and labelled real pixels. Accuracy is
measured on worlds of development seeds that the chain has processed and that were not trained on; false alarms also on real pixels and measured ground, each
source left out of the training in turn. Some ten minutes on two cores.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from rs_pipeline.products.land.model import LandModel
from rs_pipeline.products.seasons import STATISTICS
from rs_pipeline.products.solar.arrays import LEAST_SHARE
from rs_pipeline.products.solar.model import CLASSES
from rs_pipeline.simulation.materials import Material
from rs_pipeline.training.land import LANDSCAPES, SPECTRA, LabelledPixels, fit_land_model, real_copies, training_options, world_statistics, write_model
from rs_pipeline.training.land_library import Spectra, array_pixels, library_pixels, measured_ground
from rs_pipeline.training.land_pixels import Mixtures, mixtures, year_statistics
from rs_pipeline.training.real_land import RealPixels, read_real_land, read_spectra
from rs_pipeline.validation.solar import score_solar
from rs_pipeline.validation.truth import combine

SOLAR_SEEDS = (74, 75, 76)
"""Seeds of the worlds whose mixtures are trained on. All seeds here are development seeds."""
SOLAR_SIZE_PX, SOLAR_PIXELS, SOLAR_PALETTES = (360, 300), 1500, 8
OTHER_SIZE_PX, OTHER_PIXELS, OTHER_PALETTES = (240, 180), 600, 2
"""Size of the worlds with and without arrays, and the pixels and palettes of each."""
LIBRARY_ARRAYS, LIBRARY_OTHERS = 12_000, 30_000
NO_ARRAYS_WEIGHT = 0.1
"""Total weight of the real pixels relative to that of all others."""
SOLAR_WORLDS = (("solar", 81), ("solar", 82), ("solar", 83))
"""Worlds on which the network is tested."""
SOLAR_SEED, SOLAR_HIDDEN = 20261201, 20
SOLAR_ITERATIONS, FEWER_ITERATIONS = 120, 60
"""Iterations of the fit that is shipped, and of the fits that leave a source out."""
FOLDS = 3
"""Parts of the measured ground, by place, that are left out of the training in turn."""


def panel_share(pixels: Mixtures) -> np.ndarray:
    """Share of arrays in the pixels as the sensor sees it, float32 (n,)."""
    names = [m for m, _ in pixels.layers.index]
    return np.clip(pixels.fine[names.index(Material.PANELS)], 0, 1) if Material.PANELS in names else np.zeros(pixels.fine.shape[1], "float32")


def simulate_solar() -> LabelledPixels:
    """Statistics float32 (F, n) and true shares float32 (2, n) of CLASSES, of worlds with and without arrays."""
    values, shares = [], []
    for seed in SOLAR_SEEDS:
        for k, landscape in enumerate(("solar", *LANDSCAPES)):
            size, n, palettes = (SOLAR_SIZE_PX, SOLAR_PIXELS, SOLAR_PALETTES) if landscape == "solar" else (OTHER_SIZE_PX, OTHER_PIXELS, OTHER_PALETTES)
            pixels = mixtures(landscape, seed, size, n)
            values += [year_statistics(pixels, seed, 100 * k + palette) for palette in range(palettes)]
            shares += [panel_share(pixels)] * palettes
    return np.concatenate(values, axis=1), of_classes(np.concatenate(shares))


def of_classes(share: np.ndarray) -> np.ndarray:
    """Shares of CLASSES, float32 (2, n), from that of arrays."""
    return np.stack([share, 1 - share]).astype("float32")


def train_solar(simulated: LabelledPixels, real: RealPixels, spectra: Spectra, iterations: int) -> LandModel:
    """A network trained on simulated pixels of worlds, on library pixels with measured ``spectra``, and on real pixels, none of which is an array."""
    arrays, share = array_pixels(LIBRARY_ARRAYS, SOLAR_SEED, spectra)
    others, _ = library_pixels(LIBRARY_OTHERS, SOLAR_SEED + 1, spectra)
    ground, _ = measured_ground(spectra, SOLAR_SEED)
    values = np.concatenate([simulated[0], arrays, others, ground], axis=1)
    shares = np.concatenate([simulated[1], of_classes(share), of_classes(np.zeros(others.shape[1] + ground.shape[1]))], axis=1)
    copies, weights = real_copies(real, NO_ARRAYS_WEIGHT * values.shape[1], SOLAR_SEED)
    weights = of_classes(np.zeros(copies.shape[1])) * weights.sum(axis=0)
    model = fit_land_model(
        np.concatenate([values, copies], axis=1), np.concatenate([shares, weights], axis=1), SOLAR_SEED, hidden=SOLAR_HIDDEN, iterations=iterations
    )
    return replace(model, classes=CLASSES)


def left_out(simulated: LabelledPixels, real: RealPixels, spectra: Spectra, places: list[np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Source, and for each of its pixels whether a network trained without the source calls it an array, bool (n,)."""
    for source in np.unique(real.source):
        out = real.source == source
        yield str(source), called(train_solar(simulated, real.only(~out), spectra, FEWER_ITERATIONS), real.values[:, out])
    kept = [[np.flatnonzero(p % FOLDS != k) for p in places] for k in range(FOLDS)]
    found = []
    for k, (bare, built) in enumerate(kept):
        out = Spectra(*(np.delete(all_, inside, axis=0) for all_, inside in zip((spectra.bare, spectra.built), (bare, built), strict=True)))
        values, _ = measured_ground(out, SOLAR_SEED + 10 + k)
        model = train_solar(simulated, real, Spectra(spectra.bare[bare], spectra.built[built]), FEWER_ITERATIONS)
        found.append((called(model, values[:, : len(out.bare)]), called(model, values[:, len(out.bare) :])))
    for name, parts in zip(("bare", "built"), zip(*found, strict=True), strict=True):
        yield f"{SPECTRA}, {name}", np.concatenate(parts)


def called(model: LandModel, values: np.ndarray) -> np.ndarray:
    """Whether pixels (F, n) would be called arrays among others of their kind, bool (n,)."""
    return model.shares(values)[0] >= LEAST_SHARE


def with_report(model: LandModel, work: Path, real: dict[str, dict[str, int]]) -> LandModel:
    """The model with its report: scores on SOLAR_WORLDS, and false alarms on real pixels and spectra."""
    yearly = []
    for landscape, seed in SOLAR_WORLDS:
        values, truth = world_statistics(landscape, seed, SOLAR_SIZE_PX, work)
        share = model.shares(values.reshape(len(STATISTICS), -1))[0].reshape(truth.grid.shape)
        yearly.append(score_solar(share, truth, truth.years[0]))
    scores = {(s.metric, s.subset): round(s.value, 4) for s in combine(yearly)}
    report = {
        "kind": "simulated: measured on worlds that took no part in the training; real: false alarms by source left out, no real arrays",
        "worlds": [f"{landscape}-{seed}" for landscape, seed in SOLAR_WORLDS],
        "f1": scores["f1", "all"],
        "scores": {f"{metric}, {subset}": value for (metric, subset), value in scores.items()},
        "real": real,
    }
    return replace(model, report=report)


def main() -> None:
    args = training_options(__doc__.splitlines()[0], "solar.json")
    real, (spectra, *places) = read_real_land(args.real), read_spectra(args.real)
    simulated = simulate_solar()
    alarms = {name: {"n": int(found.size), "called_arrays": int(found.sum())} for name, found in left_out(simulated, real, spectra, places)}
    with tempfile.TemporaryDirectory() as scratch:
        model = with_report(train_solar(simulated, real, spectra, SOLAR_ITERATIONS), args.work or Path(scratch), alarms)
    write_model(model, args.output)


if __name__ == "__main__":
    main()
