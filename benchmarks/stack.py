"""The fused pass against the same maps written in numpy and in idiomatic xarray + Dask, on one stack in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import dask
import dask.array
import numpy as np
import xarray as xr
from numba import njit
from rs_kernels.composite import refl_quantiles
from rs_kernels.indices import MIN_DENOMINATOR
from rs_kernels.observe import WATER_LAYERS, Months, observe_water
from rs_kernels.stack import Stack as Dates

from benchmarks.harness import Result, Run, absent, in_turn, peak_mb, require_equal, times

SCALE, OFFSET = np.float32(1e-4), np.float32(-0.1)
BAD_BITS = 3
PROBABILITIES = np.array([0.1, 0.5, 0.9])
STRIPS = 4
"""The stack is held as this many strips of rows; they are Dask's chunks and the kernels' blocks."""


class Stack:
    """Simulated reflectance of ``n_dates`` over a year: fields, water, clouds; held as strips of rows."""

    def __init__(self, n_dates: int, side: int, seed: int = 0):
        rng = np.random.default_rng(seed)
        self.n_dates, self.side = n_dates, side
        self.day = np.linspace(3, 362, n_dates).astype("int64")
        self.month = np.minimum(self.day // 31, 11)
        self.dn, self.qa = [], []
        land = np.array([0.05, 0.08, 0.09, 0.14, 0.30, 0.24, 0.17], "float32").reshape(7, 1, 1)
        water = np.array([0.05, 0.06, 0.04, 0.03, 0.02, 0.01, 0.01], "float32").reshape(7, 1, 1)
        for _ in range(STRIPS):
            shape = (side // STRIPS, side)
            wet = rng.random(shape) < 0.1
            level = np.where(wet, water, land * rng.uniform(0.6, 1.4, shape).astype("float32"))
            dn = np.empty((n_dates, 7, *shape), "uint16")
            for t in range(n_dates):
                green = 1 + 0.5 * np.sin(2 * np.pi * (self.day[t] - 110) / 365)
                noise = rng.normal(0, 0.004, shape).astype("float32")
                dn[t] = np.round((level * np.array([1, 1, 1 / green, 1, green, 1, 1], "float32").reshape(7, 1, 1) + noise - OFFSET) / SCALE)
            cloud = np.repeat(np.repeat(rng.random((n_dates, shape[0] // 16, side // 16)) < 0.3, 16, 1), 16, 2)
            self.dn.append(dn)
            self.qa.append(np.where(cloud, 2, 0).astype("uint16"))

    @property
    def nbytes(self) -> int:
        return sum(d.nbytes for d in self.dn)

    def each(self, threads: int, work: Callable[[int], np.ndarray]) -> np.ndarray:
        """Results of ``work`` on each strip, computed on threads and concatenated along y, the last axis but one."""
        with ThreadPoolExecutor(threads) as pool:
            return np.concatenate(list(pool.map(work, range(STRIPS))), axis=-2)

    def array(self) -> tuple[xr.DataArray, xr.DataArray]:
        """dn (time, band, y, x) and clear (time, y, x) as Dask arrays on the same memory."""
        parts = [[dask.array.from_array(a, chunks=a.shape, name=False) for a in arrays] for arrays in (self.dn, self.qa)]
        dn = xr.DataArray(dask.array.concatenate(parts[0], axis=2), dims=("time", "band", "y", "x"))
        qa = xr.DataArray(dask.array.concatenate(parts[1], axis=1), dims=("time", "y", "x"))
        return dn.assign_coords(month=("time", self.month)), (qa & BAD_BITS) == 0


def nd(a, b, where):
    """Normalised difference as arrays; see `rs_kernels.indices.normalised_difference`."""
    high, low = np.maximum(a, 1e-4), np.maximum(b, 1e-4)
    return where(a + b > MIN_DENOMINATOR, (high - low) / (high + low), np.nan)


def water_logit(blue, green, red, nir, swir1, swir2, where):
    """`water_logit` of `rs_kernels.indices` without radar, and `sediment_logit`, as arrays."""
    m, v = nd(green, swir1, where), nd(nir, red, where)
    awei = blue + 2.5 * green - 1.5 * (nir + swir1) - 0.25 * swir2
    first = (m > 0.124) * 1.0 + (green + red > nir + swir1) * 1.0 + (awei > 0) * 1.0
    second = ((m > -0.44) & (swir1 < 0.09) & (nir < 0.15) & (v < 0.7)) * 1.0
    second = second + ((m > -0.5) & (blue < 0.1) & (nir < 0.25) & (swir1 < 0.3) & (swir2 < 0.1)) * 1.0
    black = ((red < 0.04) & (nir < 0.025) & (swir1 < 0.025) & (swir2 < 0.025)) * 3.0
    turbid = ((red >= 0.05) & (nir <= red) & (nir < 0.2) & (swir1 < 0.75 * nir) & (blue <= 0.85 * green)) * 4.0
    glint = ((red < 0.05) & (red <= green - 0.006) & (nir < 0.06) & (swir1 < 0.1) & (swir2 >= 0.9 * swir1)) * 4.0
    slope = 4.0 * np.clip(where(np.isnan(m), 0.0, m), -0.5, 0.8)
    ice = (m > 0.4) & (nir > 0.11) & (red > 0.10)
    return -0.5 + 1.6 * (first - 1.5) + 0.8 * (second - 1.0) + slope + black + turbid + glint, ice


def sorted_quantiles(values: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Quantiles along the first axis by one sort, NaN last: many times faster than numpy's nanquantile, which loops over pixels."""
    ordered, n = np.sort(values, axis=0), np.isfinite(values).sum(axis=0)
    out = []
    for p in probabilities:
        position = p * np.maximum(n - 1, 0)
        low = position.astype("int64")
        lower, upper = (np.take_along_axis(ordered, k[None], axis=0)[0] for k in (low, np.minimum(low + 1, np.maximum(n - 1, 0))))
        out.append(lower + (position - low) * (upper - lower))
    return np.stack(out)


