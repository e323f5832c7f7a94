"""Open pipeline from public Sentinel and Landsat scenes to county indicators."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from rs_pipeline.publish.opened import OpenedRun

__version__ = "0.1.0"


def open_run(folder: str | PathLike[str]) -> OpenedRun:
    """The maps and tables of a run, for a notebook; nothing is read before it is asked for.

    ``run.maps`` and ``run.tables`` are mappings; their keys are what is there. A run that is not finished has what it has.

    Parameters
    ----------
    folder : ``results/<run>``.

    Returns
    -------
    OpenedRun
        ``maps["vegetation"]``: `xarray.Dataset` of (period, y, x), lazy (dask), a variable a band, float32 with NaN where nothing was observed (sea:
        uint8); coordinates ``period`` (labels, text), ``y`` and ``x`` (metres in the CRS of ``.rio.crs``, pixel centres). Maps of all periods together,
        such as ``vegetation_trend``, are (y, x). ``attrs`` of a variable: ``units`` and ``long_name``.
        ``tables["indicators"]``, ``tables["water/bodies"]``: `pandas.DataFrame`, or `geopandas.GeoDataFrame` with its CRS where there are shapes, by
        path in the run's folder without the ending; codes are text. ``attrs["units"]`` tells the unit of a column, ``data_dictionary`` its meaning.

    Raises
    ------
    ConfigError : the folder is not that of a run.

    >>> run = open_run("results/sample")                                          # doctest: +SKIP
    >>> run.maps["water"].frequency.sel(period="2024").mean().compute()           # doctest: +SKIP
    """
    from rs_pipeline.publish.opened import opened_run

    return opened_run(folder)
