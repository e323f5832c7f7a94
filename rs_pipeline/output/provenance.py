"""Tags that tell where a raster comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from rs_pipeline import __version__
from rs_pipeline.config import Settings
from rs_pipeline.model import Period, Scene


def settings_hash(settings: Settings) -> str:
    """SHA-256 of the whole resolved configuration, 16 hex digits."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:16]


def map_tags(settings: Settings, period: Period, scenes: Sequence[Scene]) -> dict[str, str]:
    """Provenance tags of a map: software, configuration, period, scenes and whether they are simulated."""
    baselines = sorted({s.processing_baseline for s in scenes if s.processing_baseline})
    return {
        "SOFTWARE": f"rs-pipeline {__version__}",
        "RUN": settings.run,
        "CONFIGURATION_SHA256": settings_hash(settings),
        "PERIOD": f"{period.label} ({period.start} to {period.end})",
        "N_SCENES": str(len({s.scene_id for s in scenes})),
        "PLATFORMS": ", ".join(sorted({s.platform for s in scenes})),
        "PROCESSING_BASELINES": ", ".join(baselines),
        "SIMULATED": "yes" if settings.sample else "no",
    }
