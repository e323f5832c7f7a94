"""A tiny simulated world, written once a test session."""

import pytest

from rs_pipeline.simulation.write import write_world

TINY = dict(size_px=(150, 120), every_days={"sentinel-2": 15, "landsat": 40, "sentinel-1": 60})


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Folder of a one-year world of 1.5 x 1.2 km, seed 5."""
    folder = tmp_path_factory.mktemp("sample") / "world"
    write_world(folder, 5, 1, **TINY)
    return folder
