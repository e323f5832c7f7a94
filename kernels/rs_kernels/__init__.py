"""Numba kernels: arrays and numbers in, arrays out. No files, no xarray, no configuration.

Numba keeps compiled kernels on the disk. It compiles one anew when the kernel's own file changes, but not when a formula does that it takes
from another file: results would then be those of the old formula. So the cache lies in a folder named by the content of all files here.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

from numba import config


def _use_cache_of_these_sources() -> None:
    """Below NUMBA_CACHE_DIR where that is set, else beside the sources, else in the user's cache; numba's own place where none can be written."""
    settings: Any = config  # whose names numba makes at run time
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(here.glob("*.py")))).hexdigest()[:16]
    user = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "rs-pipeline"
    for root in [Path(settings.CACHE_DIR)] if settings.CACHE_DIR else [here / "__pycache__", user]:
        folder = root / f"kernels-{digest}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            settings.CACHE_DIR = str(folder)
            return


_use_cache_of_these_sources()
