"""Summary indices of inequality along an order of advantage: slope, relative and concentration indices.

Ranks r run from the most disadvantaged people (0) to the most advantaged (1), each group at the middle of its share.
Signs are WHO's: the slope is the fit at 1 less the fit at 0. A slice whose groups have no order is refused.

| index | is |
|---|---|
| ends_difference, ends_ratio | the most advantaged group less, and over, the most disadvantaged |
| sii, rii | fit(1) - fit(0) and fit(1) / fit(0) of a straight line, weighted by people |
| sii_logit, rii_logit | the same of a logistic line, for proportions |
| aci, rci | 2 Σ p·y (r - 1/2), and that over the mean |
| rci_wagstaff, aci_erreygers | rci / (1 - mean) and 4 · aci, for proportions (y from 0 to 1) |

Wagstaff 2005 and Erreygers 2009 correct for the bounds of a proportion.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from orchestration.errors import StatisticsError
from orchestration.statistics.inequality_groups import Groups
from orchestration.statistics.intervals import FloatArray, normal_quantile

LINEAR = ("ends_difference", "ends_ratio", "sii", "rii", "aci", "rci")
BOUNDED = ("sii_logit", "rii_logit", "rci_wagstaff", "aci_erreygers")
_STEPS, _CONVERGED = 60, 1e-12


class Estimate(NamedTuple):
    """One number per slice with its interval; NaN where it does not exist."""

    value: FloatArray
    low: FloatArray
    high: FloatArray


def linear_indices(groups: Groups, confidence: float) -> dict[str, Estimate]:
    """The LINEAR indices, exact for normal errors of the groups.

    sii, aci and ends_difference are weighted sums of the groups' values, so their variance follows from the groups'
    variances; rii and rci are ratios of two such sums, with Fieller's limits (1954); ends_ratio has limits on the log
    scale. NaN limits where the lower sum may be 0. A ratio of two ends is one of quantities above 0: rii does not exist
    (NaN) where the line reaches 0 at either end, and its lower limit is never below 0.
    Raises StatisticsError for a slice without an order.
    """
    require_order(groups)
    z = normal_quantile(confidence)
    y, share = np.where(groups.present, groups.value, 0.0), groups.share
    # No error is an error that is not known: it makes the limits NaN, not narrow.
    variance = np.where(groups.present, groups.error, 0.0) ** 2
    centred = np.where(groups.present, groups.rank - 0.5, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = share * centred / (share * centred**2).sum(axis=0)
    top, bottom = share + slope / 2, share - slope / 2
    concentration = 2 * share * centred
    place = np.arange(len(y))[:, None]
    last, first = ((place == position).astype(np.float64) for position in (groups.advantaged, 0))
    return {
        "ends_difference": _sum(y, variance, last - first, z),
        "ends_ratio": _log_ratio(y, variance, last, first, z),
        "sii": _sum(y, variance, slope, z),
        "rii": _positive_ratio(y, variance, top, bottom, z),
        "aci": _sum(y, variance, concentration, z),
        "rci": _ratio(y, variance, concentration, share, z),
    }


def bounded_indices(groups: Groups, confidence: float) -> dict[str, Estimate]:
    """`sii_logit`, `rii_logit`, `rci_wagstaff`, `aci_erreygers`; values are proportions from 0 to 1, weights people.

    The logistic line is fitted by maximum likelihood with each group weighted once; limits by the delta method from the
    model's variance, on the log scale for the ratio. Limits of the concentration indices by the delta method from the
    groups' errors. NaN where no line fits (nobody, or everybody, in all groups). Raises StatisticsError for values
    above 1 and slices without an order.
    """
    require_order(groups)
    if (groups.value[groups.present] > 1).any():
        raise StatisticsError(
            "an index for proportions takes values from 0 to 1",
            where="groups of a slice",
            found="a value above 1",
            remedy="divide by the measure's multiplier",
        )
    z = normal_quantile(confidence)
    y, share = np.where(groups.present, groups.value, 0.0), groups.share
    variance = np.where(groups.present, groups.error, 0.0) ** 2
    concentration = 2 * share * np.where(groups.present, groups.rank - 0.5, 0.0)
    aci, mean = (concentration * y).sum(axis=0), (share * y).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = mean * (1 - mean)
        wagstaff = aci / spread
        slope = concentration / spread - wagstaff * (1 - 2 * mean) / spread * share
        half = z * np.sqrt((slope**2 * variance).sum(axis=0))
    return {
        **_logistic(groups, z),
        "rci_wagstaff": Estimate(wagstaff, wagstaff - half, wagstaff + half),
        "aci_erreygers": _sum(y, variance, 4 * concentration, z),
    }


def require_order(groups: Groups) -> None:
    """Raise StatisticsError unless every slice names its most advantaged group, which is its last one."""
    last = groups.count.astype(np.int64) - 1
    in_order = groups.present == (np.arange(len(groups.value))[:, None] <= last)
    if (groups.advantaged != last).any() or not in_order.all():
        raise StatisticsError(
            "an ordered index takes groups in order, from the most disadvantaged to the most advantaged",
            where="groups of a slice",
            found=f"{int((groups.advantaged != last).sum())} slices without such an order",
            remedy="give it ordered stratifiers only; `disadvantaged_end` in seeds/stratifiers.csv declares the order",
        )


def _sum(y: FloatArray, variance: FloatArray, coefficient: FloatArray, z: float) -> Estimate:
    value = (coefficient * y).sum(axis=0)
    half = z * np.sqrt((coefficient**2 * variance).sum(axis=0))
    return Estimate(value, value - half, value + half)


def _log_ratio(y: FloatArray, variance: FloatArray, over: FloatArray, under: FloatArray, z: float) -> Estimate:
    a, b = (over * y).sum(axis=0), (under * y).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = (over * variance).sum(axis=0) / a**2 + (under * variance).sum(axis=0) / b**2
        ratio = np.where(b > 0, a / b, np.nan)
        factor = np.where(a > 0, np.exp(z * np.sqrt(relative)), np.nan)
    return Estimate(ratio, ratio / factor, ratio * factor)


def _ratio(y: FloatArray, variance: FloatArray, over: FloatArray, under: FloatArray, z: float) -> Estimate:
    """Fieller's limits of Σ over·y / Σ under·y."""
    a, b = (over * y).sum(axis=0), (under * y).sum(axis=0)
    v11, v12, v22 = ((one * two * variance).sum(axis=0) for one, two in ((over, over), (over, under), (under, under)))
    with np.errstate(divide="ignore", invalid="ignore"):
        square = b**2 - z**2 * v22
        middle = a * b - z**2 * v12
        root = np.sqrt(middle**2 - square * (a**2 - z**2 * v11))
        limits = [np.where((square > 0) & (b > 0), (middle + way * root) / square, np.nan) for way in (-1, 1)]
        return Estimate(np.where(b > 0, a / b, np.nan), limits[0], limits[1])


