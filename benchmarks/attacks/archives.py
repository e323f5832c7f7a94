"""Archives on a disk: a band that is missing, a tar that was cut off, names that lead out of the folder, scenes and tars with impossible metadata."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np

from benchmarks.attack import Attack
from rs_pipeline.catalog.archive import write_catalog
from rs_pipeline.errors import CatalogError
from tests.catalog.test_archive import LANDSAT, OTHER, SAFE, derailed, displaced, harmed, landsat, leading_out, member, outlined, packed, safe


def half_there(folder: Path) -> str:
    """A complete SAFE folder beside one without a band, one without metadata, and a tar that was cut off."""
    archive = folder / "archive"
    safe(archive)
    safe(archive, SAFE.replace("0501T", "0506T"), without="B12")
    (safe(archive, SAFE.replace("0501T", "0511T")) / "MTD_MSIL2A.xml").unlink()
    files = landsat(folder / "files")
    with tarfile.open(archive / f"{LANDSAT}.tar", "w") as packed:
        for path in files:
            packed.add(path, path.name)
    whole = (archive / f"{LANDSAT}.tar").read_bytes()
    (archive / f"{LANDSAT}.tar").write_bytes(whole[: len(whole) // 2 + 100])
    found = write_catalog(archive)
    assert dict(found.scenes) == {"copernicus-sentinel-2-l2a": 1} and len(found.left_out) == 3, found
    assert all("fetch it again" in line for line in found.left_out)
    (archive / f"{LANDSAT}.tar").write_bytes(whole)
    assert write_catalog(archive).scenes["planetary-computer-landsat-c2-l2"] == 1, "fetched again it is used"
    return f"1 of 4 scenes in the catalog; {'; '.join(found.left_out)}"


def led_out(folder: Path) -> str:
    """A tar whose names begin with ``../``, and a link to a file of the system."""
    archive = leading_out(folder)
    write_catalog(archive)
    assert sorted(p.name for p in folder.iterdir()) == ["archive", "files"] and not any(p.is_symlink() for p in archive.rglob("*"))
    return "everything lies in the archive's folder, no link was made"


HOSTILE = {
    "pixels of 1e8 m": lambda a: displaced(a, 1e8), "infinite pixels": lambda a: displaced(a, np.inf), "no origin": lambda a: displaced(a, 30, np.nan),
    "an origin of 1e18 m": lambda a: displaced(a, 30, 1e18), "corners that are no numbers": lambda a: outlined(a, "nan nan 41 116 41 117 40 116"),
    "damaged xz": lambda a: harmed(a / f"{OTHER}.tar", "w:xz"), "damaged gz": lambda a: harmed(a / f"{OTHER}.tar.gz", "w:gz"), "no deflate": lambda a: derailed(a / f"{OTHER}.tar.gz"),
    "a sparse band": lambda a: packed(a / f"{OTHER}.tar", extra=member(kind=tarfile.GNUTYPE_SPARSE)), "a band of 9 GiB": lambda a: packed(a / f"{OTHER}.tar", extra=member(size=9 * 2**30)),
    "a pipe": lambda a: os.mkfifo(a / f"{OTHER}.tar"),
}  # fmt: skip


def hostile(folder: Path) -> str:
    """A scene or tar with impossible metadata beside a complete scene; then metadata of blank lines."""
    longest = 0.0
    for name, harm in HOSTILE.items():
        archive = folder / name.replace(" ", "-") / "archive"
        landsat(archive)
        harm(archive)
        started = time.monotonic()
        found = write_catalog(archive)
        longest = max(longest, time.monotonic() - started)
        assert sum(found.scenes.values()) == 1 and len(found.left_out) == 1, (name, found)
    about = next(path for path in landsat(folder / "blank") if "MTL" in path.name)
    about.write_text("\n" * 1_000_000 + about.read_text())
    started = time.monotonic()
    assert sum(write_catalog(folder / "blank").scenes.values()) == 1
    assert max(longest, time.monotonic() - started) < 10
    return f"{len(HOSTILE)} of {len(HOSTILE)} left out with a line, the scene beside in the catalog; the longest took {longest:.1f} s, a million blank lines {time.monotonic() - started:.1f} s"


def killed(folder: Path) -> str:
    """The command is killed while it unpacks, and started again."""
    (folder / "archive").mkdir()
    packed(folder / "archive" / f"{OTHER}.tar")
    slow = "import time, sys; from pathlib import Path; from rs_pipeline.catalog import archive; archive._see_complete = lambda *a: time.sleep(60); archive.write_catalog(Path(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", slow, str(folder / "archive")])
    try:
        for _ in range(600):
            if len(left := list(folder.glob("archive/unpacked/.*.part/*QA_RADSAT*"))) == 1:
                break
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert left, "it was killed while it unpacked"
    found = write_catalog(folder / "archive")
    (item,) = folder.glob(f"archive/stac/*/{OTHER}.json")
    hrefs = [asset["href"] for asset in json.loads(item.read_text())["assets"].values()]
    parts = list(folder.glob("archive/unpacked/.*"))
    assert not found.left_out and not parts and not any(".part" in href for href in hrefs)
    return f"started again: {sum(found.scenes.values())} scene of {len(hrefs)} bands, {len(parts)} folders of the killed one left"


def others_catalog(folder: Path) -> str:
    """A catalog that the command did not write is in the output folder."""
    safe(folder)
    (folder / "catalog.json").write_text('{"type": "Catalog", "id": "mine"}')
    try:
        write_catalog(folder)
    except CatalogError as told:
        assert "mine" in (folder / "catalog.json").read_text()
        return f"{told.what}; {told.remedy}"
    raise AssertionError("it was written over")


ATTACKS = (
    Attack("half there", "what is whole is used, what is not is named with what to do", half_there),
    Attack("led out", "a tar writes nothing outside the folder", led_out),
    Attack("hostile scenes", "one bad scene or tar ends nothing, takes no memory and no time, and is named", hostile),
    Attack("killed while unpacking", "the next start unpacks anew and leaves nothing of the killed one", killed),
    Attack("another's catalog", "a catalog that this verb did not write is kept", others_catalog),
)
