"""Limits, runs and rules of control charts equal those of qicharts2 and NHSRplotthedots (data/README.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestration.statistics.spc.limits import Limits
from tests.support import spc_cases
from tests.support.spc_cases import Case

DATA = Path(__file__).parent / "data"
CASES = pd.read_csv(DATA / "spc_cases.csv", dtype={"part": str, "exclude": str}).fillna({"part": "", "exclude": ""})
POINTS = pd.read_csv(DATA / "spc_points.csv", dtype={"screened": str}).fillna({"screened": ""})
RUNS = pd.read_csv(DATA / "spc_runs.csv", dtype={"screened": str}).fillna({"screened": ""})
NHS = pd.read_csv(DATA / "spc_nhs_points.csv").fillna({"facet": ""})
SUMMARY = pd.read_csv(DATA / "spc_nhs_summary.csv").fillna({"facet": "", "rebase_group": 0, "assurance_type": ""})


def close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split())


def test_every_kind_of_chart_has_a_case() -> None:
    assert set(CASES["chart"]) == {"i", "p", "pp", "u", "up", "c", "xbar", "s", "g", "t"}
    assert (len(CASES), SUMMARY["case"].nunique()) == (36, 17)


@pytest.mark.parametrize(("name", "screened"), sorted(set(zip(POINTS["case"], POINTS["screened"], strict=True))))
def test_limits_and_runs(name: str, screened: str) -> None:
    about = CASES[CASES["case"] == name].iloc[0]
    points = POINTS[(POINTS["case"] == name) & (POINTS["screened"] == screened)]
    row = {column: points[column].to_numpy(dtype="float64")[None, :] for column in ("y_sum", "y_length", "y_sd", "n")}
    case = Case(
        chart=about["chart"],
        y=row["y_sum"],
        size=row["y_length"],
        deviation=row["y_sd"],
        n=row["n"],
        multiply=about["multiply"],
        freeze=None if np.isnan(about["freeze"]) else int(about["freeze"]),
        parts=numbers(about["part"]),
        exclude=numbers(about["exclude"]),
        screen=screened != "FALSE",
    )
    value, limits, runs, beyond = spc_cases.drawn(case)
    for found, column in (
        *((value, "y"), (limits.centre, "cl"), (limits.low, "lcl"), (limits.high, "ucl")),
        *((limits.near_low, "lcl_95"), (limits.near_high, "ucl_95")),
    ):
        close(found[0], points[column].to_numpy(dtype="float64"))
    assert beyond[0].tolist() == points["sigma_signal"].tolist()
    expected = RUNS[(RUNS["case"] == name) & (RUNS["screened"] == screened)].sort_values("part")
    for name_, column in (
        *(("useful", "n_useful"), ("longest", "longest_run"), ("longest_allowed", "longest_run_max")),
        *(("crossings", "n_crossings"), ("crossings_expected", "n_crossings_min"), ("signals", "runs_signal")),
    ):
        assert [int(getattr(part, name_)[0]) for part in runs] == expected[column].astype(int).tolist(), column


@pytest.mark.parametrize("position", range(len(SUMMARY)))
def test_making_data_count(position: int) -> None:
    about = SUMMARY.iloc[position]
    own = (
        NHS["case"].eq(about["case"]) & NHS["facet"].eq(about["facet"]) & NHS["rebase_group"].eq(about["rebase_group"])
    )
    points = NHS[own]
    limits, signals, variation, assurance = spc_cases.making_data_count(
        points["y"].to_numpy()[None, :],
        screen=bool(about["screen"]),
        fix_after=None if np.isnan(about["fix_after"]) else int(about["fix_after"]),
        direction=about["direction"],
        target=float(about["target"]),
    )
    for found, column in ((limits.centre, "mean"), (limits.low, "low"), (limits.high, "high")):
        close(found[0], points[column].to_numpy())
    rule, direction = spc_cases.rule_and_direction(points["special_cause_type"].tolist())
    assert signals.rule[0].tolist() == rule.tolist()
    assert signals.direction[0].tolist() == direction.tolist()
    assert variation == spc_cases.VARIATION[about["variation_type"]]
    if about["assurance_type"]:
        assert assurance == spc_cases.ASSURANCE[about["assurance_type"]]


def test_two_factors_for_the_same_thing_are_kept_apart() -> None:
    """qicharts2 has 3 / 1.128 = 2.6596 mean moving ranges, the NHS 2.66: both are met, each by its own factor."""
    y = POINTS.loc[(POINTS["case"] == "i_stable") & (POINTS["screened"] == "TRUE"), "y"].to_numpy()[None, :]
    all_points = np.ones(y.shape, dtype=bool)
    from orchestration.statistics.spc import limits as formulas

    widths = []
    for factor in (3 / formulas.D2_OF_TWO, formulas.NHS_FACTOR):
        found: Limits = formulas.individuals(y, all_points, factor=factor)
        widths.append(float((found.high - found.centre)[0, 0]))
    assert 1 < widths[1] / widths[0] < 1.0002