def maps_ours(s: Stack, threads: int) -> np.ndarray:
    """Water frequency of the stack by the pipeline's kernel, float32 (y, x)."""
    n = s.n_dates
    scale, offset, native = np.full(n, SCALE), np.full(n, OFFSET), np.full(n, 10, "float32")

    def strip(i: int) -> np.ndarray:
        dn, qa = s.dn[i], s.qa[i]
        shape = qa.shape[1:]
        water = np.empty((len(WATER_LAYERS), *shape), "float32")
        radar, power, months = np.zeros((12, *shape), "int8"), np.zeros((12, *shape), "float32"), np.ones(12, bool)
        observe_water(
            Dates(dn, qa, BAD_BITS, scale, offset, native, s.day, s.month),
            Months(radar, power, months, months, months, np.zeros(dn.shape[2:], bool)),
            0.0,
            1,
            water,
        )
        return water[0]

    return s.each(threads, strip)


def maps_numpy(s: Stack, threads: int) -> np.ndarray:
    """The same in numpy, strips on threads."""

    def strip(i: int) -> np.ndarray:
        bands = [s.dn[i][:, b] * SCALE + OFFSET for b in (0, 1, 2, 4, 5, 6)]
        clear = (s.qa[i] & BAD_BITS) == 0
        with np.errstate(all="ignore"):
            logit, ice = water_logit(*bands, np.where)
            votes = np.where(clear & ~ice, logit, np.nan)
            median = [np.nanmedian(votes[s.month == m], axis=0) for m in np.unique(s.month)]
            wet = np.where(np.isnan(median), np.nan, np.array(median) >= 0)
            return np.nanmean(wet, axis=0)

    return s.each(threads, strip)


def maps_xarray(s: Stack, threads: int, bottleneck: bool) -> np.ndarray:
    """The same in xarray + Dask."""
    dn, clear = s.array()
    bands = [dn.isel(band=b, drop=True) * SCALE + OFFSET for b in (0, 1, 2, 4, 5, 6)]
    logit, ice = water_logit(*bands, xr.where)
    median = logit.where(clear & ~ice).groupby("month").median()
    frequency = (median >= 0).where(median.notnull()).mean("month")
    with dask.config.set(scheduler="threads", num_workers=threads), xr.set_options(use_bottleneck=bottleneck), np.errstate(all="ignore"):
        return frequency.transpose("y", "x").data.compute()


def quantiles_ours(s: Stack, threads: int) -> np.ndarray:
    """10th, 50th and 90th percentile of the clear dates of seven bands, float32 (7, 3, y, x)."""
    n = s.n_dates
    scale, offset, use = np.full(n, SCALE), np.full(n, OFFSET), np.ones(n, bool)

    def strip(i: int) -> np.ndarray:
        clear, seen, out = ((s.qa[i] & BAD_BITS) == 0).astype("uint16"), np.empty_like(s.qa[i]), []
        for band in range(7):
            np.multiply(s.dn[i][:, band], clear, out=seen)
            out.append(refl_quantiles(seen, scale, offset, use, PROBABILITIES)[0])
        return np.stack(out)

    return s.each(threads, strip)


