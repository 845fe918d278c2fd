"""A change of a gap, split by side: who moved, levelling down, and when nothing can be said."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.statistics.changes import COLUMNS, NUMBERS, compute_changes
from orchestration.statistics.estimates import add_estimates
from orchestration.statistics.gaps import compute_gaps
from tests.support.strata_frames import LABELS, MEASURES, STRATIFIERS, published, stratum, withheld

YEARS = (pd.Timestamp("2024-01-01"), pd.Timestamp("2025-01-01"))
NAMED = STRATIFIERS.assign(
    reference_rule=STRATIFIERS["reference_rule"].where(STRATIFIERS["stratifier"].ne("race"), "named:group_a")
)


def periods(*, is_complete: bool = True) -> pd.DataFrame:
    ends = [year + pd.Timedelta(days=364) for year in YEARS]
    complete = [True, is_complete]
    return pd.DataFrame({"grain": "year", "period_starts_on": YEARS, "period_ends_on": ends, "is_complete": complete})


def changes(*rows: dict[str, Any], stratifiers: pd.DataFrame = NAMED, is_complete: bool = True) -> pd.DataFrame:
    frame = published(*rows)
    for column in ("disclosure_status", "quality_status"):
        frame[column] = [row.get(column, frame[column].iloc[0]) for row in rows]
    strata = add_estimates(frame, MEASURES, 0.95, keep_sums=True)
    gaps = compute_gaps(strata, MEASURES, stratifiers, LABELS, 0.95)
    return compute_changes(strata, gaps, MEASURES, periods(is_complete=is_complete))


def two_years(reference: tuple[int, int], group: tuple[int, int], n: int = 1000, **given: Any) -> list[dict[str, Any]]:
    return [
        stratum(name, counts[i], n, period_starts_on=YEARS[i], **given)
        for name, counts in (("group_a", reference), ("group_b", group))
        for i in (0, 1)
    ]


@pytest.mark.parametrize(
    ("reference", "group", "parts", "verdict", "levelling"),
    [
        ((200, 200), (400, 300), (-10, 0), "narrowed", "no"),
        ((200, 300), (400, 400), (0, -10), "narrowed", "yes"),
        ((200, 250), (400, 350), (-5, -5), "narrowed", "yes"),
        ((200, 200), (300, 400), (10, 0), "widened", "no"),
        ((200, 100), (400, 400), (0, 10), "widened", "no"),
        ((200, 205), (400, 395), (-0.5, -0.5), "unclear", "no"),
        ((200, 250), (400, 420), (2, -5), "unclear", "possible"),  # the reference certainly got worse
        ((300, 400), (200, 200), (0, -10), "widened", "no"),  # the group was never worse off
        ((400, 300), (200, 200), (0, 10), "narrowed", "no"),
        ((200, 200), (400, 100), (-30, 0), "turned around", "no"),
        ((400, 200), (200, 400), (20, 20), "turned around", "no"),
    ],
)
def test_who_moved(
    reference: tuple[int, int], group: tuple[int, int], parts: tuple[float, float], verdict: str, levelling: str
) -> None:
    found = changes(*two_years(reference, group))
    assert tuple(found.columns) == COLUMNS
    row = found.iloc[0]
    assert row[["group_part", "reference_part"]].tolist() == pytest.approx(parts)
    assert (row["change_verdict"], row["levelling_down"]) == (verdict, levelling)
    assert row["difference_change"] == pytest.approx(sum(parts))
    assert row["baseline_starts_on"] == YEARS[0]
    assert row["change_method"]


def test_levelling_down_is_possible_where_half_of_a_certain_narrowing_came_from_the_reference() -> None:
    row = changes(*two_years((200, 220), (400, 380), n=600)).iloc[0]
    assert (row["change_verdict"], row["levelling_down"]) == ("unclear", "no")
    row = changes(*two_years((2000, 2090), (4000, 3910), n=10_000)).iloc[0]
    assert (row["change_verdict"], row["levelling_down"]) == ("narrowed", "possible")


def test_where_higher_is_better_the_same_children_give_the_same_parts() -> None:
    above = changes(*two_years((200, 300), (400, 350)))
    below = changes(*two_years((800, 700), (600, 650), measure_id="below"))
    for name in NUMBERS:
        assert above[name].iloc[0] == pytest.approx(below[name].iloc[0], abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(*(st.tuples(st.integers(50, 450), st.integers(50, 450)) for _ in range(2)))
def test_parts_add_up_and_intervals_contain_the_change(reference: tuple[int, int], group: tuple[int, int]) -> None:
    row = changes(*two_years(reference, group, n=500)).iloc[0]
    assert row["group_part"] + row["reference_part"] == pytest.approx(row["difference_change"], abs=1e-9)
    assert row["difference"] - row["difference_before"] == pytest.approx(row["difference_change"], abs=1e-9)
    assert row["difference_change_low"] <= row["difference_change"] <= row["difference_change_high"]
    assert row["reference_part_low"] <= row["reference_part"] <= row["reference_part_high"]


def test_what_is_withheld_or_not_there_has_no_change() -> None:
    rows = two_years((200, 200), (400, 300))
    rows[2] = withheld(rows[2])
    assert changes(*rows)["disclosure_status"].tolist() == ["suppressed"]
    assert changes(*rows)[list(NUMBERS)].isna().all().all()
    rows[2] = withheld(rows[2], "not_assessed", "hold")
    held = changes(*rows).iloc[0]
    assert (held["disclosure_status"], held["quality_status"]) == ("not_assessed", "hold")
    other = [stratum("group_c", 300, 1000, period_starts_on=year) for year in YEARS]
    without = changes(rows[0], rows[1], rows[3], *other).set_index("stratum")
    assert without["disclosure_status"].to_dict() == {"group_b": "not_assessed", "group_c": "published"}
    assert pd.isna(without.loc["group_b", "change_verdict"])


def test_an_unfinished_year_is_not_compared() -> None:
    assert changes(*two_years((200, 200), (400, 300)), is_complete=False).empty


def test_against_everyone() -> None:
    rows = two_years((200, 200), (400, 300))
    rows += [stratum("all", 300, 1000, stratifier="overall", period_starts_on=year) for year in YEARS]
    found = changes(*rows, stratifiers=STRATIFIERS.assign(reference_rule="overall")).set_index("stratum")
    assert found.loc["group_b", ["group_part", "reference_part"]].tolist() == pytest.approx([-10, 0])
