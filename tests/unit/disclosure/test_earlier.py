"""Two releases are not to be subtracted: what moved by few since any earlier one is hidden, with what gives it away."""

from __future__ import annotations

import pandas as pd
import pytest

from orchestration.disclosure.earlier import KEY, rows_that_differ_by_few, vintages_of
from orchestration.disclosure.suppression import suppress

PERIOD = pd.Timestamp("2025-07-01")
MEASURES = pd.DataFrame(
    [("share", "proportion", "patients"), ("visits", "rate", "patient_months"), ("average", "mean", "patients")],
    columns=["measure_id", "kind", "denominator_unit"],
)
STRATIFIERS = pd.DataFrame(
    {"stratifier": ["overall", "sex"], "is_exclusive": True, "is_crossing": False, "is_lasting": True}
)
PERIODS = pd.DataFrame(
    {"grain": ["year"], "period_starts_on": [PERIOD], "period_ends_on": [pd.Timestamp("2026-06-30")]}
)
MEMBERS = pd.DataFrame(columns=["dimension", "stratifier", "stratum", "code"])


def rows(*counts: tuple[str, str, int, int, int], measure: str = "share") -> pd.DataFrame:
    """One year of all sites: stratifier, stratum, n_patients, numerator, denominator."""
    frame = pd.DataFrame(counts, columns=["stratifier", "stratum", "n_patients", "numerator", "denominator"])
    return frame.assign(
        measure_id=measure, grain="year", period_starts_on=PERIOD, site="all", stratifier_2="", stratum_2="", sum_yy=0
    )


def protected(now: pd.DataFrame, shown: pd.DataFrame | None) -> pd.Series:
    result = suppress(now, MEASURES, STRATIFIERS, PERIODS, MEMBERS, 11, shown=shown)
    return result.set_index("stratum")["disclosure_status"]


BEFORE = rows(("overall", "all", 600, 300, 600), ("sex", "F", 300, 150, 300), ("sex", "M", 300, 150, 300))
AS_READ = BEFORE.assign(period_starts_on=PERIOD.date(), stratifier_2=None, stratum_2=None)


def test_nothing_is_hidden_where_nothing_moved_or_much_did() -> None:
    assert protected(BEFORE, AS_READ).eq("published").all()
    much = rows(("overall", "all", 640, 320, 640), ("sex", "F", 320, 150, 320), ("sex", "M", 320, 170, 320))
    assert protected(much, AS_READ).eq("published").all()
    assert protected(much, None).eq("published").all()


def test_a_count_that_moved_by_few_is_hidden_and_so_is_what_gives_it_away() -> None:
    late = rows(("overall", "all", 620, 303, 620), ("sex", "F", 320, 153, 320), ("sex", "M", 300, 150, 300))
    assert protected(late, None).eq("published").all()
    assert protected(late, AS_READ).to_dict() == {"all": "suppressed", "F": "suppressed", "M": "published"}
    # everybody grew by 20, and the two groups by 17 and 3: either of them gives the other away
    apart = rows(("overall", "all", 640, 320, 640), ("sex", "F", 337, 167, 337), ("sex", "M", 303, 153, 303))
    assert protected(apart, AS_READ)[["F", "M"]].eq("suppressed").all()


@pytest.mark.parametrize(
    ("measure", "now", "found"),
    [
        ("share", (600, 300, 600), False),
        ("share", (600, 301, 600), True),
        ("share", (600, 310, 600), True),
        ("share", (600, 311, 600), False),
        ("share", (620, 300, 620), False),
        ("share", (620, 315, 620), True),  # 5 more without the outcome
        ("share", (620, 300, 615), True),  # 5 more who are not in the denominator
        ("share", (599, 300, 585), True),
        ("visits", (600, 303, 600), True),
        ("visits", (600, 300, 603), False),  # person-time is no count of children
        ("average", (600, 303, 600), False),  # nor is a sum of values
        ("average", (603, 300, 600), True),
    ],
)
def test_each_kind_of_count(measure: str, now: tuple[int, int, int], found: bool) -> None:
    before = rows(("overall", "all", 600, 300, 600), measure=measure)
    strata = rows(("overall", "all", *now), measure=measure)
    vintages = vintages_of(strata, before)
    assert rows_that_differ_by_few(strata, MEASURES, vintages, 11).tolist() == [found]


def test_every_version_that_was_ever_shown_counts() -> None:
    older = rows(("overall", "all", 560, 280, 560))
    now = rows(("overall", "all", 565, 280, 565))
    shown = pd.concat([BEFORE.head(1), older], ignore_index=True)
    vintages = vintages_of(now, shown)
    assert [one["n_patients"].tolist() for one in vintages] == [[600.0], [560.0]]
    assert rows_that_differ_by_few(now, MEASURES, vintages, 11).tolist() == [True]
    assert rows_that_differ_by_few(now, MEASURES, vintages[:1], 11).tolist() == [False]


def test_what_was_not_shown_is_not_compared() -> None:
    other = BEFORE.assign(site="SITE-01")
    vintages = vintages_of(BEFORE, other)
    assert all(one.isna().all(axis=None) for one in vintages)
    assert vintages_of(BEFORE, other.head(0)) == ()
    assert set(KEY) <= set(BEFORE.columns)
