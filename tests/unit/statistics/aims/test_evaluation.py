"""Aims by their rules: every status, targets of every group, levelling down, harm, and a small fixed cohort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchestration.statistics.aims.projection import project
from orchestration.statistics.analysis import Analysis
from orchestration.statistics.spc.rare import rare_events
from tests.support.followed_frames import MIN_CELL, aim, counted, followed, published, register

N = 1000
FLAT = [300] * 36


def falling(start: int, end: int, months: int = 36) -> list[int]:
    """Level for a year, then in a straight line to `end`."""
    return [start] * 12 + np.rint(np.linspace(start, end, months - 12)).astype(int).tolist()


def gap(a: list[int], b: list[int], **given: Any) -> Analysis:
    years = [
        counted("share", stratum, [values[at] for at in (11, 23, 35)], N, grain="month").assign(
            grain="year", period_starts_on=pd.to_datetime(["2023-07-01", "2024-07-01", "2025-07-01"])
        )
        for stratum, values in (("a", a), ("b", b))
    ]
    return published(counted("share", "a", a, N), counted("share", "b", b, N), *years, **given)


def judged(analysis: Analysis, **given: Any) -> pd.Series:
    return followed(analysis, aims=register("aims", aim(**given)))["aims"].iloc[0]


@pytest.mark.parametrize(
    ("a", "b", "given", "status", "reason"),
    [
        (falling(400, 280), [200] * 36, {}, "met", "every group with a target"),
        (falling(400, 330), [200] * 36, {"by_when": "2027-12-31", "group_targets": "a=30 b=25"}, "on track", "reach"),
        (falling(400, 395), [200] * 36, {"gap_target": 1.0, "group_targets": "a=21 b=25"}, "off track", "the gap"),
        (falling(400, 360), [200] * 36, {"by_when": "2026-06-30"}, "off track", "the date is over"),
        (falling(400, 250), falling(200, 280), {}, "off track", "Group b"),
        (falling(400, 330), [200] * 36, {"baseline_ends_on": "2026-04-30"}, "too early", "fewer than 4"),
    ],
)
def test_status(a: list[int], b: list[int], given: dict[str, Any], status: str, reason: str) -> None:
    found = judged(gap(a, b), **given)
    assert (found["status"], reason in found["status_reason"]) == (status, True), found["status_reason"]


def test_at_risk_is_when_only_the_better_end_reaches_the_target() -> None:
    rng = np.random.default_rng(2)
    noisy = [int(value) for value in np.array(falling(400, 320)) + rng.normal(0, 25, 36)]
    found = judged(gap(noisy, [200] * 36), gap_target=9.0, group_targets="a=32 b=25")
    assert found["status"] == "at risk", found["status_reason"]
    assert found["projected_low"] < 9 < found["projected_value"]


def test_what_is_not_shown_is_not_assessed() -> None:
    found = judged(gap(falling(400, 280), [200] * 36, held=[35]))
    assert found["status"] == "not assessed"
    assert found["status_reason"] == "held for data quality in the latest month: the gap, Group a, Group b"
    assert (found["disclosure_status"], found["quality_status"]) == ("not_assessed", "hold")
    assert pd.isna(found["latest_value"])
    suppressed = judged(gap(falling(400, 280), [*[200] * 35, 5]))
    assert suppressed["status_reason"] == "hidden to protect children in the latest month: the gap, Group b"
    absent = published(counted("share", "a", FLAT, N), counted("share", "b", FLAT[:35], N))
    assert judged(absent)["status_reason"] == "without a value in the latest month: the gap, Group b"


def test_an_aim_on_the_reference_says_that_it_has_no_gap_and_not_that_one_is_hidden() -> None:
    found = judged(gap(falling(400, 280), [200] * 36), stratum="b")
    assert found["status"] == "not assessed"
    assert found["status_reason"].startswith("the aim's group is the one that gaps are measured from")


def test_numbers_of_an_aim_are_the_published_ones() -> None:
    analysis = gap(falling(400, 280), [200] * 36)
    tables = followed(analysis, aims=register("aims", aim()))
    row = tables["aims"].iloc[0]
    assert row["latest_value"] == pytest.approx(8.0)
    assert row["progress_pct"] == pytest.approx(120.0)
    assert row["baseline_in_release"] == pytest.approx(20.0)
    assert tables["aim_targets"][["stratum", "target", "latest_value", "is_met"]].to_numpy().tolist() == [
        ["a", 35.0, pytest.approx(28.0), True],
        ["b", 25.0, pytest.approx(20.0), True],
    ]
    assert row["outcome"] == "improved"


def test_a_gap_closed_by_serving_others_worse_is_no_improvement() -> None:
    found = judged(gap([400] * 36, falling(200, 320)))
    assert found["latest_value"] == pytest.approx(8.0)
    assert "levelling down" in found["outcome"]
    assert found["status"] != "met"


def test_nothing_is_said_about_improvement_since_a_baseline_that_is_no_period() -> None:
    for given in ({"baseline_ends_on": "2024-05-31"}, {"baseline_starts_on": "2022-07-01"}):
        for a, b in (([400] * 36, falling(200, 320)), (falling(400, 280), [200] * 36)):
            found = judged(gap(a, b), **given)
            assert found["outcome"] == "cannot be said: the baseline is not one period of this release"
            assert "the baseline is not one period of this release" in found["status_reason"]


def test_nothing_is_said_about_improvement_without_the_groups_own_baseline() -> None:
    whole = gap(falling(400, 280), [200] * 36)
    year = whole.strata["grain"].eq("year") & whole.strata["stratum"].eq("a")
    found = judged(whole._replace(strata=whole.strata[~year]))
    assert found["outcome"].startswith("cannot be said: the group or its reference is not published")


@pytest.mark.parametrize(
    ("a", "b", "outcome"),
    [
        (falling(400, 399), falling(200, 320), "more than half of it because others are served less well"),
        (falling(400, 270), falling(200, 250), "the reference is served less well by more than chance explains"),
        (falling(400, 280), falling(200, 201), "improved"),
        # In one of the last three months the others brought more than half, in the latest they did not.
        ([400] * 33 + [370, 300, 300], [200] * 33 + [240, 200, 200], "more than half of it because others"),
    ],
)
def test_what_the_reference_brought_to_a_narrowing_is_told_from_what_the_group_did(
    a: list[int], b: list[int], outcome: str
) -> None:
    assert outcome in judged(gap(a, b))["outcome"]


def test_the_outcome_comes_from_released_values_and_another_registered_baseline_is_remarked() -> None:
    flat = judged(gap([400] * 36, [200] * 36), baseline_value=30.0)
    assert flat["outcome"] == "gap not smaller than in the baseline"
    assert "baseline_value differs from the release's" in flat["status_reason"]
    higher = judged(gap(falling(400, 280), [200] * 36), baseline_value=11.0)
    assert higher["outcome"] == "improved"
    assert "differs" not in judged(gap([404] * 36, [200] * 36), baseline_value=20.0)["status_reason"]


def test_one_good_month_neither_meets_an_aim_nor_improves_anything() -> None:
    for good in (1, 2):
        found = judged(gap([400] * (36 - good) + [295] * good, [200] * 36), by_when="2026-06-30")
        assert found["status"] == "off track"
        assert "not at target in each of the last 3 published months" in found["status_reason"]
        assert found["outcome"] == "gap smaller in the latest month, but not in each of the last 3 published months"
        assert found["groups_met"] == 1
    found = judged(gap([400] * 33 + [295] * 3, [200] * 36))
    assert (found["status"], found["outcome"]) == ("met", "improved")
    assert "in each of the last 3 published months" in found["status_reason"]
    # A month that is not shown is passed over, not taken for a good one.
    found = judged(gap([400] * 33 + [295] * 3, [200] * 36, held=[34]))
    assert found["status"] != "met"


def test_a_gap_that_turned_around_beyond_its_target_is_remarked() -> None:
    found = judged(gap(falling(400, 80), [200] * 36))
    assert found["status"] == "met"
    assert "the gap has turned" in found["status_reason"]
    assert "turned" not in judged(gap(falling(400, 150), [200] * 36))["status_reason"]


def test_a_smaller_gap_that_chance_explains_is_not_called_improved() -> None:
    a, b = [40, 40] * 6 + [39] * 24, [20] * 36
    small = [counted("share", name, values, 100) for name, values in (("a", a), ("b", b))]
    years = [
        frame.iloc[[11, 23, 35]].assign(grain="year", period_starts_on=pd.to_datetime(
            ["2023-07-01", "2024-07-01", "2025-07-01"])) for frame in small
    ]  # fmt: skip
    found = judged(published(*small, *years))
    assert found["outcome"] == "gap smaller, but not by more than chance explains"


def test_what_chance_may_have_done_is_not_called_levelling_down() -> None:
    """Two children more of a hundred in the reference: the gap is smaller by nobody's doing that could be told."""
    small = [counted("share", name, values, 100) for name, values in (("a", [40] * 36), ("b", [20] * 12 + [22] * 24))]
    years = [
        frame.iloc[[11, 23, 35]].assign(grain="year", period_starts_on=pd.to_datetime(
            ["2023-07-01", "2024-07-01", "2025-07-01"])) for frame in small
    ]  # fmt: skip
    assert judged(published(*small, *years))["outcome"] == "gap smaller, but not by more than chance explains"


