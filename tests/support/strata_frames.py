"""Small strata frames for tests of statistics and disclosure: one row per group, only what a test cares about said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

MEASURES = pd.DataFrame(
    [
        ("above", "proportion", "lower_is_better", 100.0, "patients", "patients"),
        ("below", "proportion", "higher_is_better", 100.0, "patients", "patients"),
        ("visits", "rate", "lower_is_better", 1200.0, "events", "patient_months"),
        ("checks", "rate", "higher_is_better", 12.0, "events", "patient_months"),
        ("days", "rate", "lower_is_better", 12000.0, "days", "patient_months"),
        ("average", "mean", "lower_is_better", 0.1, "sum of tenths", "patients"),
    ],
    columns=["measure_id", "kind", "direction", "multiplier", "counts_what", "denominator_unit"],
)
_PERSON = ("person", "best", True)
STRATIFIERS = pd.DataFrame(
    [
        ("overall", "overall", "overall", True, "", ""),
        ("race", *_PERSON, "", "race_ethnicity"),
        ("language", *_PERSON, "", "language"),
        ("poverty", "area", "best", True, "last", "address"),
        ("race_by_poverty", *_PERSON, "", "race_ethnicity"),
    ],
    columns=["stratifier", "kind", "reference_rule", "is_exclusive", "disadvantaged_end", "quality_field"],
)
LABELS = pd.DataFrame(
    [
        ("overall", "all", 0, False),
        *(("race", f"group_{letter}", order, False) for order, letter in enumerate("abcdef")),
        ("race", "declined", 90, True),
        *(("race_by_poverty", f"group_{letter}", order, False) for order, letter in enumerate("abcdef")),
        ("race_by_poverty", "declined", 90, True),
        ("language", "english", 1, False),
        ("language", "spanish", 2, False),
        ("language", "not_recorded", 90, True),
        ("poverty", "q1", 1, False),
        ("poverty", "q5", 5, False),
        ("poverty", "no_address", 90, True),
    ],
    columns=["stratifier", "stratum", "sort_order", "is_missing"],
)
_COUNTS = ("n_patients", "numerator", "denominator", "sum_yy", "sum_yd", "sum_dd")


def stratum(name: str, numerator: int, denominator: int, **given: Any) -> dict[str, Any]:
    """One row of fct_measure_stratum; what is not given follows from the counts.

    Events are spread over patients as evenly as whole numbers go, so that none has two before all have one; a patient
    of a rate has twelve months where the denominator allows it, else one.
    """
    measure = given.get("measure_id", "above")
    is_rate = measure in ("visits", "checks", "days")
    is_mean = measure == "average"
    months = 12 if is_rate and denominator % 12 == 0 else 1
    patients = given.pop("n_patients", denominator // months)
    each, over = divmod(numerator, patients) if patients else (0, 0)
    squares = each**2 * (patients - over) + (each + 1) ** 2 * over
    row = {
        "measure_id": measure,
        "grain": "year",
        "period_starts_on": pd.Timestamp("2025-01-01"),
        "site": "all",
        "stratifier": "race",
        "stratum": name,
        "stratifier_2": "",
        "stratum_2": "",
        "n_patients": patients,
        "numerator": numerator,
        "denominator": denominator,
        "sum_yy": squares + (100 * denominator if is_mean else 0),
        "sum_yd": numerator * months,
        "sum_dd": denominator * months,
    }
    return {**row, **given}


def strata_frame(*rows: dict[str, Any]) -> pd.DataFrame:
    """The rows as fct_measure_stratum, not yet protected; with column types also when there are none."""
    columns = list(stratum("group_a", 1, 2))
    frame = pd.DataFrame(list(rows), columns=None if rows else columns)
    frame["period_starts_on"] = pd.to_datetime(frame["period_starts_on"])
    return frame.astype({column: "int64" for column in _COUNTS}) if not rows else frame


def published(*rows: dict[str, Any]) -> pd.DataFrame:
    """The rows as after disclosure control that found nothing small and a gate that let all through."""
    frame = strata_frame(*rows)
    return frame.assign(
        disclosure_status="published", quality_status="publish", period_ends_on=pd.Timestamp("2025-12-31")
    )


def withheld(row: dict[str, Any], status: str = "suppressed", quality: str = "publish") -> dict[str, Any]:
    """The row without counts."""
    return {**row, **dict.fromkeys(_COUNTS, pd.NA), "disclosure_status": status, "quality_status": quality}


def array(*values: float) -> np.ndarray:
    """The values as float64."""
    return np.array(values, dtype=np.float64)
