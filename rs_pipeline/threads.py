"""One thread budget a job: Dask and GDAL get it, BLAS and OpenMP stay at one thread."""

from __future__ import annotations

import os

ONE_EACH = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""Environment of libraries that would start threads of their own."""


def limit_threads(threads: int) -> None:
    """Tell the libraries of this process how many threads they may use, where its environment does not say so already."""
    for name, value in (ONE_EACH | {"GDAL_NUM_THREADS": str(threads)}).items():
        os.environ.setdefault(name, value)
