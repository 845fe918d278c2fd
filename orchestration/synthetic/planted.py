"""What is planted in a generated registry: every rate, gap, change and gap in the records, in one place.

A gap between groups of children is planted as a property of the systems around them: how easily a clinic is reached,
what insurance pays for, how a place is supplied, who is asked and how. Race stands here for how those systems treat
children, never for anything in the children.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SITES = ("site_a", "site_b", "site_c", "site_d", "site_e", "site_f", "site_g")
STATEMENT = (
    "All children here are invented. The planted differences between groups stand for differences in how systems"
    " (access to clinics and technology, insurance, neighborhood supply, racism in care) treat children;"
    " race is a social construct and is not a cause by itself."
)

Groups = Mapping[str, float]


def _per_group(**values: float) -> Groups:
    return dict.fromkeys(("AIAN", "ASIAN", "BLACK", "HISP", "MENA", "NHPI", "OTHER", "WHITE"), 1.0) | values


@dataclass(frozen=True)
class EventRate:
    """How often one kind of encounter happens.

    `per_year`: events per child and year where every factor below is 1. `by_race`: factor per group (of several groups
    the one farthest from 1 counts). `by_poverty`: factor per fifth of the county's children by neighborhood poverty,
    lowest poverty first. `with_hba1c`: how strongly the rate follows the child's own long-term HbA1c level.
    `mean_days`: mean length of a stay in days (inpatient only).
    """

    per_year: float
    by_race: Groups = field(default_factory=_per_group)
    by_poverty: tuple[float, float, float, float, float] = (1.0, 1.0, 1.0, 1.0, 1.0)
    with_hba1c: float = 0.0
    mean_days: float = 0.0


def _default_events() -> Mapping[str, EventRate]:
    ed = _per_group(AIAN=1.3, BLACK=1.45, HISP=1.25, NHPI=1.25)
    clinic = _per_group(AIAN=0.93, BLACK=0.9, HISP=0.93, NHPI=0.93)
    dka = _per_group(AIAN=1.5, BLACK=1.9, HISP=1.4, NHPI=1.4)
    stay = _per_group(AIAN=1.15, BLACK=1.3, HISP=1.15, NHPI=1.15)
    ed_poverty, dka_poverty = (0.8, 0.9, 1.0, 1.15, 1.35), (0.7, 0.85, 1.0, 1.25, 1.6)
    clinic_poverty = (1.05, 1.03, 1.0, 0.96, 0.9)
    return {
        "clinic": EventRate(3.5, clinic, clinic_poverty),
        "primary_care": EventRate(2.35, clinic, clinic_poverty),
        "other_outpatient": EventRate(1.8, clinic, clinic_poverty),
        "ed_other": EventRate(0.23, ed, ed_poverty),
        "ed_hyperglycaemia": EventRate(0.06, ed, ed_poverty, 1.2),
        "ed_dka": EventRate(0.010, ed, ed_poverty, 1.6),
        "ed_hypoglycaemia": EventRate(0.0255, ed, ed_poverty),
        "inpatient_dka": EventRate(0.054, dka, dka_poverty, 1.6, 2.6),
        "inpatient_hypoglycaemia": EventRate(0.007, stay, ed_poverty, 0.0, 1.5),
        "inpatient_other": EventRate(0.018, stay, ed_poverty, 0.0, 3.5),
    }


@dataclass(frozen=True)
class Planted:
    """All planted parameters. HbA1c in % is 4 + exp(x); the HbA1c effects below are added to x.

    With a standard deviation of about 0.37 in x, an effect of 0.1 moves the share above 9 % by about 9 points.
    """

    # Who: invented county, its children, how they come and go.
    race_shares: Groups = field(
        default_factory=lambda: {
            "aian": 0.008,
            "asian": 0.05,
            "black": 0.25,
            "hispanic": 0.15,
            "multiple": 0.06,
            "nhpi": 0.004,
            "white": 0.478,
        }
    )
    site_shares: tuple[float, ...] = (0.21, 0.16, 0.14, 0.12, 0.13, 0.14, 0.10)
    prevalent_share: float = 0.50
    newly_diagnosed_share: float = 0.22
    presymptomatic_share: float = 0.012
    moves_per_year: float = 0.06
    leaving_per_year: float = 0.035
    deaths_per_year: float = 0.0008

    # Outcomes.
    events: Mapping[str, EventRate] = field(default_factory=_default_events)
    hba1c_base: float = 1.365
    hba1c_by_race: Groups = field(
        default_factory=lambda: _per_group(
            AIAN=0.08, ASIAN=0.0, BLACK=0.130, HISP=0.075, MENA=0.0, NHPI=0.08, OTHER=0.0, WHITE=0.0
        )
    )
    hba1c_by_poverty: tuple[float, float, float, float, float] = (-0.05, -0.025, 0.0, 0.03, 0.07)
    hba1c_by_age: tuple[float, float, float, float] = (-0.03, -0.04, 0.05, 0.06)
    hba1c_newly_diagnosed: float = 0.45
    hba1c_first_year: float = -0.10
    hba1c_between_children: float = 0.30
    hba1c_within_child: float = 0.20
    hba1c_tested_at_visit: float = 0.95
    hba1c_other_tests_per_year: float = 0.70
    share_mmol_mol: float = 0.08
    dka_at_diagnosis: float = 0.42
    dka_at_diagnosis_by_race: Groups = field(default_factory=lambda: _per_group(BLACK=1.25, HISP=1.2))
    admitted_at_diagnosis: float = 0.25
    days_at_diagnosis: float = 2.4

    # The change test: the gap of Black children in HbA1c narrows at these sites.
    change_sites: tuple[str, ...] = ("site_a", "site_b", "site_c", "site_d")
    change_month: int = 18
    change_ramp_months: int = 6
    change_reduction: float = 0.95

    # Race capture.
    not_asked: float = 0.010
    asked_unknown: float = 0.015
    declined: float = 0.015
    unmapped: float = 0.003
    conflict: float = 0.010
    survey_share: float = 0.35
    decay_site: str | None = "site_e"
    decay_month: int = 18
    decay_ramp_months: int = 6
    decay_from: float = 0.30
    decay_to: float = 0.95
    default_site: str | None = "site_f"
    default_month: int = 20
    default_share: float = 0.96

    # Other records.
    no_address: float = 0.010
    outside_county: float = 0.012
    no_language: float = 0.025
    no_coverage: float = 0.015
    coverage_changes_per_year: float = 0.12
    late_result_share: float = 0.04
    fault_share: float = 0.0003
