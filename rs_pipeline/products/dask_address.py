"""Which dask scheduler a job may send its work to. A scheduler runs any code that it is sent, so it must authenticate its clients."""

from __future__ import annotations

from urllib.parse import urlsplit

from rs_pipeline.config import ResourcesSection
from rs_pipeline.errors import ConfigError

_HERE = ("127.0.0.1", "localhost", "::1")


def check_scheduler(resources: ResourcesSection) -> None:
    """Require TLS of ``resources.dask_scheduler``, unless it runs on this machine or the user trusts the network (``resources.dask_insecure``).

    Raises
    ------
    ConfigError : it has neither encryption nor authentication.
    """
    scheme, _, place = (resources.dask_scheduler or "").partition("://")
    if scheme in ("tcp", "ucx") and not resources.dask_insecure and urlsplit(f"//{place}").hostname not in _HERE:
        raise ConfigError(
            f"the scheduler {resources.dask_scheduler} has neither encryption nor authentication: anyone who reaches it can run code in it",
            where="resources.dask_scheduler",
            remedy="start it with tls://, or set resources.dask_insecure: true in a network that you trust",
        )
