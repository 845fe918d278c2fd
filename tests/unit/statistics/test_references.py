"""Reference rules: who is compared with whom, frozen at the baseline, never a missing reason, never switched."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from orchestration.errors import StatisticsError
from orchestration.statistics.estimates import add_estimates
from orchestration.statistics.gaps import compute_gaps
from tests.support.strata_frames import LABELS, MEASURES, STRATIFIERS, published, stratum, withheld

PERIODS = {"grain": "year", "period_starts_on": pd.Timestamp("2024-01-01")}
LATER = {"grain": "year", "period_starts_on": pd.Timestamp("2025-01-01")}
QUARTER = {"grain": "quarter", "period_starts_on": pd.Timestamp("2025-04-01")}


def _gaps(*rows: dict[str, Any], rule: str = "best", periods: pd.DataFrame | None = None) -> pd.DataFrame:
    stratifiers = STRATIFIERS.assign(
        reference_rule=STRATIFIERS["reference_rule"].mask(STRATIFIERS["reference_rule"].eq("best"), rule)
    )
    frame = published(
        *[{key: row[key] for key in row if key not in ("disclosure_status", "quality_status")} for row in rows]
    )
    for column in ("disclosure_status", "quality_status"):
        frame[column] = [row.get(column, frame[column].iloc[place]) for place, row in enumerate(rows)]
    estimated = add_estimates(frame, MEASURES, 0.95, keep_sums=True)
    return compute_gaps(estimated, MEASURES, stratifiers, LABELS, 0.95, periods=periods)


def _references(gaps: pd.DataFrame) -> dict[str, str]:
    return dict(zip(gaps["stratum"], gaps["reference_stratum"], strict=True))


def test_best_is_the_lowest_where_lower_is_better() -> None:
    gaps = _gaps(stratum("group_a", 60, 200), stratum("group_b", 40, 200), stratum("group_c", 80, 200))
    assert _references(gaps) == {"group_a": "group_b", "group_c": "group_b"}
    assert gaps["reference_rule"].unique().tolist() == ["best"]


def test_best_is_the_highest_where_higher_is_better() -> None:
    rows = [stratum(name, x, 200, measure_id="below") for name, x in (("group_a", 60), ("group_b", 40))]
    assert _references(_gaps(*rows)) == {"group_b": "group_a"}


def test_unreliable_suppressed_and_missing_groups_are_no_reference() -> None:
    gaps = _gaps(
        stratum("group_a", 60, 200),
        stratum("group_b", 3, 25),
        withheld(stratum("group_c", 1, 200)),
        stratum("declined", 20, 200),
        stratum("group_d", 50, 200),
    )
    assert _references(gaps) == {"group_a": "group_d", "group_b": "group_d", "group_c": "group_d"}


def test_reference_is_frozen_when_another_group_becomes_best() -> None:
    first = [stratum("group_a", 60, 200, **PERIODS), stratum("group_b", 40, 200, **PERIODS)]
    later = [stratum("group_a", 20, 200, **LATER), stratum("group_b", 40, 200, **LATER)]
    gaps = _gaps(*first, *later)
    assert gaps["reference_stratum"].tolist() == ["group_b", "group_b"]
    assert (gaps["difference"] > 0).tolist() == [True, False]


def test_reference_of_a_quarter_is_that_of_the_first_year() -> None:
    rows = [stratum("group_a", 60, 200, **PERIODS), stratum("group_b", 40, 200, **PERIODS)]
    rows += [stratum("group_a", 20, 200, **QUARTER), stratum("group_b", 40, 200, **QUARTER)]
    earlier_quarter = {"grain": "quarter", "period_starts_on": pd.Timestamp("2023-10-01")}
    rows += [stratum("group_a", 20, 200, **earlier_quarter), stratum("group_b", 40, 200, **earlier_quarter)]
    assert _gaps(*rows)["reference_stratum"].unique().tolist() == ["group_b"]


def test_incomplete_first_year_is_no_baseline() -> None:
    rows = [stratum("group_a", 60, 200, **PERIODS), stratum("group_b", 40, 200, **PERIODS)]
    rows += [stratum("group_a", 20, 200, **LATER), stratum("group_b", 40, 200, **LATER)]
    periods = pd.DataFrame([{**PERIODS, "is_complete": False}, {**LATER, "is_complete": True}])
    assert _gaps(*rows, periods=periods)["reference_stratum"].unique().tolist() == ["group_a"]
    nothing = _gaps(*rows, periods=periods.assign(is_complete=False))
    assert nothing["reference_stratum"].isna().all()
    assert nothing["disclosure_status"].unique().tolist() == ["not_assessed"]
    assert nothing["difference"].isna().all()


def test_frozen_reference_that_is_suppressed_later_is_not_replaced() -> None:
    first = [stratum(name, x, 200, **PERIODS) for name, x in (("group_a", 60), ("group_b", 40), ("group_c", 50))]
    later = [stratum(name, x, 200, **LATER) for name, x in (("group_a", 60), ("group_c", 50))]
    gaps = _gaps(*first, *later, withheld(stratum("group_b", 5, 200, **LATER)))
    found = gaps[gaps["period_starts_on"].eq(LATER["period_starts_on"])]
    assert _references(found) == {"group_a": "group_b", "group_c": "group_b"}
    assert found["disclosure_status"].tolist() == ["suppressed", "suppressed"]
    assert found[["difference", "ratio", "p_value", "excess"]].isna().all(axis=None)


def test_frozen_reference_without_a_row_is_not_replaced_either() -> None:
    first = [stratum("group_a", 60, 200, **PERIODS), stratum("group_b", 40, 200, **PERIODS)]
    gaps = _gaps(*first, stratum("group_a", 60, 200, **LATER))
    later = gaps.iloc[-1]
    assert (later["reference_stratum"], later["disclosure_status"]) == ("group_b", "not_assessed")
    assert pd.isna(later["difference"])


def test_site_chooses_its_own_reference_and_small_sites_take_that_of_all() -> None:
    rows = [stratum("group_a", 60, 200), stratum("group_b", 40, 200)]
    rows += [stratum("group_a", 40, 100, site="north"), stratum("group_b", 60, 100, site="north")]
    rows += [stratum("group_a", 12, 25, site="south"), stratum("group_b", 13, 25, site="south")]
    gaps = _gaps(*rows)
    assert dict(zip(gaps["site"], gaps["reference_stratum"], strict=True)) == {
        "all": "group_b", "north": "group_a", "south": "group_b"
    }  # fmt: skip


def test_site_that_grows_reliable_later_keeps_the_reference_of_all() -> None:
    """Else each run, with more months, could find it another reference."""
    rows = [stratum("group_a", 60, 200, **PERIODS), stratum("group_b", 40, 200, **PERIODS)]
    rows += [stratum("group_a", 12, 25, site="south", **PERIODS), stratum("group_b", 13, 25, site="south", **PERIODS)]
    rows += [stratum("group_a", 40, 200, site="south", **LATER), stratum("group_b", 60, 200, site="south", **LATER)]
    gaps = _gaps(*rows)
    assert gaps.loc[gaps["site"].eq("south"), "reference_stratum"].tolist() == ["group_b", "group_b"]


def test_all_sites_wait_for_the_first_period_with_a_reliable_group() -> None:
    first = [stratum("group_a", 12, 25, **PERIODS), stratum("group_b", 13, 25, **PERIODS)]
    later = [stratum("group_a", 60, 200, **LATER), stratum("group_b", 40, 200, **LATER)]
    assert _gaps(*first, *later)["reference_stratum"].unique().tolist() == ["group_b"]


def test_no_reliable_group_means_no_reference_and_says_so() -> None:
    gaps = _gaps(stratum("group_a", 12, 25), stratum("group_b", 13, 25))
    assert len(gaps) == 2
    assert gaps["reference_stratum"].isna().all()
    assert gaps["disclosure_status"].tolist() == ["not_assessed", "not_assessed"]
    assert gaps["reliability_status"].tolist() == ["not_assessed", "not_assessed"]
    assert gaps["difference"].isna().all() and gaps["difference_method"].isna().all()


def test_ties_go_to_the_first_in_order_of_presentation() -> None:
    rows = [stratum(name, 40, 200) for name in ("group_c", "group_a", "group_b")]
    for order in (rows, rows[::-1]):
        assert set(_gaps(*order)["reference_stratum"]) == {"group_a"}


def test_overall_is_everyone_at_the_site_in_the_period() -> None:
    rows = [stratum("group_a", 60, 200), stratum("group_b", 40, 200), stratum("all", 100, 400, stratifier="overall")]
    gaps = _gaps(*rows, rule="overall")
    assert _references(gaps) == {"group_a": "all", "group_b": "all"}
    assert gaps["difference"].tolist() == pytest.approx([5.0, -5.0])


def test_overall_without_its_row_has_no_gap() -> None:
    gaps = _gaps(stratum("group_a", 60, 200), rule="overall")
    assert gaps["disclosure_status"].tolist() == ["not_assessed"]


def test_largest_is_frozen_like_best() -> None:
    first = [stratum("group_a", 60, 200, **PERIODS), stratum("group_b", 90, 300, **PERIODS)]
    later = [stratum("group_a", 60, 400, **LATER), stratum("group_b", 90, 300, **LATER)]
    assert set(_gaps(*first, *later, rule="largest")["reference_stratum"]) == {"group_b"}


def test_named_reference() -> None:
    rows = [stratum("group_a", 60, 200), stratum("group_b", 40, 200)]
    assert _references(_gaps(*rows, rule="named:group_a")) == {"group_b": "group_a"}


@pytest.mark.parametrize("rule", ["named:group_f", "named:group_a/q1"])
def test_named_reference_that_nobody_is_in_gives_no_gap(rule: str) -> None:
    gaps = _gaps(stratum("group_a", 60, 200), stratum("group_b", 40, 200), rule=rule)
    assert gaps["disclosure_status"].tolist() == ["not_assessed", "not_assessed"]


@pytest.mark.parametrize(
    "rule", ["named:nobody", "named:q1", "named:group_a/declined", "named:declined", "named:", "worst"]
)
def test_rule_that_cannot_be_followed_is_refused(rule: str) -> None:
    with pytest.raises(StatisticsError, match=rule):
        _gaps(stratum("group_a", 60, 200), stratum("declined", 40, 200), rule=rule)


def _crossing() -> list[dict[str, Any]]:
    crossed = {"stratifier": "race_by_poverty", "stratifier_2": "poverty"}
    cells = [("group_a", "q1", 60), ("group_a", "q5", 90), ("group_b", "q1", 40), ("group_b", "q5", 80)]
    rows = [stratum(name, x, 200, stratum_2=quintile, **crossed) for name, quintile, x in cells]
    rows += [stratum("declined", 30, 200, stratum_2="q1", **crossed)]
    return [*rows, stratum("group_a", 20, 200, stratum_2="no_address", **crossed)]


def test_crossing_is_compared_with_its_best_cell_and_has_no_missing_side() -> None:
    gaps = _gaps(*_crossing())
    assert list(zip(gaps["stratum"], gaps["stratum_2"], strict=True)) == [
        ("group_a", "q1"), ("group_a", "q5"), ("group_b", "q5")
    ]  # fmt: skip
    assert set(zip(gaps["reference_stratum"], gaps["reference_stratum_2"], strict=True)) == {("group_b", "q1")}


def test_crossing_can_name_its_cell() -> None:
    gaps = _gaps(*_crossing(), rule="named:group_a/q1")
    assert set(zip(gaps["reference_stratum"], gaps["reference_stratum_2"], strict=True)) == {("group_a", "q1")}


def test_missing_reasons_and_overall_are_not_compared() -> None:
    rows = [stratum("group_a", 60, 200), stratum("group_b", 40, 200), stratum("declined", 90, 200)]
    rows += [stratum("all", 190, 600, stratifier="overall")]
    assert _gaps(*rows)["stratum"].tolist() == ["group_a"]


def test_stratifiers_do_not_mix() -> None:
    rows = [stratum("group_a", 60, 200), stratum("group_b", 40, 200)]
    rows += [stratum("english", 30, 200, stratifier="language"), stratum("spanish", 80, 200, stratifier="language")]
    assert _references(_gaps(*rows)) == {"group_a": "group_b", "spanish": "english"}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"stratum": "unheard_of"}, "stratum is one of its stratifier's vocabulary"),
        ({"stratifier": "unheard_of"}, "`stratifier` is one of its vocabulary"),
        ({"grain": "fortnight"}, "`grain` is month, quarter or year"),
        ({"stratum": "group_b"}, "stands once"),
    ],
)
def test_unknown_or_doubled_groups_are_refused(change: dict[str, str], rule: str) -> None:
    with pytest.raises(StatisticsError, match=rule):
        _gaps({**stratum("group_a", 60, 200), **change}, stratum("group_b", 40, 200))


def test_dates_may_be_dates_or_timestamps() -> None:
    rows = [stratum("group_a", 60, 200), stratum("group_b", 40, 200)]
    frame = add_estimates(published(*rows), MEASURES, 0.95, keep_sums=True)
    frame["period_starts_on"] = pd.Series([dt.date(2025, 1, 1)] * 2, dtype=object)
    periods = pd.DataFrame({"grain": ["year"], "period_starts_on": [pd.Timestamp("2025-01-01")], "is_complete": [True]})
    gaps = compute_gaps(frame, MEASURES, STRATIFIERS, LABELS, 0.95, periods=periods)
    assert _references(gaps) == {"group_a": "group_b"}


def test_period_that_dim_period_does_not_know_or_has_twice_is_refused() -> None:
    rows = [stratum("group_a", 60, 200), stratum("group_b", 40, 200)]
    known = pd.DataFrame([{**LATER, "is_complete": True}])
    with pytest.raises(StatisticsError, match="one of dim_period"):
        _gaps(*rows, periods=known.assign(grain="quarter"))
    with pytest.raises(StatisticsError, match="stands once in dim_period"):
        _gaps(*rows, periods=pd.concat([known, known]))


def test_stratum_described_twice_is_refused() -> None:
    frame = add_estimates(published(stratum("group_a", 60, 200)), MEASURES, 0.95, keep_sums=True)
    with pytest.raises(StatisticsError, match="described once"):
        compute_gaps(frame, MEASURES, STRATIFIERS, pd.concat([LABELS, LABELS.head(2)]), 0.95)
