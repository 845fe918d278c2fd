"""From counts through disclosure control to charts: what is charted, what a gap in a series is, why some are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from orchestration.statistics.spc import selection
from tests.support.followed_frames import counted, followed, periods, published, register

RNG = np.random.default_rng(7)
N = 400


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """Each test draws the same numbers, whichever ran before it."""
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state


def shares(level: float, months: int = 36) -> list[int]:
    return RNG.binomial(N, level, months).tolist()


def one(table: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    rows = table
    for name, value in wanted.items():
        rows = rows[rows[name] == value]
    return rows


def test_every_exclusive_group_gap_and_spread_is_charted_and_nothing_else() -> None:
    groups = [counted("share", stratum, shares(0.3), N) for stratum in "ab"]
    more = [
        counted("share", "all", shares(0.3), N, stratifier="overall"),
        counted("share", "a", shares(0.3), N, stratifier="mixed"),
        counted("share", "declined", shares(0.3), N),
        counted("average", "a", [80 * N + at for at in range(36)], N),
        counted("share", "all", shares(0.3, 12), N, stratifier="overall", site="north", grain="quarter"),
        counted("share", "a", shares(0.3, 12), N, grain="quarter"),
    ]
    series = followed(published(*groups, *more))["chart_series"]
    told = sorted(zip(series["subject"], series["measure_id"], series["grain"], series["site"], series["stratifier"],
                      series["stratum"], strict=True))  # fmt: skip
    assert told == [
        ("gap", "share", "month", "all", "group", "a"),
        ("spread", "average", "month", "all", "group", "a"),
        ("stratum", "average", "month", "all", "group", "a"),
        ("stratum", "share", "month", "all", "group", "a"),
        ("stratum", "share", "month", "all", "group", "b"),
        ("stratum", "share", "month", "all", "overall", "all"),
        ("stratum", "share", "quarter", "north", "overall", "all"),
    ]


def test_points_are_the_published_values_and_withheld_ones_are_gaps_never_zeros() -> None:
    y = shares(0.3)
    y[20], y[21] = 5, 0
    analysis = published(counted("share", "a", y, N), counted("share", "b", shares(0.2), N), held=[25])
    points = one(followed(analysis)["charts"], subject="stratum", stratum="a").reset_index(drop=True)
    assert len(points) == 36
    assert points.loc[20, ["disclosure_status", "quality_status"]].tolist() == ["suppressed", "publish"]
    assert points.loc[25, ["disclosure_status", "quality_status"]].tolist() == ["not_assessed", "hold"]
    assert np.flatnonzero(points["value"].isna()).tolist() == [20, 25]
    assert points.loc[21, "value"] == 0.0
    expected = np.array(y) / N * 100
    shown = points["value"].notna().to_numpy()
    np.testing.assert_allclose(points["value"][shown], expected[shown], rtol=1e-12)
    gaps = one(followed(analysis)["charts"], subject="gap").reset_index(drop=True)
    assert np.flatnonzero(gaps["value"].isna()).tolist() == [20, 25]


def test_the_gaps_chart_has_the_gaps_own_standard_error() -> None:
    a, b = shares(0.35), shares(0.2)
    points = one(followed(published(counted("share", "a", a, N), counted("share", "b", b, N)))["charts"], subject="gap")
    p1, p2 = sum(a[:12]) / (12 * N), sum(b[:12]) / (12 * N)
    sigma = np.sqrt(p1 * (1 - p1) / N + p2 * (1 - p2) / N)
    np.testing.assert_allclose(points["centre"], (p1 - p2) * 100, rtol=1e-9)
    np.testing.assert_allclose(points["limit_high"] - points["centre"], 300 * sigma, rtol=1e-9)
    assert points["is_baseline"].sum() == 12


@pytest.mark.parametrize(
    ("numerators", "status"),
    [
        ([5, 5] + [120] * 34, selection.TOO_SMALL),
        ([5] + [120] * 35, selection.TOO_FEW),
        ([0] * 36, selection.NO_VARIATION),
        ([5] * 36, selection.TOO_SMALL),
    ],
)
def test_why_a_chart_is_not_drawn(numerators: list[int], status: str) -> None:
    found = followed(published(counted("share", "a", numerators, N)))
    assert found["chart_series"]["chart_status"].tolist() == [status]
    assert found["charts"].empty
    assert found["chart_series"][["variation", "rule_set"]].to_numpy().tolist() == [["", ""]]


def test_events_too_few_to_be_shown_point_to_the_charts_that_stay_in_the_house() -> None:
    found = followed(published(counted("visits", "a", [5] * 36, N), counted("share", "a", [5] * 36, N)))["chart_series"]
    reasons = found.set_index("measure_id")["chart_reason"]
    assert reasons["visits"] == "events over time at risk" + selection.BETWEEN_EVENTS
    assert selection.BETWEEN_EVENTS not in reasons["share"]


def test_a_group_that_comes_after_the_baseline_has_too_few_points_and_is_not_nobody() -> None:
    late = counted("share", "a", shares(0.3), N).iloc[14:]
    found = followed(published(late, counted("share", "b", shares(0.3), N)))["chart_series"]
    status = found[found["subject"] == "stratum"].set_index("stratum")["chart_status"].to_dict()
    assert status == {"a": selection.TOO_FEW, "b": selection.DRAWN}


def test_held_months_leave_too_few_points_but_no_bias() -> None:
    series = counted("share", "a", shares(0.3), N)
    found = followed(published(series, held=range(6)))["chart_series"]
    assert found["chart_status"].tolist() == [selection.TOO_FEW]
    everything = followed(published(series, held=range(36)))["chart_series"]
    assert everything["chart_status"].tolist() == [selection.HELD_BACK]


def test_the_chart_follows_kind_and_spread() -> None:
    wild = [int(value) for value in RNG.poisson(400, 36) * np.where(np.arange(36) % 2, 1.5, 0.5)]
    series = followed(
        published(
            counted("visits", "a", RNG.poisson(200, 36).tolist(), 5000),
            counted("visits", "c", wild, 5000),
            counted("share", "a", shares(0.3), N),
            counted("average", "a", [80 * N + 9 * at for at in range(36)], N),
        )
    )["chart_series"]
    charts = {(row.subject, row.measure_id, row.stratum): row.chart for row in series.itertuples()}
    assert charts[("stratum", "visits", "a")] == "u"
    assert charts[("stratum", "visits", "c")] == "u prime"
    assert charts[("stratum", "share", "a")] == "p"
    assert charts[("stratum", "average", "a")] == "X-bar"
    assert charts[("spread", "average", "a")] == "S"


def test_a_mean_s_spread_comes_from_its_published_interval() -> None:
    totals = [80 * N + 7 * (at % 5) for at in range(36)]
    frame = counted("average", "a", totals, N)
    variance = (frame["sum_yy"] - frame["numerator"] ** 2 / N) / (N - 1)
    points = one(followed(published(frame))["charts"], subject="spread")
    np.testing.assert_allclose(points["value"], np.sqrt(variance.astype(float)) * 0.1, rtol=1e-9)


def test_points_that_look_back_are_judged_by_limits_only() -> None:
    y = [100] * 12 + [130] * 24
    y = [value + at % 2 for at, value in enumerate(y)]
    found = followed(published(counted("share", "a", y, N)))
    assert found["chart_series"]["points_overlap"].tolist() == [True]
    # Their scatter says nothing of chance: no chart is stretched or narrowed by it.
    wild = [100 + 60 * (at % 2) for at in range(36)]
    assert followed(published(counted("share", "a", wild, N)))["chart_series"]["chart"].tolist() == ["p"]
    assert found["chart_series"]["runs_signal"].isna().all()
    assert set(found["charts"]["signal"]) <= {"", "beyond a limit"}
    choice = register("chart_choices", {"measure_id": "share", "stratifier": "*", "points_overlap": "no"})
    judged = followed(published(counted("share", "a", y, N)), chart_choices=choice)
    assert "7 on one side" in set(judged["charts"]["signal"])
    assert judged["chart_series"]["runs_signal"].tolist() == [True]
    assert judged["chart_series"]["variation"].tolist() == ["special cause, concern"]


def test_a_register_chooses_the_chart() -> None:
    choice = register("chart_choices", {"measure_id": "visits", "stratifier": "group", "chart": "XmR"})
    visits = published(counted("visits", "a", RNG.poisson(200, 36).tolist(), 5000))
    series = followed(visits, chart_choices=choice)["chart_series"]
    assert series[["chart", "chart_reason"]].to_numpy().tolist() == [["XmR", "chosen in the register"]]


def test_only_the_register_starts_a_phase() -> None:
    y = shares(0.4, 18) + shares(0.2, 18)
    analysis = published(counted("share", "a", y, N))
    assert set(followed(analysis)["charts"]["phase"]) == {1}
    entry = {"measure_id": "share", "stratifier": "*", "stratum": "*", "site": "*", "starts_on": "2025-01-01"}
    points = followed(analysis, chart_phases=register("chart_phases", entry))["charts"].reset_index(drop=True)
    assert points["phase"].tolist() == [1] * 18 + [2] * 18
    centres = points["centre"].unique()
    np.testing.assert_allclose(centres, [sum(y[:12]) / 12 / N * 100, sum(y[18:30]) / 12 / N * 100], rtol=1e-12)
    assert points.index[points["is_baseline"]].tolist() == [*range(12), *range(18, 30)]


def test_a_phase_too_young_for_limits_takes_no_chart_away() -> None:
    """Points since the change stand without limits; a judgement of today would need limits of today."""
    y = shares(0.4, 30) + shares(0.2, 6)
    entry = {"measure_id": "share", "stratifier": "*", "stratum": "*", "site": "*", "starts_on": "2026-01-01"}
    found = followed(published(counted("share", "a", y, N)), chart_phases=register("chart_phases", entry))
    points, series = found["charts"].reset_index(drop=True), found["chart_series"].iloc[0]
    assert (series["chart_status"], series["chart_reason"].endswith(selection.WAITS)) == (selection.DRAWN, True)
    assert points["value"].notna().all()
    assert points.index[points["centre"].notna()].tolist() == list(range(30))
    assert points["phase"].tolist() == [1] * 30 + [2] * 6
    assert (series["variation"], series["assurance"], series["rule_set"]) == ("", "", "")
    assert series[["longest_run", "crossings", "runs_signal", "dispersion"]].isna().all()
    older = followed(published(counted("share", "a", y, N)))["chart_series"].iloc[0]
    assert older["variation"] != "" and not older["chart_reason"].endswith(selection.WAITS)


def test_a_first_phase_without_limits_is_told_where_a_later_one_has_them() -> None:
    entry = {"measure_id": "share", "stratifier": "*", "stratum": "*", "site": "*", "starts_on": "2024-01-01"}
    found = followed(published(counted("share", "a", shares(0.3), N)), chart_phases=register("chart_phases", entry))
    points, series = found["charts"].reset_index(drop=True), found["chart_series"].iloc[0]
    assert (series["chart_status"], series["chart_reason"].endswith(selection.EARLIER_WAITS)) == (selection.DRAWN, True)
    assert points.index[points["centre"].notna()].tolist() == list(range(6, 36))
    assert series["variation"] != ""


def test_a_registered_baseline_is_kept() -> None:
    entry = {"measure_id": "share", "stratifier": "group", "stratum": "a", "site": "all", "starts_on": "2023-07-01",
             "baseline_ends_on": "2025-03-31"}  # fmt: skip
    found = followed(published(counted("share", "a", shares(0.3), N)), chart_phases=register("chart_phases", entry))
    assert found["charts"]["is_baseline"].sum() == 21
    assert found["chart_series"]["is_provisional"].tolist() == [False]
    assert found["chart_series"]["baseline_ends_on"].tolist() == [pd.Timestamp("2025-03-31")]


@pytest.mark.parametrize(("small", "status"), [(2, selection.DRAWN), (3, selection.TOO_SMALL)])
def test_a_tenth_of_a_baseline_may_be_suppressed_and_no_more(small: int, status: str) -> None:
    entry = {"measure_id": "share", "stratifier": "group", "stratum": "a", "site": "all", "starts_on": "2023-07-01",
             "baseline_ends_on": "2025-02-28"}  # fmt: skip
    y = [5] * small + shares(0.3, 36 - small)
    found = followed(published(counted("share", "a", y, N)), chart_phases=register("chart_phases", entry))
    assert found["chart_series"]["chart_status"].tolist() == [status]


def test_months_under_way_are_no_points() -> None:
    assert len(periods(36)) == 36
    found = followed(published(counted("share", "a", shares(0.3, 36), N)), months=24)
    assert len(found["charts"]) == 24


def test_nobody_is_a_chart_of_nobody() -> None:
    assert all(frame.empty for frame in followed(published(counted("share", "a", [100], N).iloc[:0])).values())
