"""A trial of ways to allow for serial correlation in short series; `python -m tests.kernels.trend_trial` prints its table.

SIMULATED: first-order autoregressive noise of 0.02 about a level or a line of 0.01 a year. A cell is percent of series with false
trends (p < 0.05) / trends found / intervals that hold the slope. The winner is what `rs_kernels.trends` does.
"""

from __future__ import annotations

import math

import numpy as np
from rs_kernels.trends import (
    LAG1_MAX,
    N_EXACT,
    exact_tails,
    kendall_p,
    kendall_s,
    kendall_variance,
    lag1_of_residuals,
    pair_slopes,
    slope_interval,
    variance_inflation,
)

NOISE, TREND, N_SERIES = 0.02, 0.01, 2000
CASES = ((0.0, 5), (0.0, 6), (0.0, 10), (0.2, 6), (0.2, 8), (0.4, 8), (0.4, 12))
"""(autocorrelation, years)."""

TAILS = exact_tails(N_EXACT)


def autocorrelation(x: np.ndarray, lag: int) -> float:
    """Lag autocorrelation as it is estimated, with its bias; 0 of a constant."""
    e = x - x.mean()
    return float(e[lag:] @ e[: e.size - lag] / (e @ e)) if e @ e > 0 else 0.0


def hamed_rao(residual: np.ndarray) -> float:
    """Variance inflation from the autocorrelations of the ranks that are significant at 10 % (Hamed and Rao 1998)."""
    n, ranks, total = residual.size, np.argsort(np.argsort(residual)).astype(float), 0.0
    for lag in range(1, n - 1):
        r, spread = autocorrelation(ranks, lag), 1.645 * math.sqrt(n - lag - 1)
        if not (-1 - spread) / (n - lag) <= r <= (-1 + spread) / (n - lag):
            total += (n - lag) * (n - lag - 1) * (n - lag - 2) * r
    return max(1 + 2 * total / (n * (n - 1) * (n - 2)), 0.1)


def yue_wang(residual: np.ndarray) -> float:
    """Variance inflation from the lag-1 coefficient as estimated from the detrended series (Yue and Wang 2004)."""
    return max(variance_inflation(autocorrelation(residual, 1), residual.size), 0.1)


def detrended_bias(residual: np.ndarray) -> float:
    """The same, freed of the bias -(2 + 4 rho) / n of a detrended series, within 0 and 0.8."""
    n = residual.size
    return variance_inflation(min(max((n * autocorrelation(residual, 1) + 2) / (n - 4), 0.0), 0.8), n)


WAYS = {
    "none": lambda residual: 1.0,
    "Hamed and Rao (1998)": hamed_rao,
    "Yue and Wang (2004), coefficient as estimated": yue_wang,
    f"the same, freed of its bias (Kendall 1954), 0-{LAG1_MAX}: ours": lambda e: variance_inflation(lag1_of_residuals(e, e.size), e.size),
    "the same with the bias of a detrended series, 0-0.8": detrended_bias,
}


def series(rho: float, n_years: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    noise = rng.normal(size=(N_SERIES, n_years))
    for k in range(1, n_years):
        noise[:, k] = rho * noise[:, k - 1] + math.sqrt(1 - rho**2) * noise[:, k]
    return NOISE * noise


def judged(x: np.ndarray, inflate) -> tuple[float, float, float]:
    """p, lower and upper bound of one series."""
    n, years, slopes = x.size, np.arange(float(x.size)), np.empty(x.size * (x.size - 1) // 2)
    pair_slopes(years, x, n, slopes)
    slopes.sort()
    inflation, variance = inflate(x - np.median(slopes) * years), kendall_variance(x, n)
    s = min(abs(kendall_s(x, n)) / math.sqrt(min(inflation, 1.0)), slopes.size)  # below 1 S grows, at most to that of a straight line
    return kendall_p(s, n, variance, max(inflation, 1.0), TAILS), *slope_interval(slopes, slopes.size, variance * inflation)


def rates(inflate, rho: float, n_years: int) -> tuple[float, float, float]:
    """Percent of false trends, of trends found and of intervals that hold the slope."""
    noise = series(rho, n_years)
    level = np.array([judged(x, inflate) for x in noise])
    p, lower, upper = np.array([judged(x + TREND * np.arange(n_years), inflate) for x in noise]).T
    return 100 * (level[:, 0] < 0.05).mean(), 100 * (p < 0.05).mean(), 100 * ((lower <= TREND) & (TREND <= upper)).mean()


def main() -> None:
    print(f"{'autocorrelation, years':58}" + "".join(f"{rho:>7}, {n:<7}" for rho, n in CASES))
    for name, inflate in WAYS.items():
        print(f"{name:58}" + "".join(f"{' / '.join(f'{v:.0f}' for v in rates(inflate, rho, n)):>15} " for rho, n in CASES))


if __name__ == "__main__":
    main()
