"""References stay what they were when they were frozen, with their date; what is new is added, nothing is silent."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from orchestration.errors import StatisticsError
from orchestration.statistics.estimates import add_estimates
from orchestration.statistics.gaps import compute_gaps
from orchestration.statistics.reference_register import REGISTER_COLUMNS, read_register, updated_register
from tests.support.strata_frames import LABELS, MEASURES, STRATIFIERS, published, stratum

TODAY = pd.Timestamp("2026-06-30")
LATER = {"period_starts_on": pd.Timestamp("2026-01-01")}


def gaps_of(*rows: dict[str, Any], register: pd.DataFrame | None = None) -> pd.DataFrame:
    strata = add_estimates(published(*rows), MEASURES, 0.95, keep_sums=True)
    return compute_gaps(strata, MEASURES, STRATIFIERS, LABELS, 0.95, register=register)


def year(a: int, b: int, **given: Any) -> list[dict[str, Any]]:
    return [stratum("group_a", a, 200, **given), stratum("group_b", b, 200, **given)]


def test_the_first_run_freezes_and_later_runs_keep() -> None:
    first = gaps_of(*year(40, 80))
    register = updated_register(None, first, TODAY)
    assert tuple(register.columns) == REGISTER_COLUMNS
    assert register[["reference_stratum", "reference_rule"]].values.tolist() == [["group_a", "best"]]
    assert register["chosen_from"].tolist() == [pd.Timestamp("2025-01-01")]
    assert register["frozen_on"].tolist() == [TODAY]
    # The window moved on: by itself the data would now choose group_b.
    assert gaps_of(*year(80, 40, **LATER))["reference_stratum"].tolist() == ["group_b"]
    kept = gaps_of(*year(80, 40, **LATER), register=register)
    assert kept["reference_stratum"].tolist() == ["group_a"]
    assert kept["stratum"].tolist() == ["group_b"]
    assert kept["reference_chosen_from"].tolist() == [pd.Timestamp("2025-01-01")]
    pd.testing.assert_frame_equal(updated_register(register, kept, TODAY + pd.Timedelta(days=90)), register)


def test_a_new_measure_is_added_beside_what_is_frozen() -> None:
    register = updated_register(None, gaps_of(*year(40, 80)), TODAY)
    later = gaps_of(*year(80, 40), *year(60, 30, measure_id="below"), register=register)
    added = updated_register(register, later, TODAY + pd.Timedelta(days=1)).set_index("measure_id")
    assert added["reference_stratum"].to_dict() == {"above": "group_a", "below": "group_a"}
    assert added["frozen_on"].to_dict() == {"above": TODAY, "below": TODAY + pd.Timedelta(days=1)}


def test_a_frozen_reference_that_is_not_there_leaves_no_gap_and_is_not_replaced() -> None:
    register = updated_register(None, gaps_of(*year(40, 80)), TODAY)
    found = gaps_of(stratum("group_b", 40, 200), stratum("group_c", 60, 200), register=register)
    assert found["reference_stratum"].tolist() == ["group_a", "group_a"]
    assert found["disclosure_status"].tolist() == ["not_assessed", "not_assessed"]


def test_another_rule_is_another_reference() -> None:
    register = updated_register(None, gaps_of(*year(40, 80)), TODAY)
    strata = add_estimates(published(*year(80, 40)), MEASURES, 0.95, keep_sums=True)
    overall = STRATIFIERS.assign(reference_rule="named:group_b")
    overall.loc[0, "reference_rule"] = "overall"
    overall.loc[2:, "reference_rule"] = "overall"
    found = compute_gaps(strata, MEASURES, overall, LABELS, 0.95, register=register)
    assert found["reference_stratum"].tolist() == ["group_b"]
    assert found["reference_chosen_from"].isna().all()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda frame: frame.drop(columns="frozen_on"), "has its columns"),
        (lambda frame: pd.concat([frame, frame]), "frozen once"),
        (lambda frame: frame.assign(reference_rule="overall"), "chosen by best or largest"),
        (lambda frame: frame.assign(reference_stratum=None), "has a group and its dates"),
        (lambda frame: frame.assign(chosen_from=pd.NaT), "has a group and its dates"),
    ],
)
def test_a_register_that_cannot_be_right_is_refused(change: Any, rule: str) -> None:
    register = updated_register(None, gaps_of(*year(40, 80)), TODAY)
    read_register(register)
    with pytest.raises(StatisticsError, match=rule):
        read_register(change(register))


def test_a_frozen_group_that_nobody_knows_any_more_is_an_error() -> None:
    register = updated_register(None, gaps_of(*year(40, 80)), TODAY).assign(reference_stratum="group_z")
    with pytest.raises(StatisticsError, match="group_z of race"):
        gaps_of(*year(40, 80), register=register)