def with_harm(last: int) -> Analysis:
    """The gap closes while harm in group c goes from 100 to `last` events a year."""
    whole = gap(falling(400, 280), [200] * 36)
    years = counted("harm", "c", [100, 100, last], 12000).assign(
        grain="year", period_starts_on=pd.to_datetime(["2023-07-01", "2024-07-01", "2025-07-01"])
    )
    more = published(years)
    return whole._replace(strata=pd.concat([whole.strata, more.strata], ignore_index=True))


def test_nothing_is_improved_while_the_balancing_measure_signals_worse_in_any_group() -> None:
    harmless = judged(with_harm(110), balancing_measure_id="harm")
    assert (harmless["status"], harmless["outcome"]) == ("met", "improved")
    assert harmless["balancing_status"] == "no sign of harm in 1 of 1 groups"
    harm = judged(with_harm(160), balancing_measure_id="harm")
    assert harm["status"] == "at risk"
    assert harm["balancing_status"] == "worse in Group c"
    assert "not called improved" in harm["outcome"]
    unseen = judged(with_harm(5), balancing_measure_id="harm")
    assert unseen["outcome"].startswith("improved, but not fully checked")
    assert unseen["balancing_status"].startswith("cannot be judged")


def test_a_chart_that_signals_concern_is_harm_although_the_years_do_not_differ() -> None:
    """Twelve steady months and one far above them, in years that differ by less than chance explains."""
    whole = with_harm(110)
    months = counted("harm", "c", [20] * 35 + [60], 1000)
    analysis = whole._replace(strata=pd.concat([whole.strata, published(months).strata], ignore_index=True))
    series = followed(analysis, aims=register("aims", aim()))["chart_series"].set_index(["measure_id", "stratum"])
    assert series.loc[("harm", "c"), "variation"] == "special cause, concern"
    found = judged(analysis, balancing_measure_id="harm")
    assert (found["balancing_status"], found["status"]) == ("worse in Group c", "at risk")
    steady = counted("harm", "c", [20] * 36, 1000)
    analysis = whole._replace(strata=pd.concat([whole.strata, published(steady).strata], ignore_index=True))
    assert judged(analysis, balancing_measure_id="harm")["balancing_status"] == "no sign of harm in 1 of 1 groups"


