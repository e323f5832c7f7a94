"""Identity of the content of a scene's files: attributes by which a change of the content at the same path or URL is noticed.

For a local file: size and time of modification. For a remote file, as far as available: the checksum and size that its item declares (STAC extension file),
and the server's ETag (else Last-Modified) and size (RFC 9110); where there are none of these, the time at which the item was updated. A server is asked for
one byte by GET, because URLs that are signed for GET refuse HEAD.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from rs_pipeline.catalog.items import Candidate
from rs_pipeline.catalog.read import FAULTS, held_parts, retrying
from rs_pipeline.catalog.sign import signed
from rs_pipeline.config import FetchSection
from rs_pipeline.errors import RemoteError
from rs_pipeline.model import Scene
from rs_pipeline.redaction import unsigned
from rs_pipeline.remote.ask import ask, told_content
from rs_pipeline.remote.breaker import HostDown
from rs_pipeline.remote.retrying import Refused
from rs_pipeline.sensors import load_sensor

Identity = dict[str, str]
"""Identity of one file, for example ``{"etag": '"5f"', "size": "1048576"}``; empty where nothing is known."""


def file_identity(path: str) -> Identity:
    """Size (bytes) and time of modification (ns) of a local file; empty where it does not exist."""
    try:
        about = Path(path).stat()
    except OSError:
        return {}
    return {"size": str(about.st_size), "mtime_ns": str(about.st_mtime_ns)}


def found_identity(href: str, sign: str, limits: FetchSection, internal: bool = False) -> Identity:
    """Identity of the content at a URL or path; empty where the server states none, refuses, or redirects to a forbidden host.

    Raises
    ------
    HostDown : the host is down and is not asked. OSError : the server cannot be reached after ``limits.retries`` more tries.
    """
    if not href.startswith(("https://", "http://")):
        return file_identity(href) if href.startswith("/") else {}
    return retrying(lambda: _asked(signed(href, sign), limits, internal), href, limits, sign)


def _asked(url: str, limits: FetchSection, internal: bool) -> Identity:
    """Identity from the answer to a request for the first byte."""
    try:
        return told_content(ask(url, limits, internal=internal, headers={"Range": "bytes=0-0", "Accept-Encoding": "identity"}, most=1, most_whole=0))
    except HostDown:
        raise
    except RemoteError:
        return {}
    except Refused as fault:
        if fault.status == 403 or fault.status >= 500:
            raise
        return {}


def contradiction(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """How two identities contradict each other, in words; empty where all attributes that both have agree. Where both have an ETag, Last-Modified is
    ignored: the nodes of a mirror may differ in it.

    >>> contradiction({"etag": '"a"', "size": "7"}, {"etag": '"b"'})
    'etag "a" is "b" now'
    """
    both = before.keys() & after.keys()
    telling = [name for name in before if name in both and not (name == "last-modified" and "etag" in both)]
    return next((f"{name} {before[name]} is {after[name]} now" for name in telling if before[name] != after[name]), "")


def change(before: Scene, after: Scene) -> str:
    """How the files of a scene changed between two searches, in words; empty where no change is known."""
    return next((d for role in before.identity if (d := contradiction(before.identity[role], after.identity.get(role, {})))), "")


def remembered(scene: Scene, before: Scene | None) -> Scene:
    """The scene with the attributes of its files' identity that only the last search could get. They are kept only where nothing contradicts them
    and the offset is the same. Without them the digest of the scene would change and its chips would be fetched again when a server is down.
    """
    if before is None or change(before, scene) or _decided(before) != _decided(scene):
        return scene
    return replace(scene, identity=_joined(before.identity, scene.identity))


def decided_before(candidate: Candidate, before: Scene | None) -> Candidate:
    """The candidate with the offset of the last search, where its pixels could not be read in this one and no change of its files is known."""
    scene = candidate.unread
    if scene is None or before is None or change(before, scene) or _processed(before) != _processed(scene):
        return candidate
    names = ("scale", "offset", "offset_decision", "offset_confidence")
    return replace(candidate, scene=replace(scene, **{name: getattr(before, name) for name in names}), unread=None)


def unsigned_hrefs(scene: Scene) -> dict[str, str]:
    """Bands and tables to their hrefs without signatures, as in the ledger."""
    return {role: unsigned(href) for role, href in (scene.assets | scene.tables).items()}


def _processed(scene: Scene) -> tuple:
    return unsigned_hrefs(scene), scene.processing_baseline, scene.generated


def _decided(scene: Scene) -> tuple:
    return *_processed(scene), scene.scale, scene.offset


def identified(candidates: list[Candidate], limits: FetchSection) -> list[Candidate]:
    """The candidates; used ones get the identity of their files. For remote scenes the server is asked about one file per scene.

    A host that cannot be reached is not asked again.
    """
    silent: set[str] = set()
    with ThreadPoolExecutor(max_workers=limits.connections) as pool:
        return list(pool.map(lambda c: _identified(c, limits, silent) if c.scene.status == "used" else c, candidates))


def _identified(candidate: Candidate, limits: FetchSection, silent: set[str]) -> Candidate:
    scene = candidate.scene
    found = {role: file_identity(href) for role, href in (scene.assets | scene.tables).items() if href.startswith("/")}
    role = asked_role(scene)
    if role not in found:
        found[role] = _remote_identity(candidate, role, limits, silent)
    return replace(candidate, scene=replace(scene, identity=_joined(scene.identity, found)))


def _remote_identity(candidate: Candidate, role: str, limits: FetchSection, silent: set[str]) -> Identity:
    """Identity of a band's file from the server; where server and item state none, the time of the item's update. ``silent`` : hosts that cannot
    be reached, extended here. A host that refuses a file (403) is not added: it may give another file.
    """
    scene, host = candidate.scene, urlsplit(candidate.scene.assets[role]).netloc
    try:
        told = {} if host in silent else found_identity(scene.assets[role], scene.sign, limits, scene.internal_hosts)
    except (HostDown, *FAULTS) as fault:
        told = {}
        if getattr(fault, "status", None) != 403:
            silent.add(host)
    known = told.keys() & {"etag", "last-modified"} or "file:checksum" in scene.identity.get(role, {})
    return told if known or host in silent or not candidate.updated else {**told, "updated": candidate.updated}


def asked_role(scene: Scene) -> str:
    """Role of the band whose file represents a remote scene: red, else the sensor's first that the scene has."""
    roles = [b.role for b in load_sensor(scene.sensor).bands if b.role in scene.assets]
    return "red" if "red" in roles else roles[0]


def _joined(one: Mapping[str, Identity], other: Mapping[str, Identity]) -> dict[str, Identity]:
    return {role: both for role in sorted(one.keys() | other.keys()) if (both := {**one.get(role, {}), **other.get(role, {})})}


def read_from(scene: Scene, limits: FetchSection) -> dict[str, Identity]:
    """Identity of the files of a scene, by band and table: that of the parts which the run holds of a file, else that of the file at this moment."""
    found = {}
    for role, href in (scene.assets | scene.tables).items():
        try:
            found[role] = held_parts(scene, role).about() or found_identity(href, scene.sign, limits, scene.internal_hosts)
        except (HostDown, *FAULTS):
            found[role] = {}
    return found


def changed_since(scene: Scene, found: Mapping[str, Identity]) -> str:
    """Which file of a scene changed since the search, and how; empty where no change is known."""
    names = {role: urlsplit(href).path.rsplit("/", 1)[-1] for role, href in (scene.assets | scene.tables).items()}
    return next((f"{names[role]}: {d}" for role in found if (d := contradiction(scene.identity.get(role, {}), found[role]))), "")
