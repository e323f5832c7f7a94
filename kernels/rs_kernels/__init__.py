"""Numba kernels: arrays and numbers in, arrays out. No files, no xarray, no configuration.

Numba caches compiled kernels on the disk. It compiles a kernel again when the kernel's own file changes, but not when a formula changes that the
kernel imports from another file; results would then be those of the old formula. So the cache folder is named by the content of all files here.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

from numba import config


def _use_cache_of_these_sources() -> None:
    """Set numba's cache folder: below NUMBA_CACHE_DIR where that is set, else beside the sources, else in the user's cache. Where none of them is writable,
    numba's own choice stays."""
    settings: Any = config  # numba creates its attributes at run time
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
