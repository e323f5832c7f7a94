"""Screenshots for the documentation, from the page of a finished sample run: ``python -m benchmarks.pictures results/sample docs/images``."""

from __future__ import annotations

import argparse
import base64
from pathlib import Path

from benchmarks.browser import browser

WIDTH_PX, HEIGHT_PX = 1185, 840

VIEWS = {
    "sheet.png": "#sheet?lang=en",
    "sheet_zh.png": "#sheet?lang=zh",
    "county.png": "#county/{code}?lang=en",
    "county_zh.png": "#county/{code}?lang=zh",
    "map.png": "#map?layer=land&colour=outlines&lang=en",
}
"""File name to the address fragment that selects the view of the page."""


def take(run: Path, folder: Path, code: str) -> None:
    """Write the pictures of VIEWS of a run's page, WIDTH_PX by HEIGHT_PX, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as page:
        page.size(WIDTH_PX, HEIGHT_PX)
        for name, address in VIEWS.items():
            page.open((run / "report" / "index.html").resolve(), address.format(code=code))
            picture = page.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
            (folder / name).write_bytes(base64.b64decode(picture))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("run", type=Path, help="results/<run> of a finished run")
    parser.add_argument("folder", type=Path, help="where the pictures are written")
    parser.add_argument("--county", default="990102", help="code of the county that is shown")
    options = parser.parse_args()
    take(options.run, options.folder, options.county)


if __name__ == "__main__":
    main()
