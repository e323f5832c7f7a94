"""Archives on a disk: a band that is missing, a tar that was cut off, names that lead out of the folder."""

from __future__ import annotations

import tarfile
from pathlib import Path

from benchmarks.attack import Attack
from rs_pipeline.catalog.archive import write_catalog
from rs_pipeline.errors import CatalogError
from tests.catalog.test_archive import LANDSAT, SAFE, landsat, safe


def half_there(folder: Path) -> str:
    """A whole SAFE folder beside one without a band, one without metadata, and a tar that was cut off."""
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
    archive, files = folder / "archive", landsat(folder / "files")
    archive.mkdir()
    with tarfile.open(archive / f"{LANDSAT}.tar", "w") as packed:
        for path in files:
            packed.add(path, f"../../{path.name}")
        link = tarfile.TarInfo(f"{LANDSAT}_SR_B4.TIF")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        packed.addfile(link)
    write_catalog(archive)
    assert sorted(p.name for p in folder.iterdir()) == ["archive", "files"] and not any(p.is_symlink() for p in archive.rglob("*"))
    return "everything lies in the archive's folder, no link was made"


def others_catalog(folder: Path) -> str:
    """A catalog of somebody else's in the way."""
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
    Attack("another's catalog", "a catalog that this verb did not write is kept", others_catalog),
)