def test_a_line_is_read_where_it_leads_and_shared_points_know_less() -> None:
    time = np.tile(np.arange(6.0), (2, 1))
    value, error = 10 - 2 * time, np.ones((2, 6))
    found = project(time, value, error, np.array([7.0, 7.0]), 0.95, np.array([1.0, 4.0]))
    np.testing.assert_allclose(found.value, [-4.0, -4.0])
    half = found.high - found.value
    # Textbook: 1 / n + (x - mean)^2 / sum of squares.
    np.testing.assert_allclose(half[0], 1.959963984540054 * np.sqrt(1 / 6 + 4.5**2 / 17.5), rtol=1e-9)
    np.testing.assert_allclose(half[1], 2 * half[0])
    few = project(time, np.where(time < 3, value, np.nan), error, np.array([7.0, 7.0]), 0.95, np.ones(2))
    assert np.isnan(few.value).all()


def test_a_line_through_scattered_points_covers_where_it_leads_and_the_errors_alone_do_not() -> None:
    """Points that scatter twice as much as their errors say, as when children are admitted in waves."""
    rng = np.random.default_rng(20267)
    for points in (6, 12):
        time = np.tile(np.arange(float(points)), (4000, 1))
        value = 10 - 0.5 * time + rng.normal(0, 2, time.shape)
        at, truth = np.full(4000, points + 6.0), 10 - 0.5 * (points + 6)
        found = project(time, value, np.ones_like(time), at, 0.95, np.ones(4000))
        covered = np.mean((found.low <= truth) & (truth <= found.high))
        assert 0.935 < covered < 0.97, (points, covered)
        half = 1.959963984540054 * np.sqrt(
            1 / points + (at - time.mean()) ** 2 / ((time[0] - time[0].mean()) ** 2).sum()
        )
        assert np.mean(np.abs(found.value - truth) <= half) < 0.75


def test_months_of_a_measure_that_looks_back_a_year_share_their_children() -> None:
    """The interval is that of a twelfth of the points: a share of patients looks back, a mean of patients too."""
    a, b = falling(400, 330), [200] * 36
    found = judged(gap(a, b))
    later = np.array(a[11:], dtype=float), np.array(b[11:], dtype=float)
    errors = np.hypot(*(np.sqrt(y / N * (1 - y / N) / N) for y in later)) * 100
    ends = pd.date_range("2024-06-30", periods=25, freq="ME")
    years = np.asarray((ends - ends[0]).days / 365.25, dtype=float)
    at = (pd.Timestamp(found["by_when"]) - ends[0]).days / 365.25
    halves = [
        float((line.high - line.value)[0])
        for line in (
            project(years[None], ((later[0] - later[1]) / 10)[None], errors[None], np.array([at]), 0.95, np.array([n]))
            for n in (1.0, 12.0)
        )
    ]
    assert found["projected_high"] - found["projected_value"] == pytest.approx(halves[1], rel=0.02)
    assert halves[1] > 3 * halves[0]


