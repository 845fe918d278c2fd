"""Protects the data-quality table: shares of children are counts of children, so small ones are hidden like counts.

Frames in, frames out. Which value gives a small count away is decided by `orchestration.quality_metrics`.
"""

from __future__ import annotations

import pandas as pd

from orchestration.quality_metrics import METRICS, reveals_small_count

PROTECTED_COLUMNS = (
    *("field", "site", "grain", "period_starts_on", "measure_id", "stratifier", "stratum", "metric", "value", "n"),
    *("threshold", "threshold_warn", "threshold_hold", "verdict", "disclosure_status"),
)


_GROUPING = ("field", "site", "grain", "period_starts_on", "metric", "stratifier")


def protect_quality(frame: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The rows of the quality table as they may be published.

    `frame`: one row per field, site, grain, period, measure and stratum ('' unless specific) and metric, with value, n,
    threshold,
    threshold_warn, threshold_hold, verdict and `smallest_count` (see `reveals_small_count`). Result: PROTECTED_COLUMNS,
    same rows and order; value (rounded) and n are NULL and `disclosure_status` is `suppressed` where n, the children
    that the share counts or those that it leaves out are 1 to `min_cell - 1`; else `published`. Where that is so of one
    group, all groups of the grouping are hidden, because they add up to everybody.
    """
    hidden = reveals_small_count(frame, min_cell)
    of_grouping = [frame[name] for name in _GROUPING]
    hidden |= hidden.groupby(of_grouping, dropna=False).transform("any") & frame["stratifier"].ne("")
    result = frame.copy()
    value = pd.to_numeric(frame["value"]).astype("float64")
    for decimals, names in _by_decimals().items():
        chosen = frame["metric"].isin(names)
        value = value.mask(chosen, value.round(decimals))
    result["value"] = value.mask(hidden)
    result["n"] = pd.to_numeric(frame["n"]).astype("Int64").mask(hidden)
    result["disclosure_status"] = hidden.map({True: "suppressed", False: "published"}).astype("str")
    return result[list(PROTECTED_COLUMNS)]


def _by_decimals() -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = {}
    for metric in METRICS.values():
        grouped.setdefault(metric.decimals, []).append(metric.name)
    return grouped
