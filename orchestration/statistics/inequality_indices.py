"""Summary indices of inequality between groups without an order: one number per slice for all its groups together.

Definitions: Healthy People 2030 (NCHS Statistical Note 27) for the range and summary-rate family, WHO's Handbook on
Health Inequality Monitoring for the rest. Shares p of people, mean μ = Σ p·y, best by the measure's direction.
Formulas only; which slices get which index, its sign and its interval are decided elsewhere. A number that does not
exist (a ratio over zero, a logarithm of zero) is NaN.

| index | is |
|---|---|
| mrd, mrr | maximal rate difference and ratio: largest less, and over, smallest |
| srr | summary rate ratio: the unweighted mean of the other groups against the best, arranged to be 1 or more |
| index_of_disparity | 100 · |mean of the other groups - best| / best |
| bgv, bgsd, cov | Σ p (y - μ)²; its root; 100 · root / μ |
| mdm, mdb, mdr | mean distance from μ, from the best, from the reference; _u every group alike, _w by people |
| idis_u, idis_w | 100 · mdm_u / μ and 100 · mdm_w / μ |
| theil, mld | 1000 · Σ p (y/μ) ln(y/μ) and -1000 · Σ p ln(y/μ) |
| par, paf | y of the best or most advantaged - μ, 0 in the wrong direction; 100 · par / μ |
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from orchestration.statistics.inequality_groups import Groups, at
from orchestration.statistics.intervals import FloatArray

SIMPLE = ("mrd", "mrr", "srr", "index_of_disparity")
COMPLEX = (
    *("bgv", "bgsd", "cov", "mdm_u", "mdm_w", "mdb_u", "mdb_w", "mdr_u", "mdr_w"),
    *("idis_u", "idis_w", "theil", "mld", "par", "paf"),
)


def unordered_indices(groups: Groups, value: FloatArray | None = None) -> dict[str, FloatArray]:
    """Every index of SIMPLE and COMPLEX, one number per slice.

    `value` stands in for the groups' own values: shape (groups, slices, draws) gives one number per slice and draw.
    """
    y = groups.value if value is None else value
    extra = (1,) * (y.ndim - 2)

    def beside(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return array.reshape(array.shape + extra)

    present, share, equal = beside(groups.present), beside(groups.share), beside(groups.equal)
    sign, count = beside(groups.sign), beside(groups.count)
    y = np.where(present, y, 0.0)
    low = np.where(present, y, np.inf).min(axis=0, initial=np.inf)
    high = np.where(present, y, -np.inf).max(axis=0, initial=-np.inf)
    best = np.where(sign > 0, low, high)
    mean, middle = (share * y).sum(axis=0), (equal * y).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        others = (count * middle - best) / (count - 1)
        bgv = (share * (y - mean) ** 2).sum(axis=0)
        away, reference = np.abs(y - mean), at(y, groups.reference)
        apart = np.abs(y - reference)
        mdm = (equal * away).sum(axis=0), (share * away).sum(axis=0)
        relative = y / mean
        log = np.log(relative)
        # The limit of x ln x at 0 is 0; a mean of logarithms has no limit there.
        theil = (share * np.where(y > 0, relative * log, 0.0)).sum(axis=0)
        mld = -np.where(share > 0, share * log, 0.0).sum(axis=0)
        advantaged = np.where(beside(groups.advantaged) >= 0, at(y, groups.advantaged), best)
        par = -sign * np.maximum(-sign * (advantaged - mean), 0.0)
        found = {
            "mrd": high - low,
            "mrr": high / low,
            "srr": np.where(sign > 0, others / best, best / others),
            "index_of_disparity": 100 * np.abs(others - best) / best,
            "bgv": bgv,
            "bgsd": np.sqrt(bgv),
            "cov": 100 * np.sqrt(bgv) / mean,
            "mdm_u": mdm[0],
            "mdm_w": mdm[1],
            "mdb_u": np.abs(middle - best),
            "mdb_w": np.abs(mean - best),
            "mdr_u": (equal * apart).sum(axis=0),
            "mdr_w": (share * apart).sum(axis=0),
            "idis_u": 100 * mdm[0] / mean,
            "idis_w": 100 * mdm[1] / mean,
            "theil": 1000 * theil,
            "mld": 1000 * mld,
            "par": par,
            "paf": 100 * par / mean,
        }
    # Of nobody there is no index; and a difference of nothing is 0, not -0.
    return {name: np.where(np.isfinite(number) & (count > 0), number + 0.0, np.nan) for name, number in found.items()}


def bgv_error(groups: Groups) -> FloatArray:
    """Standard error of the between-group variance, as the variance of a quadratic form (Ahn et al. 2018).

    With A = diag(p) - pp' and V the groups' variances: 4 y'AVAy + 2 tr(AVAV); not 0 where all groups are equal.
    """
    y, share = np.where(groups.present, groups.value, 0.0), groups.share
    variance = np.where(groups.present, groups.error, 0.0) ** 2
    mean = (share * y).sum(axis=0)
    slope = (share**2 * (y - mean) ** 2 * variance).sum(axis=0)
    crossed = (share**2 * variance).sum(axis=0) ** 2 - (share**4 * variance**2).sum(axis=0)
    own = ((share * (1 - share) * variance) ** 2).sum(axis=0)
    return np.asarray(np.sqrt(4 * slope + 2 * (own + crossed)), dtype=np.float64)


def entropy_errors(groups: Groups) -> tuple[FloatArray, FloatArray]:
    """Standard errors of theil and mld by the delta method, on the indices' own scale (per 1000)."""
    y, share = np.where(groups.present, groups.value, 1.0), groups.share
    variance = np.where(groups.present, groups.error, 0.0) ** 2
    mean = (share * y).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(y > 0, np.log(y / mean), np.nan)
        theil = (share * (y / mean) * log).sum(axis=0)
        slopes = share / mean * (log - theil), share / mean * (1 - mean / y)
        errors = [1000 * np.sqrt((slope**2 * variance).sum(axis=0)) for slope in slopes]
    return errors[0], errors[1]


def par_error(groups: Groups) -> FloatArray:
    """Standard error of par where the group it is measured against is the most advantaged one; NaN without an order."""
    variance = np.where(groups.present, groups.error, 0.0) ** 2
    own = at(groups.share, groups.advantaged)
    others = (groups.share**2 * variance).sum(axis=0) - own**2 * at(variance, groups.advantaged)
    return np.asarray(np.sqrt((1 - own) ** 2 * at(variance, groups.advantaged) + others), dtype=np.float64)
