"""Vocabularies of an invented warehouse: measures, stratifiers, groups, clinics, periods, and what was planted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A measure with the level planted for the best-off (a share, tenths, or events a year) and how far others are."""

    measure_id: str
    title: str
    description: str
    kind: str
    family: str
    direction: str
    unit: str
    multiplier: float
    counts_what: str
    denominator_unit: str
    untested_convention: str
    level: float
    spread: float


_TESTED = "tested_only"
_PER_100, _PER_1000 = "per 100 patient-years", "per 1,000 patient-years"
# Rates count patient-months.
MEASURES = (
    Measure(
        "hba1c_above_9", "HbA1c above 9 %",
        "Children whose latest HbA1c says that the care around them has not yet brought glucose into a safe range.",
        "proportion", "outcome", "lower_is_better", "%", 100.0, "patients", "patients", _TESTED, 0.24, 1.0,
    ),
    Measure(
        "hba1c_above_9_or_untested", "HbA1c above 9 % or not tested",
        "The same, with children whom the system did not reach for a test counted as not yet supported.",
        "proportion", "outcome", "lower_is_better", "%", 100.0, "patients", "patients", "untested_not_met", 0.31, 0.8,
    ),
    Measure(
        "hba1c_below_7", "HbA1c below 7 %",
        "Children who, with their families and clinics, reach the target that lowers the risk of later harm.",
        "proportion", "outcome", "higher_is_better", "%", 100.0, "patients", "patients", _TESTED, 0.31, -0.9,
    ),
    Measure(
        "hba1c_mean", "Mean HbA1c", "Average of the children's latest HbA1c results.",
        "mean", "outcome", "lower_is_better", "% HbA1c", 0.1, "sum of tenths", "patients", _TESTED, 81.0, 0.09,
    ),
    Measure(
        "hba1c_tested", "HbA1c tested", "Children whom the clinic reached with at least one HbA1c test in the period.",
        "proportion", "process", "higher_is_better", "%", 100.0, "patients", "patients", "", 0.93, -0.12,
    ),
    Measure(
        "ed_visits", "Emergency visits", "Visits that better access to everyday care could have made unnecessary.",
        "rate", "outcome", "lower_is_better", _PER_100, 1200.0, "events", "patient_months", "", 0.28, 1.4,
    ),
    Measure(
        "dka_admissions", "Admissions for ketoacidosis",
        "Hospital stays for diabetic ketoacidosis after the diagnosis is known; most can be prevented with support.",
        "rate", "outcome", "lower_is_better", _PER_100, 1200.0, "events", "patient_months", "", 0.05, 1.9,
    ),
    Measure(
        "bed_days", "Days in hospital", "Days that children spent in hospital instead of at home and at school.",
        "rate", "outcome", "lower_is_better", _PER_1000, 12000.0, "days", "patient_months", "", 0.31, 1.5,
    ),
    Measure(
        "clinic_visits", "Diabetes clinic visits", "Planned visits to the clinic, four a year when all goes well.",
        "rate", "process", "higher_is_better", "per patient-year", 12.0, "events", "patient_months", "", 3.6, -0.2,
    ),
    Measure(
        "severe_hypoglycaemia", "Severe low blood glucose",
        "Watched beside the others, so that lower glucose is not bought with dangerous lows.",
        "rate", "balancing", "lower_is_better", _PER_100, 1200.0, "events", "patient_months", "", 0.035, 0.3,
    ),
)  # fmt: skip

_EXCLUSIVE = {"race_omb2024_aoic": False}
# id, label, kind, ordered, quality field
STRATIFIERS = (
    ("overall", "Everyone", "overall", False, ""),
    ("race_omb2024_aoic", "Race and ethnicity, alone or in combination", "person", False, "race_ethnicity"),
    ("race_omb2024_multi", "Race and ethnicity, multiracial combined", "person", False, "race_ethnicity"),
    ("race_omb1997_hispanic_first", "Race and ethnicity, 1997 standard", "person", False, "race_ethnicity"),
    ("language", "Preferred language", "person", False, "language"),
    ("sex", "Sex", "person", False, "sex"),
    ("age_band", "Age", "person", True, "birth_date"),
    ("payer", "Insurance", "person", False, "payer"),
    ("poverty_quintile", "Neighborhood poverty", "area", True, "address"),
    ("race_by_poverty", "Race and ethnicity by neighborhood poverty", "person", False, "race_ethnicity"),
)

