"""Two-sided p-values of "no gap", and their adjustment for the many gaps that are tested together."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import betainc, betaincc, ndtr, stdtr  # type: ignore[import-untyped]

from orchestration.statistics.checks import require_counts, require_part, require_shares
from orchestration.statistics.intervals import FloatArray, IntArray


def pooled_proportions(x1: FloatArray, n1: FloatArray, x2: FloatArray, n2: FloatArray) -> FloatArray:
    """Pooled z (score) test of two proportions: Pearson's chi-square without continuity correction.

    Below 1 - confidence exactly where `ratios.score_ratio` leaves out 1. Two groups without, or entirely with, the
    outcome do not differ: p = 1. NaN where a group has nobody.
    """
    for successes, trials in ((x1, n1), (x2, n2)):
        require_counts("pooled_proportions", successes=successes, trials=trials)
        require_part("pooled_proportions", successes, trials)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (x1 + x2) / (n1 + n2)
        error = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        z = np.where(error == 0, 0.0, (x1 / n1 - x2 / n2) / error)
    return np.where((n1 > 0) & (n2 > 0), 2 * ndtr(-np.abs(z)), np.nan)


def conditional_poisson(x1: FloatArray, exposure1: FloatArray, x2: FloatArray, exposure2: FloatArray) -> FloatArray:
    """Exact test of two Poisson rates, twice the smaller tail (Przyborowski and Wilenski 1940).

    Given all events, the first group's are binomial with its share of the exposure. Counts may be fractional (effective
    counts): the tails are incomplete beta functions. No event at all: p = 1. NaN where a group has no exposure.
    """
    require_counts("conditional_poisson", whole=False, x1=x1, exposure1=exposure1, x2=x2, exposure2=exposure2)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = exposure1 / (exposure1 + exposure2)
        at_least = np.where(x1 > 0, betainc(np.maximum(x1, 1e-300), x2 + 1, share), 1.0)
        at_most = np.where(x2 > 0, betaincc(x1 + 1, np.maximum(x2, 1e-300), share), 1.0)
    p = np.minimum(2 * np.minimum(at_least, at_most), 1.0)
    return np.where((exposure1 > 0) & (exposure2 > 0), p, np.nan)


def effective_poisson(
    x1: FloatArray,
    exposure1: FloatArray,
    effect1: FloatArray,
    x2: FloatArray,
    exposure2: FloatArray,
    effect2: FloatArray,
) -> FloatArray:
    """The exact test on effective counts: both sides divided by the larger of their design effects (Rao, Scott 1999).

    Divided by one effect, the counts keep their ratio of exposures; by the larger, the test errs to the safe side.
    """
    effect = np.fmax(np.fmax(effect1, effect2), 1.0)
    return conditional_poisson(x1 / effect, exposure1 / effect, x2 / effect, exposure2 / effect)


def clustered_rates(
    x1: FloatArray,
    exposure1: FloatArray,
    effect1: FloatArray,
    degrees1: FloatArray,
    x2: FloatArray,
    exposure2: FloatArray,
    effect2: FloatArray,
    degrees2: FloatArray,
) -> FloatArray:
    """Test of two rates of which at least one has a cluster-robust variance, by t on the log of their ratio.

    Each side brings the design effect and the degrees of freedom of its own interval: `intervals.cluster_degrees` on a
    robust side, infinitely many on a Poisson one; those of the test are Satterthwaite's. Where one side has no event
    its log does not exist: then `effective_poisson`. NaN where a group has no exposure.
    """
    require_counts("clustered_rates", whole=False, x1=x1, exposure1=exposure1, x2=x2, exposure2=exposure2)
    none = (x1 == 0) | (x2 == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative1, relative2 = effect1 / x1, effect2 / x2
        squared = relative1 + relative2
        t = np.log((x1 / exposure1) / (x2 / exposure2)) / np.sqrt(squared)
        degrees = squared**2 / (relative1**2 / degrees1 + relative2**2 / degrees2)
        p = np.asarray(2 * stdtr(np.where(none, 1.0, degrees), -np.abs(np.where(none, 0.0, t))), dtype=np.float64)
    # The exact test is slow and hardly ever needed.
    p[none] = effective_poisson(*(part[none] for part in (x1, exposure1, effect1, x2, exposure2, effect2)))
    return np.where((exposure1 > 0) & (exposure2 > 0), p, np.nan)


def welch(estimate: FloatArray, error: FloatArray, degrees: FloatArray) -> FloatArray:
    """Welch's t test from `differences.welch_error`; NaN where that is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stdtr(degrees, -np.abs(estimate / error))
    return np.where(np.isnan(error), np.nan, np.asarray(p, dtype=np.float64))


def benjamini_hochberg(p: FloatArray, family: IntArray) -> FloatArray:
    """Adjusted p-values within each family (Benjamini and Hochberg 1995); NaN is not tested and stays NaN.

    Controls the expected share of false alarms among the gaps called different, also when tests are positively
    dependent, as gaps against one shared reference are (Benjamini and Yekutieli 2001). Raises StatisticsError for a p
    outside 0 to 1.
    """
    require_shares("benjamini_hochberg", p=p)
    adjusted = np.full(p.size, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    if tested.size == 0:
        return adjusted
    # Largest p first within each family: the running minimum then is the step-up rule.
    order = tested[np.lexsort((-p[tested], family[tested]))]
    ordered = pd.DataFrame({"family": family[order], "p": p[order]})
    groups = ordered.groupby("family", sort=False)["p"]
    size = groups.transform("size")
    rank = size - groups.cumcount()
    scaled = (ordered["p"] * size / rank).clip(upper=1.0)
    adjusted[order] = scaled.groupby(ordered["family"], sort=False).cummin().to_numpy()
    return adjusted
