"""Primary suppression: no count of people, events or days from 1 to `min_cell` - 1 leaves, nor can one be worked out.

A row is protected as a whole: numerator, denominator, number of patients and sums together, because each is a step to
the others. Zero is a fact about nobody and stays. What else is hidden so that totals do not give these away is for
`secondary.py`. Guards raise; nothing is asserted.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchestration.errors import BlockedError, EquityError, StatisticsError

PUBLISHED, SUPPRESSED, NOT_ASSESSED = "published", "suppressed", "not_assessed"

_COUNTS = ("n_patients", "numerator", "denominator")
_SUMS = ("sum_yy", "sum_yd", "sum_dd")
_VALUES = ("value", "ci_low", "ci_high")
_KEY = ("measure_id", "grain", "period_starts_on", "site", "stratifier", "stratum", "stratifier_2", "stratum_2")
_DEFINITION = ("measure_id", "kind", "denominator_unit")


def protect(strata: pd.DataFrame, measures: pd.DataFrame, min_cell: int, *, hides_zeros: bool = False) -> pd.DataFrame:
    """`strata` with `disclosure_status`, and NULL counts and sums (Int64) in the rows that are suppressed.

    Suppressed is a row in which any of these is from 1 to `min_cell` - 1 (CMS Cell Size Suppression Policy: 11):
    `n_patients`; `numerator`, whether people, events or days, unless it is the sum of a mean; `denominator` where it
    counts patients; the patients outside such a denominator; and for proportions the complement, denominator less
    numerator. Reasons why a group is not known are rows like any other. A row of zeros is published. `hides_zeros`: so
    is then only a group of nobody; one of which nobody, or everybody, has the outcome is suppressed.

    `strata` has the keys and counts of fct_measure_stratum; rows that are held already (`disclosure_status`
    not_assessed, no counts) stay so. `measures` is dim_measure. Raises StatisticsError for counts that are missing,
    negative, not whole or contradict each other, and for an unknown measure.
    """
    counts, held = _counts(strata)
    small = _reasons(strata, measures, counts, min_cell, hides_zeros=hides_zeros)
    suppressed = np.logical_or.reduce(list(small.values())) & ~held
    status = np.where(held, NOT_ASSESSED, np.where(suppressed, SUPPRESSED, PUBLISHED))
    columns = [column for column in (*_COUNTS, *_SUMS) if column in strata.columns]
    hidden = {column: strata[column].astype("Int64").mask(suppressed | held) for column in columns}
    return strata.assign(**hidden, disclosure_status=status.astype(object))


def check_protected(strata: pd.DataFrame, measures: pd.DataFrame, min_cell: int) -> None:
    """Raise BlockedError unless `strata` shows no small count; the last look before publishing.

    Any row with a small count, complement or patients left out is found, and any row that is not published but still
    has a count, a sum or a value. Raises BlockedError also for a frame that cannot be judged.
    """
    try:
        _require_columns(strata, ("disclosure_status",), "strata")
        counts, withheld = _counts(strata, {SUPPRESSED, NOT_ASSESSED})
        small = _reasons(strata, measures, counts, min_cell)
    except StatisticsError as error:
        raise BlockedError(
            "nothing is published that disclosure control cannot judge",
            where=error.where,
            found=f"{error.rule}: {error.found}",
            remedy=error.remedy,
        ) from None
    findings = {rule: rows & ~withheld for rule, rows in small.items()}
    further = [column for column in (*_SUMS, *_VALUES) if column in strata.columns]
    numbers = strata[further].notna().any(axis=1).to_numpy(dtype=bool)
    findings["a row that is not published has no number"] = withheld & numbers
    for rule, rows in findings.items():
        if rows.any():
            raise _refusal(
                BlockedError, strata, rows, rule, "the previous release stays current; run the whole job again"
            )


def _reasons(
    strata: pd.DataFrame,
    measures: pd.DataFrame,
    counts: dict[str, np.ndarray],
    min_cell: int,
    *,
    hides_zeros: bool = False,
) -> dict[str, np.ndarray]:
    """Which rows break which rule; a held row breaks none, as it has no counts."""
    if min_cell < 1:
        raise StatisticsError(
            "`min_cell` is 1 or more",
            where="disclosure control",
            found=str(min_cell),
            remedy="set it to 11, as CMS asks",
        )
    kind, of_patients = _definitions(strata, measures)
    n_patients, numerator, denominator = (counts[column] for column in _COUNTS)

    def small(count: np.ndarray) -> np.ndarray:
        return (count >= 1) & (count < min_cell)

    proportion = kind == "proportion"
    for rows, rule in (
        (proportion & (numerator > denominator), "a proportion's numerator is at most its denominator"),
        (of_patients & (denominator > n_patients), "a denominator of patients is at most the number of patients"),
        ((n_patients == 0) & ((numerator > 0) | (denominator > 0)), "a group of nobody has nothing counted"),
    ):
        if rows.any():
            raise _refusal(StatisticsError, strata, rows, rule, "correct the step that counted")
    counted = hides_zeros & (denominator > 0)
    return {
        "some have the outcome": counted & (numerator == 0) & (kind != "mean"),
        "not all have the outcome": counted & (numerator == denominator) & proportion,
        "`n_patients` is 0 or large enough": small(n_patients),
        "`numerator` is 0 or large enough": small(numerator) & (kind != "mean"),
        "`denominator` is 0 or large enough": small(denominator) & of_patients,
        "the patients outside the denominator are 0 or enough": small(n_patients - denominator) & of_patients,
        "`denominator` less `numerator` is 0 or large enough": small(denominator - numerator) & proportion,
    }


def _counts(
    strata: pd.DataFrame, withheld_statuses: frozenset[str] | set[str] = frozenset({NOT_ASSESSED})
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The counts as float64 (NaN where withheld) and which rows are withheld, checked."""
    _require_columns(strata, (*_KEY, *_COUNTS), "strata")
    withheld = np.zeros(len(strata), dtype=bool)
    if "disclosure_status" in strata.columns:
        withheld = strata["disclosure_status"].isin(withheld_statuses).to_numpy(dtype=bool)
    counts: dict[str, np.ndarray] = {}
    for column in _COUNTS:
        try:
            counts[column] = strata[column].to_numpy(dtype="float64", na_value=np.nan)
        except (TypeError, ValueError):
            raise StatisticsError(
                f"`{column}` holds numbers",
                where="strata",
                found=f"a column of type {strata[column].dtype}",
                remedy="correct the step that filled it",
            ) from None
        count = counts[column]
        whole = np.isfinite(count) & (count >= 0) & (count == np.floor(count))
        wrong = np.where(withheld, ~np.isnan(count), ~whole)
        if wrong.any():
            rule = f"`{column}` is a whole number from 0 up, and empty only in a row that is withheld"
            raise _refusal(StatisticsError, strata, wrong, rule, "correct the step that counted")
    return counts, withheld