# stratum, label, share of children, how much of the measure's spread the group bears, missing reason
_RACE = (
    ("AIAN", "American Indian or Alaska Native", 0.012, 0.7, ""),
    ("ASIAN", "Asian", 0.045, 0.1, ""),
    ("BLACK", "Black or African American", 0.27, 1.0, ""),
    ("HISP", "Hispanic or Latino", 0.11, 0.6, ""),
    ("MENA", "Middle Eastern or North African", 0.02, 0.2, ""),
    ("MULTI", "Multiracial or multiethnic", 0.06, 0.5, ""),
    ("NHPI", "Native Hawaiian or Pacific Islander", 0.003, 0.8, ""),
    ("WHITE", "White", 0.41, 0.0, ""),
    ("declined", "Chose not to answer", 0.03, 0.3, "declined"),
    ("not_asked", "Not asked", 0.04, 0.5, "not_asked"),
)
GROUPS: dict[str, tuple[tuple[str, str, float, float, str], ...]] = {
    "overall": (("all", "Everyone", 1.0, 0.42, ""),),
    "race_omb2024_aoic": tuple(group for group in _RACE if group[0] != "MULTI"),
    "race_omb2024_multi": _RACE,
    "race_omb1997_hispanic_first": tuple(group for group in _RACE if group[0] != "MENA"),
    "language": (
        ("arabic", "Arabic", 0.015, 0.5, ""),
        ("english", "English", 0.86, 0.4, ""),
        ("somali", "Somali", 0.008, 0.9, ""),
        ("spanish", "Spanish", 0.09, 0.6, ""),
        ("another_language", "Another language", 0.017, 0.5, ""),
        ("not_recorded", "Language not recorded", 0.01, 0.5, "not_recorded"),
    ),
    "sex": (
        ("female", "Female", 0.48, 0.44, ""),
        ("male", "Male", 0.52, 0.4, ""),
        ("x", "X or another sex", 0.0, 0.4, ""),
    ),
    "age_band": (
        ("age_00_05", "0 to 5 years", 0.09, 0.1, ""),
        ("age_06_11", "6 to 11 years", 0.3, 0.3, ""),
        ("age_12_17", "12 to 17 years", 0.44, 0.6, ""),
        ("age_18_20", "18 to 20 years", 0.17, 0.7, ""),
    ),
    "payer": (
        ("commercial", "Commercial or private", 0.52, 0.15, ""),
        ("public", "Medicaid or CHIP", 0.44, 0.75, ""),
        ("uninsured", "Uninsured or self-pay", 0.04, 0.8, ""),
    ),
    "poverty_quintile": (
        ("q1", "Lowest-poverty fifth", 0.19, 0.0, ""),
        ("q2", "Second fifth", 0.19, 0.2, ""),
        ("q3", "Middle fifth", 0.2, 0.4, ""),
        ("q4", "Fourth fifth", 0.2, 0.7, ""),
        ("q5", "Highest-poverty fifth", 0.2, 1.0, ""),
        ("no_address", "No usable address", 0.02, 0.5, "no_address"),
    ),
}
HOSTILE_LABELS = {
    ("language", "arabic"): "<script>alert('group')</script>",
    ("language", "somali"): "\u202eRight to left\u202c \U0001f9ea",
    ("payer", "uninsured"): '=HYPERLINK("https://example.org","pay")',
    ("payer", "public"): "Very long name of an insurance program " * 8,
}

# site, label, share, order
SITES = (
    ("all", "All sites", 1.0, 0),
    ("north", "North clinic", 0.4, 1),
    ("river", "River clinic", 0.32, 2),
    ("south", "South clinic", 0.2, 3),
    ("west", "West clinic", 0.08, 4),
)
HOSTILE_SITE = ("west", '@SUM(A1:A9) & "West" <b>clinic</b>')


def is_exclusive(stratifier: str) -> bool:
    """False where a child may count in several groups."""
    return _EXCLUSIVE.get(stratifier, True)


@dataclass(frozen=True)
class Period:
    """One period with its place in time; `index` 0 is the earliest of its grain."""

    grain: str
    starts_on: dt.date
    ends_on: dt.date
    label: str
    index: int


def _first(months_after_start: int) -> dt.date:
    month = 2023 * 12 + 6 + months_after_start  # July 2023
    return dt.date(month // 12, month % 12 + 1, 1)


def periods(grains: tuple[str, ...]) -> list[Period]:
    """Whole periods from July 2023 to June 2026."""
    found = []
    for grain, months in (("year", 12), ("quarter", 3), ("month", 1)):
        for index in range(36 // months if grain in grains else 0):
            starts_on = _first(index * months)
            ends_on = _first((index + 1) * months) - dt.timedelta(days=1)
            label = starts_on.strftime("%b %Y") if months == 1 else f"{starts_on:%b %Y} to {ends_on:%b %Y}"
            found.append(Period(grain, starts_on, ends_on, label, index))
    return found
