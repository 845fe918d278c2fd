"""Equity gaps: every group against its reference as difference, ratio, excess and p, with a sign for disadvantage.

Sign: a positive difference and a ratio above 1 mean that the group is worse off, whatever the measure's direction.
Where lower is better: group - reference and group / reference; where higher is better: reference - group and
reference / group. So a group at half the reference's good outcome has a ratio of 2.

Intervals and tests take the two groups as independent. Groups of an exclusive stratifier are. Of an overlapping one
(alone or in combination) a child can be in both groups, and "overall" contains the group itself: the two estimates then
are positively correlated as a rule, the true difference varies less than assumed, and intervals and p-values err on the
wide side.

| kind | difference | ratio | p |
|---|---|---|---|
| proportion | Newcombe hybrid score (1998) | Koopman score (1984) | pooled z |
| rate | MOVER of the rates' intervals (Zou and Donner 2008) | MOVER-R (Donner and Zou 2012) | see below |
| mean | Welch t (1947) | MOVER-R of the t intervals (Fieller's theorem, 1954) | Welch t |

The p of two rates is exact conditional, or t on the log ratio where a side's interval is cluster-robust.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchestration.statistics import p_values
from orchestration.statistics.contrasts import contrast
from orchestration.statistics.counts import (
    KEY,
    MEAN,
    PROPORTION,
    PUBLISHED,
    SLICE,
    Counts,
    read_counts,
    require_columns,
    texts,
)
from orchestration.statistics.estimates import Estimates, estimate
from orchestration.statistics.intervals import BoolArray
from orchestration.statistics.periods import period_rows
from orchestration.statistics.references import Pairs, group_codes, pair_with_references
from orchestration.statistics.reliability import NOT_ASSESSED, StatusArray, worse_of, worse_quality
from orchestration.statistics.robustness import Missingness, bound_columns, hold_unless_robust

MEANINGFUL_P = 0.05
MEANINGFUL_RELATIVE = 0.10
SUPPRESSED, HOLD = "suppressed", "hold"

COLUMNS = (
    *("measure_id", "grain", "period_starts_on", "period_ends_on", "site", "stratifier", "stratum", "stratifier_2"),
    *("stratum_2", "reference_rule", "reference_stratum", "reference_stratum_2", "reference_chosen_from"),
    *("difference", "difference_low", "difference_high", "difference_method"),
    *("ratio", "ratio_low", "ratio_high", "ratio_method", "excess", "excess_low", "excess_high"),
    *(
        "p_value",
        "p_method",
        "p_adjusted",
        "is_meaningful",
        "bound_low",
        "bound_high",
        "bound_method",
        "is_sign_robust",
    ),
    *("disclosure_status", "reliability_status", "quality_status", "quality_reason"),
)


def compute_gaps(
    strata: pd.DataFrame,
    measures: pd.DataFrame,
    stratifiers: pd.DataFrame,
    strata_labels: pd.DataFrame,
    confidence: float,
    *,
    periods: pd.DataFrame | None = None,
    missingness: Missingness | None = None,
    register: pd.DataFrame | None = None,
    known: tuple[Counts, Estimates] | None = None,
) -> pd.DataFrame:
    """One row per group that is compared (COLUMNS), in the order of `strata`; what the module says holds for all.

    `strata` comes from `add_estimates(keep_sums=True)`, with `quality_status` and `period_ends_on`; `measures`,
    `stratifiers`, `strata_labels` and `periods` are the dim_ tables. Without `periods` every period counts as
    complete. Reference rules: see `references.py`; `register` holds those that earlier runs froze. `known`: counts
    and estimates of the same rows, where they have been computed.

    Difference in the measure's unit; ratio unit-free. `excess` =
    difference * denominator / multiplier: the people, events or days that would not have been counted (where higher is
    better: that are missing) had the group had its reference's value; NULL for means, which count nothing.

    `p_adjusted`: Benjamini-Hochberg over the family of gaps shown in one panel, that is one measure x grain x period x
    site x stratifier. `is_meaningful` (AHRQ, National Healthcare Disparities Report 2010): unadjusted two-sided p at
    most 0.05 and a relative difference of at least 10 % of the reference, for proportions in the favorable or in the
    adverse framing.

    `disclosure_status`: `published` where both sides are; `suppressed` where one is; `not_assessed` where one is held,
    the rule found no reference, or the reference has no row in the period. Numbers are NULL unless published, and where
    they do not exist: nobody in a group; a ratio over zero, whose lower limit stays and whose `ratio_method` then says
    that there is no upper limit. `quality_status` and `reliability_status` are the worse of the two sides.

    `bound_low`, `bound_high`: the difference over all allocations of the patients of unknown group (`bounds.py`), in
    the measure's unit; `is_sign_robust`: both lie on the same side of 0. With `missingness`, a gap whose sign is not
    robust is held where more of the field is unknown than it allows; `quality_reason` then says so.
    Raises StatisticsError as `read_counts` and `pair_with_references` do.
    """
    require_columns(strata, ("period_ends_on", "reliability_status", "quality_status"), "strata")
    counts, estimates = known if known is not None else _computed(strata, measures, confidence)
    is_complete = np.ones(len(strata), dtype=bool)
    if periods is not None:
        require_columns(periods, ("is_complete",), "periods")
        is_complete = periods["is_complete"].to_numpy(dtype=bool)[period_rows(strata, periods)]
    pairs = pair_with_references(strata, counts, estimates.value, stratifiers, strata_labels, is_complete, register)
    statuses = _statuses(strata, pairs)
    published = statuses["disclosure_status"] == PUBLISHED
    numbers = _numbers(counts, estimates, pairs, published, confidence)
    numbers = numbers.join(bound_columns(strata, counts, measures, stratifiers, strata_labels, pairs, published))
    reason = np.full(pairs.row.size, None, dtype=object)
    if missingness is not None:
        reason = hold_unless_robust(strata, stratifiers, pairs, missingness, numbers, statuses)
    family = group_codes(strata, list(SLICE))[pairs.row]
    adjusted = p_values.benjamini_hochberg(numbers["p_value"].to_numpy(dtype=np.float64), family)
    keys = strata.iloc[pairs.row][[*KEY, "period_ends_on"]].reset_index(drop=True)
    references = pd.DataFrame(
        {
            "reference_rule": texts(pairs.rule),
            "reference_stratum": texts(pairs.stratum),
            "reference_stratum_2": texts(pairs.stratum_2),
            "reference_chosen_from": pairs.chosen_from,
        }
    )
    statuses["quality_reason"] = reason
    gaps = pd.concat(
        [
            keys,
            references,
            numbers.assign(p_adjusted=adjusted),
            pd.DataFrame({name: texts(words) for name, words in statuses.items()}),
        ],
        axis=1,
    )
    return gaps[list(COLUMNS)]


def _computed(strata: pd.DataFrame, measures: pd.DataFrame, confidence: float) -> tuple[Counts, Estimates]:
    counts = read_counts(strata, measures)
    return counts, estimate(strata, counts, confidence)


def _statuses(strata: pd.DataFrame, pairs: Pairs) -> dict[str, StatusArray]:
    has_reference = pairs.reference >= 0

    def sides(column: str) -> tuple[StatusArray, StatusArray]:
        # Without a reference row the group's own status stands for both; the gap is not assessed then.
        values = strata[column].to_numpy(dtype=object)
        return values[pairs.row], values[np.where(has_reference, pairs.reference, pairs.row)]

    disclosure, reference_disclosure = sides("disclosure_status")
    status = np.full(pairs.row.size, SUPPRESSED, dtype=object)
    status[(disclosure == PUBLISHED) & (reference_disclosure == PUBLISHED)] = PUBLISHED
    quality = worse_quality(*sides("quality_status"))
    held = (quality == HOLD) | (disclosure == NOT_ASSESSED) | (reference_disclosure == NOT_ASSESSED)
    status[held | ~has_reference] = NOT_ASSESSED
    reliability = worse_of(*sides("reliability_status"))
    reliability[status != PUBLISHED] = NOT_ASSESSED
    return {"disclosure_status": status, "reliability_status": reliability, "quality_status": quality}


def _numbers(
    counts: Counts, estimates: Estimates, pairs: Pairs, published: BoolArray, confidence: float
) -> pd.DataFrame:
    row, reference = pairs.row, pairs.reference
    value, reference_value = estimates.value[row], estimates.value[reference]
    computable = published & ~np.isnan(value) & ~np.isnan(reference_value)
    # The side on which more is worse comes first, so that every contrast has the sign of disadvantage.
    lower_is_better = counts.sign[row] > 0
    first, second = np.where(lower_is_better, row, reference), np.where(lower_is_better, reference, row)
    found = contrast(counts, estimates, first, second, computable, confidence)

    is_proportion, is_mean = (counts.kind[row] == kind for kind in (PROPORTION, MEAN))
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.abs(found.difference)
        relative = np.fmax(size / reference_value, np.where(is_proportion, size / (1 - reference_value), np.nan))
    meaningful = pd.array(found.p_value <= MEANINGFUL_P, dtype="boolean")
    # A hair of room: 0.33 against 0.30 is 10 %, whatever binary fractions make of it.
    meaningful &= relative >= MEANINGFUL_RELATIVE - 1e-12
    meaningful[np.isnan(found.p_value)] = pd.NA
    scale = counts.multiplier[row]
    people = np.where(is_mean, np.nan, counts.denominator[row])
    return pd.DataFrame(
        {
            "difference": found.difference * scale,
            "difference_low": found.difference_low * scale,
            "difference_high": found.difference_high * scale,
            "difference_method": texts(found.difference_method),
            "ratio": found.ratio,
            "ratio_low": found.ratio_low,
            "ratio_high": found.ratio_high,
            "ratio_method": texts(found.ratio_method),
            "excess": found.difference * people,
            "excess_low": found.difference_low * people,
            "excess_high": found.difference_high * people,
            "p_value": found.p_value,
            "p_method": texts(found.p_method),
            "is_meaningful": meaningful,
        }
    )