def _definitions(strata: pd.DataFrame, measures: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    _require_columns(measures, _DEFINITION, "measures")
    known = pd.Index(measures["measure_id"])
    codes, values = pd.factorize(strata["measure_id"], use_na_sentinel=False)
    positions = known.get_indexer(pd.Index(values)) if known.is_unique else np.full(len(values), -1)
    if (positions < 0).any() or not measures["kind"].isin(["proportion", "rate", "mean"]).all():
        raise StatisticsError(
            "each measure is defined once, as a proportion, a rate or a mean",
            where="measures",
            found=", ".join(sorted(str(value) for value in values[positions < 0])) or "another kind",
            remedy="correct the measure's definition",
        )
    rows = positions[codes]
    kind = measures["kind"].to_numpy(dtype=object)[rows]
    return kind, (measures["denominator_unit"].to_numpy(dtype=object)[rows] == "patients").astype(bool)


def _require_columns(frame: pd.DataFrame, columns: tuple[str, ...], where: str) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise StatisticsError(
            "the frame has the columns of its contract",
            where=where,
            found="without " + ", ".join(f"`{column}`" for column in missing),
            remedy="give the frame as the step before it returned it",
        )


def _refusal(error: type[EquityError], strata: pd.DataFrame, rows: np.ndarray, rule: str, remedy: str) -> EquityError:
    """The error that names how many rows and the first one's groups; never a count."""
    first = strata.iloc[int(np.flatnonzero(rows)[0])]
    key = " / ".join(str(first[column]) for column in _KEY if str(first[column]))
    return error(rule, where="strata", found=f"{int(rows.sum())} rows otherwise, the first: {key}", remedy=remedy)
