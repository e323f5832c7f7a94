"""Named errors. Each says what is wrong, where, and what to do about it."""

import errno

from rs_pipeline.redaction import redacted

MOST_SIGNS = 4000
"""Of a text of an error: what servers and files say in it has no end."""


class PipelineError(Exception):
    """Base of every error a user may meet. Secrets in addresses are taken out of its texts.

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
        """Between processes it goes as it is: the arguments of its kind may be others than its texts."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[PipelineError], args: tuple[str, ...], state: dict) -> PipelineError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(PipelineError):
    """The configuration or a file it names cannot be used."""


class ModelError(PipelineError, ValueError):
    """A noun of the pipeline (`rs_pipeline.model`) was given a value that it cannot hold; ``where`` names its field."""


class CatalogError(PipelineError):
    """A STAC catalog or API cannot be read, or answers nonsense."""


class RemoteError(PipelineError):
    """A server may not be asked, sends to where it may not, or answers what cannot be used; another try meets the same."""


class EmptySearchError(CatalogError):
    """The search found no scene that can be used."""


class RasterError(PipelineError):
    """A raster is damaged, outside the declared limits, or not what it should be."""


class DamagedError(RasterError):
    """A file that a job of this run wrote is not what was written; ``path`` is the file, or the folder of a chip."""

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
"""Numbers of an OSError that blame the disk, in words."""

MAKE_ROOM = "make room, or mend the disk, then start the same command again"
"""Remedy of every SpaceError."""


class SpaceError(PipelineError):
    """The results cannot be written: the disk is full, or the folder is read-only."""


class TableError(PipelineError):
    """A side table lacks columns or holds values that cannot be used."""


LASTING = (ConfigError, TableError)
"""Errors of what the user gives: another try of the same inputs meets them again."""
