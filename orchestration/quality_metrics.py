"""The data-quality metrics and fields as data: what each is called and which values would give away a small count.

Both the gate (which writes reasons) and disclosure control (which hides cells) read it, so the rule has one home. It
computes no metric; dbt does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

Kind = Literal["share", "difference", "index", "count"]


@dataclass(frozen=True)
class Metric:
    """One metric: `share` is a share of n children, `difference` is between two such shares, the others are derived.

    `decimals` is to how many places a published value is rounded; `is_in_pct` says that an index is read in per cent.
    """

    name: str
    kind: Kind
    label: str
    decimals: int = 4
    is_in_pct: bool = False


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("completeness", "share", "recorded with a usable answer"),
        Metric("missing_not_asked", "share", "not asked"),
        Metric("missing_asked_unknown", "share", "asked but unknown"),
        Metric("missing_declined", "share", "chose not to answer"),
        Metric("missing_unmapped", "share", "recorded with a code that is not recognized"),
        Metric("missing_conflict", "share", "missing because sources disagree"),
        Metric("missing_not_recorded", "share", "not recorded"),
        Metric("missing_no_address", "share", "no usable address"),
        Metric("missing_tract_not_in_area_file", "share", "tract outside the area file or catchment"),
        Metric("missing_area_value_missing", "share", "no area value for the tract"),
        Metric("other_share", "share", "recorded as “Other”"),
        Metric("conflict_share", "share", "with disagreeing sources"),
        Metric("periods_with_records", "index", "share of quarters (or of the period) with any record", is_in_pct=True),
        Metric("modal_capture_share", "share", "share of the commonest answer among newly enrolled children"),
        Metric("modal_capture_share_baseline_median", "share", "usual share of the commonest answer, earlier quarters"),
        Metric("modal_capture_share_z", "index", "distance of the commonest answer's share from its usual level", 1),
        Metric("psi", "index", "change of the mix since the period before (population stability index)", 2),
        Metric("differential_missing_rd", "difference", "difference in missing answers by outcome", 2),
        Metric("differential_missing_low", "difference", "the same, lower end of the 95 % interval", 2),
        Metric("differential_missing_high", "difference", "the same, upper end of the 95 % interval", 2),
        Metric("census_max_difference", "index", "largest difference from the catchment's census mix", 2),
        Metric("census_covered_share", "share", "in tracts whose census mix is known"),
        Metric("geocode_match_rate", "share", "addresses that the geocoder placed in a tract"),
        Metric("geocode_match_difference", "index", "largest difference in placed addresses between groups", 2),
        Metric("area_unreliable_share", "share", "in tracts whose poverty estimate is unreliable"),
        Metric("census_categories_off", "count", "categories more than 10 percentage points off the census mix", 0),
    )
}

# Given per measure; all others are given once per field, site and period.
MEASURE_SPECIFIC = frozenset(name for name in METRICS if name.startswith("differential_"))

# In the order in which they are shown.
FIELDS: dict[str, str] = {
    "race_ethnicity": "race and ethnicity",
    "language": "language",
    "payer": "insurance",
    "address": "address",
    "sex": "sex",
    "birth_date": "birth date",
    "encounters": "encounters",
    "hba1c": "HbA1c",
}


def reveals_small_count(frame: pd.DataFrame, min_cell: int) -> pd.Series:
    """Whether a metric's value would give away a count of 1 to `min_cell - 1` children: one boolean per row.

    `frame` has metric, value and n (children that the value is based on), and for differences `smallest_count`: the
    smallest non-zero count of children that the difference is made of. What cannot be judged counts as revealing: an
    unknown metric, an unknown n, a difference without its smallest count.
    """
    kind = frame["metric"].map({name: metric.kind for name, metric in METRICS.items()})
    n = pd.to_numeric(frame["n"]).astype("float64")
    value = pd.to_numeric(frame["value"]).astype("float64")
    revealing = kind.isna() | ~(n >= min_cell)
    for implied in (value * n, (1 - value) * n):
        revealing |= (kind == "share") & (implied > 1e-6) & (implied < min_cell - 0.5)
    if "smallest_count" in frame:
        safe = pd.to_numeric(frame["smallest_count"]).astype("float64") >= min_cell
    else:
        safe = pd.Series(False, index=frame.index)
    return (revealing | ((kind == "difference") & ~safe)).astype(bool)
