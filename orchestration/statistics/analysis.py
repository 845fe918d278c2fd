"""The one way through the statistics of a run: from protected counts to all the tables that are published."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import pandas as pd

from orchestration.statistics.changes import compute_changes
from orchestration.statistics.counts import COUNTS, KEY, SUMS
from orchestration.statistics.decomposition import compute_decomposition
from orchestration.statistics.estimates import estimated
from orchestration.statistics.gaps import compute_gaps
from orchestration.statistics.holds import apply_verdicts
from orchestration.statistics.inequality import compute_inequality
from orchestration.statistics.periods import period_rows
from orchestration.statistics.reference_register import updated_register
from orchestration.statistics.robustness import Missingness
from orchestration.statistics.standardised import COLUMNS as STANDARDISED
from orchestration.statistics.standardised import add_standardised

STRATA_COLUMNS = (
    *("measure_id", "grain", "period_starts_on", "period_ends_on"),
    *(column for column in KEY if column not in ("measure_id", "grain", "period_starts_on")),
    *COUNTS,
    *(
        "value",
        "ci_low",
        "ci_high",
        "ci_method",
        *STANDARDISED,
        "disclosure_status",
        "reliability_status",
        "quality_status",
    ),
)


_NO_SUMS = pd.DataFrame(
    columns=[
        *("measure_id", "period_starts_on", "site", "stratifier", "stratum", "age_band", "sex"),
        *("sum_y", "sum_d", "sum_yy", "weight"),
    ]
)


class Analysis(NamedTuple):
    """publish.strata, publish.gaps and what is computed from them, as frames."""

    strata: pd.DataFrame
    gaps: pd.DataFrame
    inequality: pd.DataFrame
    changes: pd.DataFrame
    decomposition: pd.DataFrame
    reference_register: pd.DataFrame


def analyse(
    protected: pd.DataFrame,
    verdicts: pd.DataFrame,
    *,
    measures: pd.DataFrame,
    stratifiers: pd.DataFrame,
    strata_labels: pd.DataFrame,
    periods: pd.DataFrame,
    confidence: float,
    missingness: Missingness | None = None,
    age_sex: pd.DataFrame | None = None,
    register: pd.DataFrame | None = None,
    as_of: dt.date | None = None,
) -> Analysis:
    """All published tables from fct_measure_stratum after `disclosure.primary.protect`.

    Order matters and is fixed here: verdicts, then estimates, then gaps, then what sums them up, each from published
    counts only; the sums of squares end here. `verdicts` is publish.gate_verdict, the others are the dim_ tables;
    `missingness` says from when on a gap that the unknown could turn around is held; without `age_sex`
    (int_stratum__age_sex) nothing is standardised; `register` holds the references that earlier runs froze, and what is
    frozen now is dated `as_of`, else the last day of the data. Raises StatisticsError.
    """
    judged = apply_verdicts(protected, verdicts)
    period = period_rows(judged, periods)
    ends = periods["period_ends_on"].iloc[period].array
    whole, counts, estimates = estimated(judged.assign(period_ends_on=ends), measures, confidence, keep_sums=True)
    whole = add_standardised(whole, _NO_SUMS if age_sex is None else age_sex, measures, confidence)
    gaps = compute_gaps(
        *(whole, measures, stratifiers, strata_labels, confidence),
        periods=periods,
        missingness=missingness,
        register=register,
        known=(counts, estimates),
    )
    strata = whole.drop(columns=list(SUMS))[list(STRATA_COLUMNS)].reset_index(drop=True)
    inequality = compute_inequality(strata, gaps, measures, stratifiers, strata_labels, confidence)
    today = pd.Timestamp(as_of) if as_of is not None else pd.to_datetime(periods["period_ends_on"]).max()
    return Analysis(
        strata=strata,
        gaps=gaps,
        inequality=inequality,
        changes=compute_changes(strata, gaps, measures, periods),
        decomposition=compute_decomposition(strata, gaps, measures, strata_labels, confidence),
        reference_register=updated_register(register, gaps, today),
    )
