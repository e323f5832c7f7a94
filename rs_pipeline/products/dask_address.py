"""Which dask scheduler a job may send its work to: it runs whatever anybody sends it, so it must know who does."""

from __future__ import annotations

from urllib.parse import urlsplit

from rs_pipeline.config import ResourcesSection
from rs_pipeline.errors import ConfigError

_HERE = ("127.0.0.1", "localhost", "::1")


def check_scheduler(resources: ResourcesSection) -> None:
    """Hold ``resources.dask_scheduler`` to TLS, unless it is of this machine or the user trusts the network.

    Raises
    ------
    ConfigError : it is neither encrypted nor asks who comes.
    """
    scheme, _, place = (resources.dask_scheduler or "").partition("://")
    if scheme in ("tcp", "ucx") and not resources.dask_insecure and urlsplit(f"//{place}").hostname not in _HERE:
        raise ConfigError(
            f"the scheduler {resources.dask_scheduler} is neither encrypted nor asks who comes: whoever reaches it can run code in it",
            where="resources.dask_scheduler",
            remedy="start it with tls://, or set resources.dask_insecure: true in a network that you trust",
        )