def quantiles_numpy(s: Stack, threads: int) -> np.ndarray:
    """The same in numpy."""

    def strip(i: int) -> np.ndarray:
        clear = ((s.qa[i] & BAD_BITS) == 0)[:, None]
        with np.errstate(all="ignore"):
            refl = np.where(clear, s.dn[i] * SCALE + OFFSET, np.nan)
            return np.moveaxis(sorted_quantiles(refl, PROBABILITIES), 0, 1)

    return s.each(threads, strip)


def quantiles_xarray(s: Stack, threads: int, bottleneck: bool) -> np.ndarray:
    """The same in xarray + Dask: bottleneck computes the median, numpy the other quantiles."""
    dn, clear = s.array()
    refl = (dn * SCALE + OFFSET).where(clear)
    low, high = (refl.quantile(p, "time").transpose("band", "y", "x").data for p in (0.1, 0.9))
    middle = refl.median("time").transpose("band", "y", "x").data
    with dask.config.set(scheduler="threads", num_workers=threads), xr.set_options(use_bottleneck=bottleneck), np.errstate(all="ignore"):
        low, middle, high = dask.compute(low, middle, high)
    return np.stack([low, middle, high], axis=1)


@njit(cache=True, nogil=True, error_model="numpy")
def _count(qa, bad_bits, green, swir1, keep, n, n_wet):
    for x in range(qa.size):
        keep[x] = np.uint16(65535) if (qa[x] & bad_bits) == 0 else np.uint16(0)
    for x in range(qa.size):
        n[x] += keep[x] & np.uint16(1)
    for x in range(qa.size):
        n_wet[x] += keep[x] & np.uint16(green[x] > swir1[x])


@njit(cache=True, nogil=True, error_model="numpy")
def _add(first, second, third, fourth, keep, total):
    for x in range(total.size):
        early = np.uint32(first[x] & keep[0, x]) + np.uint32(second[x] & keep[1, x])
        total[x] += early + np.uint32(third[x] & keep[2, x]) + np.uint32(fourth[x] & keep[3, x])


PIXELS = 4096
"""Pixels summed at a time: few enough for their sums to stay in the cache while all dates are added."""


@njit(cache=True, nogil=True, error_model="numpy")
def _sums(dn, qa, bad_bits, sums, counts):
    """Adds four dates at a time, so that sums are read and written a quarter as often. Beyond the last date the last one is repeated with no pixel kept."""
    n_dates, n_bands, n = dn.shape
    keep = np.empty((4, PIXELS), np.uint16)
    for left in range(0, n, PIXELS):
        some = slice(left, min(left + PIXELS, n))
        m = some.stop - left
        sums[:, some], counts[:, some] = 0, 0
        for t in range(0, n_dates, 4):
            for j in range(4):
                if t + j < n_dates:
                    _count(qa[t + j, some], np.uint16(bad_bits), dn[t + j, 1, some], dn[t + j, 5, some], keep[j, :m], counts[0, some], counts[1, some])
                else:
                    keep[j] = 0
            last = n_dates - 1
            for b in range(n_bands):
                _add(dn[t, b, some], dn[min(t + 1, last), b, some], dn[min(t + 2, last), b, some], dn[min(t + 3, last), b, some], keep, sums[b, some])


def sums_ours(s: Stack, threads: int) -> np.ndarray:
    """Sum of the clear numbers of seven bands, clear dates and dates with green above SWIR1, uint32 (9, y, x)."""

    def strip(i: int) -> np.ndarray:
        shape = s.qa[i].shape[1:]
        n = shape[0] * shape[1]
        sums, counts = np.empty((7, n), "uint32"), np.empty((2, n), "uint16")
        _sums(s.dn[i].reshape(s.n_dates, 7, n), s.qa[i].reshape(s.n_dates, n), BAD_BITS, sums, counts)
        return np.concatenate([sums, counts]).reshape(9, *shape)

    return s.each(threads, strip)


def sums_xarray(s: Stack, threads: int) -> np.ndarray:
    """The same in xarray + Dask."""
    dn, clear = s.array()
    sums = dn.where(clear, 0).sum("time", dtype="uint32").transpose("band", "y", "x").data
    wet = (clear & (dn.isel(band=1) > dn.isel(band=5))).sum("time", dtype="uint32").data
    with dask.config.set(scheduler="threads", num_workers=threads):
        sums, n, wet = dask.compute(sums, clear.sum("time", dtype="uint32").data, wet)
    return np.concatenate([sums, n[None], wet[None]])


