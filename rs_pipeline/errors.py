"""Errors of the pipeline. Each says what is wrong, where, and what to do about it."""

import errno

from rs_pipeline.redaction import redacted

MOST_SIGNS = 4000
"""Longest text of an error, characters: texts of servers and files in it may be of any length."""


class PipelineError(Exception):
    """Base of every error a user may meet. Secrets in URLs are removed from its texts.

    Parameters
    ----------
    what : the fault in one sentence.
    where : file, key, scene or column at fault; may be empty.
    remedy : what the user can do; may be empty.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = ""):
        self.what, self.where, self.remedy = (redacted(text[:MOST_SIGNS]) for text in (what, where, remedy))
        super().__init__(self.what, self.where, self.remedy)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where:  {self.where}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple:
        """Pickle the state as it is: the constructor of a subclass may take other arguments than the three texts."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[PipelineError], args: tuple[str, ...], state: dict) -> PipelineError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(PipelineError):
    """The configuration or a file it names cannot be used."""


class ModelError(PipelineError, ValueError):
    """A class of `rs_pipeline.model` was given an invalid value; ``where`` names the field."""


class CatalogError(PipelineError):
    """A STAC catalog or API cannot be read, or its answer is invalid."""


class RemoteError(PipelineError):
    """A server may not be asked, redirects to a host that is not allowed, or gives an answer that cannot be used; another try would fail likewise."""


class EmptySearchError(CatalogError):
    """The search found no usable scene."""


class RasterError(PipelineError):
    """A raster is damaged, outside the declared limits, or not what it should be."""


class DamagedError(RasterError):
    """A file that a job of this run wrote has changed since or is damaged; ``path`` is the file, or the folder of a chip."""

    def __init__(self, what: str, path: str):
        self.path = path
        super().__init__(what, where=path, remedy="start the same command again: it is made again")


class LockedError(PipelineError):
    """Another run works on the same folder."""


DISK_FAULTS = {
    errno.ENOSPC: "the disk is full, or has no room for more files", errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the limit of file sizes is reached (ulimit -f)", errno.EROFS: "the file system is read-only", errno.EIO: "the disk has a fault",
    errno.ESTALE: "the disk is gone (a stale handle of the network file system)",
}  # fmt: skip
"""``errno`` of an OSError whose cause is the disk, to words."""

MAKE_ROOM = "make room, or mend the disk, then start the same command again"
"""Remedy of every SpaceError."""


class SpaceError(PipelineError):
    """The results cannot be written: the disk is full, or the folder is read-only."""


class TableError(PipelineError):
    """A side table lacks columns or holds values that cannot be used."""


LASTING = (ConfigError, TableError)
"""Errors caused by the user's inputs: another try with the same inputs fails likewise."""
