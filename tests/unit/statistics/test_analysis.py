"""From protected counts and verdicts to the two published frames, and through a database that keeps what is NULL."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd
import pytest

from orchestration.disclosure.primary import check_protected, protect
from orchestration.errors import StatisticsError
from orchestration.statistics.analysis import STRATA_COLUMNS, Analysis, analyse
from orchestration.statistics.gaps import COLUMNS
from orchestration.statistics.holds import apply_verdicts
from tests.support.strata_frames import LABELS, MEASURES, STRATIFIERS, strata_frame, stratum

PERIODS = pd.DataFrame(
    [("year", pd.Timestamp("2025-01-01"), pd.Timestamp("2025-12-31"), True)],
    columns=["grain", "period_starts_on", "period_ends_on", "is_complete"],
)


def _verdicts(strata: pd.DataFrame, **by_stratifier: str) -> pd.DataFrame:
    slices = strata[["measure_id", "stratifier", "site", "grain", "period_starts_on"]].drop_duplicates()
    return slices.assign(verdict=[by_stratifier.get(name, "publish") for name in slices["stratifier"]], reasons="")


def _strata() -> pd.DataFrame:
    return strata_frame(
        stratum("all", 190, 640, stratifier="overall"),
        stratum("group_a", 60, 200),
        stratum("group_b", 40, 200),
        stratum("group_c", 5, 200),
        stratum("declined", 30, 40),
        stratum("english", 60, 200, stratifier="language"),
        stratum("spanish", 90, 200, stratifier="language"),
        stratum("q1", 60, 200, stratifier="poverty"),
        stratum("q5", 90, 200, stratifier="poverty"),
    )


def _analyse(strata: pd.DataFrame, **by_stratifier: str) -> Analysis:
    return analyse(
        protect(strata, MEASURES, 11),
        _verdicts(strata, **by_stratifier),
        measures=MEASURES,
        stratifiers=STRATIFIERS,
        strata_labels=LABELS,
        periods=PERIODS,
        confidence=0.95,
    )


def test_five_different_things_stay_different() -> None:
    """Published, zero, suppressed, held and missing reasons, in one run."""
    rows = pd.concat([_strata(), strata_frame(stratum("group_d", 0, 100), stratum("group_e", 0, 0))])
    found = _analyse(rows, language="hold", poverty="warn").strata.set_index("stratum")
    columns = ["numerator", "value", "disclosure_status", "reliability_status", "quality_status"]
    seen = found[columns].astype(object).where(found[columns].notna(), None)
    names = ("group_a", "group_c", "group_d", "group_e", "declined", "english", "q1")
    told = {name: tuple(seen.loc[name]) for name in names}
    assert told == {
        "group_a": (60, 30.0, "published", "reliable", "publish"),
        "group_c": (None, None, "suppressed", "not_assessed", "publish"),
        "group_d": (0, 0.0, "published", "not_assessed", "publish"),
        "group_e": (0, None, "published", "not_applicable", "publish"),
        "declined": (None, None, "suppressed", "not_assessed", "publish"),
        "english": (None, None, "not_assessed", "not_assessed", "hold"),
        "q1": (60, 30.0, "published", "reliable", "warn"),
    }


def test_gaps_follow_the_strata() -> None:
    gaps = _analyse(_strata(), language="hold", poverty="warn").gaps
    told = gaps.set_index("stratum")[["reference_stratum", "disclosure_status", "quality_status"]]
    assert told.loc["group_a"].tolist() == ["group_b", "published", "publish"]
    assert told.loc["group_c"].tolist() == ["group_b", "suppressed", "publish"]
    assert told.loc["spanish", "disclosure_status":].tolist() == ["not_assessed", "hold"]
    assert told.loc["q5"].tolist() == ["q1", "published", "warn"]
    assert not {"declined", "all"} & set(gaps["stratum"])
    assert gaps["difference"].notna().tolist() == gaps["disclosure_status"].eq("published").tolist()


def test_frames_have_the_contract_s_columns_and_no_sums() -> None:
    strata, gaps = _analyse(_strata())[:2]
    assert tuple(strata.columns) == STRATA_COLUMNS
    assert tuple(gaps.columns) == COLUMNS
    assert strata["period_ends_on"].eq(pd.Timestamp("2025-12-31")).all()
    check_protected(strata, MEASURES, 11)


def test_a_database_keeps_types_and_nulls() -> None:
    strata, gaps = _analyse(_strata(), language="hold")[:2]
    con = duckdb.connect()
    con.register("strata_frame", strata)
    con.register("gaps_frame", gaps)
    types = dict(con.execute("select column_name, column_type from (describe strata_frame)").fetchall())
    assert {types[name] for name in ("n_patients", "numerator", "denominator")} == {"BIGINT"}
    assert {types[name] for name in ("value", "ci_low", "ci_high")} == {"DOUBLE"}
    held = con.execute(
        "select numerator, value, ci_low, ci_method from strata_frame where stratum = 'english'"
    ).fetchone()
    assert held == (None, None, None, None)
    unknown = con.execute(
        "select p_value, difference, is_meaningful from gaps_frame where stratum = 'group_c'"
    ).fetchone()
    assert unknown == (None, None, None)
    assert con.execute("select count(*) from gaps_frame where isnan(difference)").fetchone() == (0,)


def test_verdicts_before_disclosure_control_give_the_same() -> None:
    strata = _strata()
    verdicts = _verdicts(strata, language="hold")
    late = apply_verdicts(protect(strata, MEASURES, 11), verdicts)
    early = protect(apply_verdicts(strata.assign(disclosure_status="published"), verdicts), MEASURES, 11)
    pd.testing.assert_frame_equal(early[late.columns], late)


def test_held_small_counts_do_not_show_as_suppressed() -> None:
    strata = strata_frame(stratum("english", 5, 200, stratifier="language"))
    held = apply_verdicts(protect(strata, MEASURES, 11), _verdicts(strata, language="hold"))
    assert held["disclosure_status"].tolist() == ["not_assessed"]


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (lambda verdicts: verdicts.iloc[1:], "each slice has a verdict"),
        (lambda verdicts: pd.concat([verdicts, verdicts]), "a slice has one verdict"),
        (lambda verdicts: verdicts.assign(verdict="maybe"), "publish, warn or hold"),
        (lambda verdicts: verdicts.drop(columns="verdict"), "`verdict`"),
        (lambda verdicts: verdicts.assign(period_starts_on=pd.Timestamp("2024-01-01")), "each slice has a verdict"),
    ],
)
def test_nothing_goes_on_without_exactly_one_verdict(broken: Any, rule: str) -> None:
    strata = _strata()
    with pytest.raises(StatisticsError, match=rule):
        apply_verdicts(protect(strata, MEASURES, 11), broken(_verdicts(strata)))


def test_empty_frames_go_through() -> None:
    found = _analyse(strata_frame())
    assert [len(frame) for frame in found] == [0] * len(found)
