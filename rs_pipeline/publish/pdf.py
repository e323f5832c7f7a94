"""The front sheet and the counties as PDF: the report, printed by the browser that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.publish.report.pictures import folder_name
from rs_pipeline.region import load_units
from rs_pipeline.storage.atomic import atomic_path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
"""Commands of browsers that can print without a window, in the order in which they are tried."""

TIMEOUT_S = 180


def pdf(settings: Settings, adcodes: Iterable[str] = (), language: str = "zh") -> list[Path]:
    """Write ``report/pdf/sheet.pdf`` and one file a county, A4, in ``language`` (``zh`` or ``en``); give their paths.

    ``adcodes`` : counties to print; empty for all.

    Raises
    ------
    ConfigError : the report is not made yet, no browser is installed, it printed nothing, or a code is of no unit.
    """
    report, units = Layout(settings.root).report, load_units(settings)
    if not report.exists():
        raise ConfigError("the report is not made yet", where=str(report), remedy="run `rs-pipeline run` first")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ConfigError("no browser that prints is installed", where=", ".join(BROWSERS), remedy="install chromium, or print the page from your own browser")
    wanted = list(adcodes) or list(units.adcode)
    if unknown := sorted(set(wanted) - set(units.adcode)):
        raise ConfigError(f"no unit has the code {', '.join(unknown)}", where=str(settings.units.path), remedy="give a code of the column adcode")
    names = {code: f"{folder_name(code, i)}.pdf" for i, code in enumerate(units.adcode)}
    pages = {"sheet.pdf": "sheet", **{names[code]: f"county/{code}" for code in wanted}}
    return [_print(browser, f"{report.absolute().as_uri()}#{view}?lang={language}", report.parent / "pdf" / name) for name, view in pages.items()]


def _print(browser: str, address: str, path: Path) -> Path:
    """Print one view. The browser gets a profile of its own, so that it does not use the user's profile or an open window."""
    with atomic_path(path) as part, tempfile.TemporaryDirectory(prefix="rs-pipeline-pdf-") as profile:
        as_root = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []  # browsers refuse to run as root in their sandbox
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            *as_root,
            "--no-first-run",
            "--no-pdf-header-footer",
            f"--user-data-dir={profile}",
            "--virtual-time-budget=20000",
            f"--print-to-pdf={part}",
            address,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        if not part.exists() or part.stat().st_size == 0:
            raise ConfigError(f"the browser printed nothing: {done.stderr.strip()[-300:]}", where=browser, remedy="print the page from your own browser")
    return path
