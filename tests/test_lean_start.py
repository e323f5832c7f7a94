"""Every job is a process of its own: one of a tile does not load what only jobs of the region need."""

import subprocess
import sys

import pytest

CODE = """
import sys
from rs_pipeline import cli
from rs_pipeline.operations import job
from rs_pipeline.products.register import resolve
from rs_pipeline.steps import step_of
resolve(step_of(sys.argv[1]).function)
print(*[name for name in sys.argv[2:] if name in sys.modules])
"""


@pytest.mark.parametrize(("verb", "heavy"), [
    ("mosaic", ("pandas", "geopandas", "pyogrio", "numba", "dask", "urllib3")),
    ("preview", ("pandas", "geopandas", "pyogrio", "dask", "urllib3")),
    ("observe", ("pandas", "geopandas", "pyogrio", "distributed", "urllib3")),
    ("land", ("pandas", "geopandas", "pyogrio", "distributed", "urllib3")),
])  # fmt: skip
def test_a_job_of_a_tile_loads_no_more_than_it_needs(verb, heavy):
    done = subprocess.run([sys.executable, "-c", CODE, verb, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_job_of_which_nothing_is_due_loads_nothing_of_its_steps():
    """It is planned with what it rests on, and looks only at the record of the run."""
    code = "import sys; from rs_pipeline import cli; from rs_pipeline.operations import due, job; print(*[n for n in sys.argv[1:] if n in sys.modules])"
    heavy = ("pandas", "geopandas", "pyogrio", "pyarrow", "shapely", "numba", "dask", "urllib3")
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