def copied(s: Stack, threads: int, out: list[np.ndarray]) -> None:
    """A plain copy of the stack."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(np.copyto, out, s.dn))


def _read(s: Stack, threads: int) -> int:
    """Every number read once and nothing written: the upper limit of speed that memory sets."""
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda a: int(a.reshape(-1).view("uint64").max()), s.dn))


def compare(run: Run) -> Iterator[Result]:
    """Must show 1: with order statistics, without them, memory."""
    side, has_bottleneck = run.size(512, 64), find_spec("bottleneck") is not None
    for n_dates in (10, 40, 120):
        s, label = Stack(n_dates, side), f"{n_dates} dates x 7 bands x {side}²"
        for what, ours, by_numpy, by_xarray in (
            ("P10, median and P90 of 7 bands", quantiles_ours, quantiles_numpy, quantiles_xarray),
            ("water frequency", maps_ours, maps_numpy, maps_xarray),
        ):
            first = ours(s, run.threads)
            require_equal(first, by_xarray(s, run.threads, False), f"{what}, xarray", 1e-4, 1e-3)
            require_equal(first, by_numpy(s, run.threads), f"{what}, numpy", 1e-4, 1e-3)
            sides = {"ours": lambda f=ours, s=s: f(s, run.threads), "numpy": lambda f=by_numpy, s=s: f(s, run.threads)}
            sides["xarray + Dask"] = lambda f=by_xarray, s=s: f(s, run.threads, False)
            if has_bottleneck:
                sides["xarray + Dask + bottleneck"] = lambda f=by_xarray, s=s: f(s, run.threads, True)
            seconds = in_turn(sides, run.repeats, warm=False)
            for peer in list(sides)[1:]:
                yield times(f"{what}, {label}: {peer}", seconds["ours"], seconds[peer], f"{run.threads} threads each")
            if not has_bottleneck:
                yield absent(f"{what}, {label}: xarray + Dask + bottleneck", "bottleneck")
        yield from _against_copy(run, s, label)
    yield from _memory(run, side)


def _against_copy(run: Run, s: Stack, label: str) -> Iterator[Result]:
    require_equal(sums_ours(s, run.threads), sums_xarray(s, run.threads), "sums")
    target = [np.zeros_like(d) for d in s.dn]
    seconds = in_turn(
        {
            "ours": lambda: sums_ours(s, run.threads),
            "xarray": lambda: sums_xarray(s, run.threads),
            "copy": lambda: copied(s, run.threads, target),
            "read": lambda: _read(s, run.threads),
            "maps": lambda: maps_ours(s, run.threads),
        },
        run.repeats,
    )
    rate = {k: s.nbytes / 1e9 / t for k, t in seconds.items()}
    name = f"sums and counts, no order statistics, {label}"
    yield times(f"{name}: xarray + Dask", seconds["ours"], seconds["xarray"], f"{run.threads} threads each")
    yield Result(f"{name}: a plain copy", rate["ours"], rate["copy"], "GB/s", rate["ours"] / rate["copy"], "bytes of the stack, read once")
    yield Result(f"{name}: reading alone", rate["ours"], rate["read"], "GB/s", rate["ours"] / rate["read"], "numpy's maximum of 64-bit words")
    yield Result(f"water frequency, {label}: a plain copy", rate["maps"], rate["copy"], "GB/s", rate["maps"] / rate["copy"])


_MEMORY = """
import sys
from benchmarks import stack
from benchmarks.harness import forget_peak
s = stack.Stack(int(sys.argv[2]), int(sys.argv[3]))
forget_peak()
side, threads = sys.argv[1], int(sys.argv[4])
if side == "ours": stack.quantiles_ours(s, threads)
if side == "xarray": stack.quantiles_xarray(s, threads, False)
"""


def _memory(run: Run, side: int) -> Iterator[Result]:
    """Peak memory in processes of their own, after the stack was made."""
    n_dates = 120
    size = [str(n_dates), str(side), str(run.threads)]
    ours, peer = (peak_mb(_MEMORY, who, *size) for who in ("ours", "xarray"))
    name = f"memory with the stack, P10, median and P90 of 7 bands, {n_dates} dates x {side}²: xarray + Dask"
    yield Result(name, ours, peer, "MB", peer / ours, f"an idle process with the stack takes {peak_mb(_MEMORY, 'none', *size):.0f} MB")
