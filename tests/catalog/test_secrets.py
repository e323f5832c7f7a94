"""Keys of a user and signatures of a catalog reach the servers that ask for them, and nothing that is written."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rs_pipeline.catalog.assign import assign
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.ledger import read_ledger, with_signatures
from rs_pipeline.catalog.search import search
from rs_pipeline.config import parse
from rs_pipeline.errors import LASTING, ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.operations.repair import put_damaged_aside
from rs_pipeline.operations.verify import verify_run
from rs_pipeline.storage.retry import read_retries
from tests.catalog.conftest import CRS, S2_ASSETS, make_grid, write_tif
from tests.catalog.faulty import Handler, served

SECRETS = {"USER_WORD": "S3CR3Tword", "API_KEY": "S3CR3Tkey", "TOKEN": "S3CR3Ttoken"}
SIGNATURES = (
    "sig=S3CR3Tsig&se=2099-01-01T00%3A00%3A00Z",
    "X-Goog-Signature=S3CR3Tgoog",
    "access_token=S3CR3Taccess",
    "X-Amz-Signature=S3CR3Tamz&X-Amz-Expires=9",
)


class Asking(Handler):
    """An API that wants a password, a key in the query and a header, and files that want their signature."""

    def _api(self, path, asked, fault):
        self.server.told.append((self.path, self.headers.get("Authorization"), self.headers.get("X-Token")))
        super()._api(path, asked, fault)

    def _file(self, path, asked, fault):
        if not any("S3CR3T" in value for value in asked.values()):
            return self._send(403, b"signature wanted")
        return super()._file(path, asked, fault)


@pytest.fixture
def archive(world, monkeypatch):
    """(world, server): four scenes whose hrefs carry signatures of four kinds; the last has a file that is none."""
    rng = np.random.default_rng(3)
    for i in range(len(SIGNATURES)):
        world.scene(f"s{i}", f"2023-05-{i + 1:02d}T03:00:00Z")
        for name in ("red", "swir22"):
            n = 640 // S2_ASSETS[name]
            write_tif(world.root / f"data/s{i}/{name}.tif", rng.integers(300, 3000, (n, n)).astype("uint16"), S2_ASSETS[name], nodata=0)
    (world.root / "data/s3/green.tif").write_bytes(b"<html>please log in</html>")
    entries = [json.loads(p.read_text()) for p in sorted(world.items.glob("*.json"))]
    with served(entries, world.root / "data") as server:
        for entry, signature in zip(server.items, SIGNATURES, strict=True):
            for asset in entry["assets"].values():
                asset["href"] += f"?{signature}"
        server.RequestHandlerClass, server.told = Asking, []
        for name, value in SECRETS.items():
            monkeypatch.setenv(name, value)
        yield world, server


def settings_of(world, server, **source):
    catalog = server.url.replace("//", "//me:${USER_WORD}@") + "?subscription-key=${API_KEY}"
    entry = {"sensor": "earth-search-sentinel-2-l2a", "catalog": catalog, "schemes": ["http"], "headers": {"X-Token": "Token ${TOKEN}"}}
    return parse(
        {
            "run": "t",
            "output": str(world.root / "out"),
            "units": {"path": str(world.units)},
            "periods": [2023],
            "sources": [entry | source],
            "grid": {"crs": CRS, "resolution_m": 10, "tile_px": 96, "margin_m": 0},
            "fetch": {"retries": 0, "timeout_s": 5},
        }
    )


def written(folder: Path) -> list[str]:
    """Files that hold a secret."""
    return [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and b"S3CR3T" in p.read_bytes()]


def test_secrets_reach_their_servers_and_no_file(archive, capfd):
    world, server = archive
    settings = settings_of(world, server)
    search(settings)
    assert server.told and all(
        "subscription-key=S3CR3Tkey" in path and who.startswith("Basic ") and token == "Token S3CR3Ttoken" for path, who, token in server.told
    )
    tile = make_grid(settings)
    assign(settings)
    fetch(settings, tile, "2023")
    table = pd.read_parquet(Layout(settings.root).chips("2023", tile)).set_index("key")
    assert table.status.to_dict() == {"s0": "ok", "s1": "ok", "s2": "ok", "s3": "failed"} and "green.tif" in table.reason["s3"]
    assert written(settings.root) == [] and "S3CR3T" not in "".join(capfd.readouterr())


def test_signatures_are_kept_for_this_user_alone(archive):
    world, server = archive
    settings = settings_of(world, server)
    search(settings)
    layout = Layout(settings.root)
    kept = layout.signatures
    assert kept.parent.parent == settings.output and kept.stat().st_mode & 0o77 == kept.parent.stat().st_mode & 0o77 == 0
    public = read_ledger(layout.scenes)
    assert all(href.endswith(".tif") for s in public for href in s.assets.values())
    assert {h.partition("?")[2] for s in with_signatures(public, kept) for h in s.assets.values()} == set(SIGNATURES)
    for entry in server.items:
        for asset in entry["assets"].values():
            asset["href"] = asset["href"].partition("?")[0]
    search(settings)
    assert not kept.exists() and with_signatures(public, kept) == public


def replaced_by_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [lambda path: path.write_bytes(path.read_bytes()[:50]), lambda path: path.write_text(""), replaced_by_folder,
                                  lambda path: path.write_text(path.read_text().replace("S3CR3Tsig", "S3CR3Tsih"))])  # fmt: skip
def test_damaged_signatures_lose_no_scene_and_are_had_again_by_a_search(archive, harm):
    """Without them the server would refuse what was read before."""
    world, server = archive
    settings = settings_of(world, server)
    layout, tile = Layout(settings.root), make_grid(settings)
    search(settings)
    kept = layout.signatures
    before = kept.read_text()
    harm(kept)
    with pytest.raises(LASTING, match="the signatures of addresses are damaged"):  # such a job is not given up
        fetch(settings, tile, "2023")
    found = verify_run(settings)
    assert found.damaged.keys() == {str(kept)} and kept.exists()
    put_damaged_aside(settings)
    assert read_retries(layout.retries).keys() == {"search"} and not kept.exists() and not (layout.root / "damaged").exists()
    search(settings)
    assert kept.read_text() == before and not verify_run(settings).damaged


@pytest.mark.parametrize("catalog", ["https://me:word@h.org/stac", "https://h.org/stac?api_key=word", "https://h.org/stac?subscription-key=a${KEY}"])
def test_a_password_in_the_configuration_is_refused_and_not_repeated(world, catalog):
    with pytest.raises(ConfigError, match=r"write \$\{NAME\} in its place and set the environment variable NAME") as caught:
        world.settings(sources=[{"sensor": "earth-search-sentinel-2-l2a", "catalog": catalog}])
    assert "word" not in str(caught.value).replace("password", "")


def test_a_header_in_the_configuration_names_a_variable(world):
    with pytest.raises(ConfigError, match=r"X-Key: write \$\{NAME\}") as caught:
        world.settings(sources=[{"sensor": "earth-search-sentinel-2-l2a", "catalog": "https://h.org", "headers": {"X-Key": "S3CR3T"}}])
    assert "S3CR3T" not in str(caught.value)


def test_a_variable_that_is_not_set_is_named(archive, monkeypatch):
    monkeypatch.delenv("API_KEY")
    with pytest.raises(ConfigError, match="the environment variable API_KEY is not set"):
        search(settings_of(*archive))
