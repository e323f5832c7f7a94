"""Open pipeline from public Sentinel and Landsat scenes to county indicators."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from rs_pipeline.publish.opened import OpenedRun

__version__ = "0.1.0"


def open_run(folder: str | PathLike[str]) -> OpenedRun:
    """The maps and tables of a run, for a notebook; data are read only when they are used.

    ``run.maps`` and ``run.tables`` are mappings; their keys are the maps and tables that exist. An unfinished run has only those written so far.

    Parameters
    ----------
    folder : folder of the run, ``results/<run>``.

    Returns
    -------
    OpenedRun
        ``maps["vegetation"]``: `xarray.Dataset` of (period, y, x), lazy (dask), one variable per band, float32 with NaN where nothing was observed (sea:
        uint8); coordinates ``period`` (labels, text), ``y`` and ``x`` (metres in the CRS of ``.rio.crs``, pixel centres). Maps of all periods together,
        such as ``vegetation_trend``, are (y, x). ``attrs`` of a variable: ``units`` and ``long_name``.
        ``tables["indicators"]``, ``tables["water/bodies"]``: `pandas.DataFrame`, or `geopandas.GeoDataFrame` with its CRS where there are shapes. The key is
        the path in the run's folder without the file extension; codes are text. ``attrs["units"]`` gives the unit of a column, ``data_dictionary`` its meaning.

    Raises
    ------
    ConfigError : the folder is not that of a run.

    >>> run = open_run("results/sample")                                          # doctest: +SKIP
    >>> run.maps["water"].frequency.sel(period="2024").mean().compute()           # doctest: +SKIP
    """
    from rs_pipeline.publish.opened import opened_run

    return opened_run(folder)