def _positive_ratio(y: FloatArray, variance: FloatArray, over: FloatArray, under: FloatArray, z: float) -> Estimate:
    """The same where both sums are above 0; without a number elsewhere."""
    exists = ((over * y).sum(axis=0) > 0) & ((under * y).sum(axis=0) > 0)
    value, low, high = _ratio(y, variance, over, under, z)
    return Estimate(*(np.where(exists, part, np.nan) for part in (value, np.maximum(low, 0.0), high)))


def _logistic(groups: Groups, z: float) -> dict[str, Estimate]:
    """Newton's method for all slices at once; two coefficients each."""
    present, rank = groups.present, groups.rank
    y = np.where(present, groups.value, 0.0)
    weight = np.where(present, groups.weight, 0.0)
    mean = (groups.share * y).sum(axis=0)
    fits = (mean > 0) & (mean < 1) & (groups.count >= 2)
    mean = np.where(fits, mean, 0.5)
    start, slope = np.log(mean / (1 - mean)), np.zeros_like(mean)
    step = np.full(mean.shape, np.inf)
    information = np.zeros((3, *mean.shape))
    with np.errstate(all="ignore"):
        for _ in range(_STEPS):
            fitted = 1 / (1 + np.exp(-(start + slope * rank)))
            curvature = weight * fitted * (1 - fitted)
            information = np.stack([(curvature * rank**power).sum(axis=0) for power in (0, 1, 2)])
            residual = weight * (y - fitted)
            score0, score1 = residual.sum(axis=0), (residual * rank).sum(axis=0)
            i0, i1, i2 = information
            determinant = i0 * i2 - i1**2
            by0, by1 = (i2 * score0 - i1 * score1) / determinant, (i0 * score1 - i1 * score0) / determinant
            start, slope = start + by0, slope + by1
            step = np.maximum(np.abs(by0), np.abs(by1))
            if not (fits & (step > _CONVERGED)).any():
                break
        good = fits & (step <= 1e-8)
        i0, i1, i2 = information
        determinant = i0 * i2 - i1**2
        v0, v01, v1 = i2 / determinant, -i1 / determinant, i0 / determinant
        low, high = 1 / (1 + np.exp(-start)), 1 / (1 + np.exp(-start - slope))

        def error(by_start: FloatArray, by_slope: FloatArray) -> FloatArray:
            return np.asarray(np.sqrt(by_start**2 * v0 + 2 * by_start * by_slope * v01 + by_slope**2 * v1))

        sii = high - low
        half = z * error(high * (1 - high) - low * (1 - low), high * (1 - high))
        rii = high / low
        factor = np.exp(z * error(low - high, 1 - high))
        found = {
            "sii_logit": Estimate(sii, sii - half, sii + half),
            "rii_logit": Estimate(rii, rii / factor, rii * factor),
        }
    return {name: Estimate(*(np.where(good, part, np.nan) for part in numbers)) for name, numbers in found.items()}