CHILDREN = 20


def small_cohort() -> tuple[pd.DataFrame, Analysis]:
    """Twenty children in two groups, followed for three years; nine events or so a year, never eleven in a month."""
    rng = np.random.default_rng(4)
    a, b = (rng.poisson(level, 36).tolist() for level in (0.5, 0.3))
    months = pd.concat([counted("visits", name, y, 10) for name, y in (("a", a), ("b", b))])
    everyone = counted("visits", "all", (np.array(a) + b).tolist(), CHILDREN, stratifier="overall")
    quarters = counted("visits", "all", [sum(a[at : at + 3] + b[at : at + 3]) for at in range(0, 36, 3)], 3 * CHILDREN,
                       stratifier="overall", site="north", grain="quarter", n_patients=CHILDREN)  # fmt: skip
    return pd.concat([months, everyone], ignore_index=True), published(months, everyone, quarters)


def test_a_small_fixed_cohort_is_followed_and_nothing_of_it_points_to_a_child() -> None:
    counts, analysis = small_cohort()
    given = {"measure_id": "visits", "grain": "quarter", "baseline_value": 400.0, "gap_target": 100.0}
    tables = followed(analysis, aims=register("aims", aim(**given, group_targets="a=300 b=300")))
    # In the house: what the care team sees.
    team = rare_events(counts.assign(numerator=counts["numerator"].astype(int)))
    events = counts.groupby(["stratifier", "stratum"])["numerator"].sum()
    shown = team[~team["is_open"]].groupby(["stratifier", "stratum"]).size()
    assert {key: int(n) for key, n in shown.items()} == {key: int(n) - 1 for key, n in events.items() if 9 <= n < 36}
    assert len(shown) >= 2
    assert (team["limit_high"] > team["centre"]).all() and (team["limit_low"] >= 0).all()
    exposure = team[team["stratum"] == "a"]["member_months_between"].sum()
    first = next(at for at, y in enumerate(counts[(counts["stratum"] == "a")]["numerator"]) if y)
    assert 360 - 10 * (first + 1) <= exposure <= 360 - 10 * first
    # What leaves: no count from 1 to 10, no chart of single events, no aim judged by what cannot be shown.
    strata = analysis.strata
    assert not strata["numerator"].between(1, MIN_CELL - 1).any()
    assert not strata["n_patients"].between(1, MIN_CELL - 1).any()
    assert tables["charts"].empty
    assert set(tables["chart_series"]["chart_status"]) <= {
        "not drawn: too many points suppressed", "not drawn: too few points", "not drawn: every point is the same",
    }  # fmt: skip
    assert tables["aims"]["status"].tolist() == ["not assessed"]
    numbers = ["latest_value", "latest_low", "projected_value", "baseline_in_release", "progress_pct", "process_value"]
    assert tables["aims"][numbers].isna().all(axis=None)


def test_intervals_between_events_by_hand() -> None:
    counts = counted("visits", "a", [1, 0, 2, 0, 0, 1] + [0, 1] * 3 + [0] * 24, 10)
    found = rare_events(counts)
    assert found.empty  # seven events are too few
    counts = counted("visits", "a", [1, 0, 2, 0, 0, 1] + [0, 1] * 6 + [0] * 18, 10)
    found = rare_events(counts)
    assert found["event_number"].tolist() == list(range(2, 12))
    assert found["is_open"].tolist() == [False] * 9 + [True]
    # The last event stands in the middle of month 18; 18 and a half months have passed since.
    assert found["member_months_between"].iloc[-1] == 185.0 and found["signal"].iloc[-1] == "longer"
    assert set(found["chart"]) == {"t"} and found["is_baseline"].sum() == 9
    # Within month 3 (exposure 20 to 30) two events stand at 22.5 and 27.5; the first one at 5.
    assert found["member_months_between"].tolist()[:4] == [17.5, 5.0, 27.5, 20.0]
    assert not {"numerator", "denominator"} & set(found.columns)


def test_the_limits_between_events_come_from_twenty_intervals() -> None:
    """Twenty events every two months, then one every four: the later ones do not widen what they are judged by."""
    early = counted("visits", "a", [1, 0] * 21 + [0, 0, 0, 1] * 12, 10)
    found = rare_events(early)
    closed = found[~found["is_open"]]
    assert len(closed) == 32 and closed["is_baseline"].tolist() == [True] * 20 + [False] * 12
    assert found["centre"].iloc[0] == pytest.approx(20.0)
