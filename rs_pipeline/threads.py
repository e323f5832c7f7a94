"""The thread budget of a job: Dask and GDAL use it; BLAS, OpenMP and Numba stay at one thread."""

from __future__ import annotations

import os

ONE_EACH = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""Environment of libraries that would start threads of their own."""


def limit_threads(threads: int) -> None:
    """Set how many threads the libraries of this process may use; variables that the environment already has are kept."""
    for name, value in (ONE_EACH | {"GDAL_NUM_THREADS": str(threads)}).items():
        os.environ.setdefault(name, value)
