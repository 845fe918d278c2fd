"""A registered baseline holds when the window has left it: its published points are handed from run to run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import stdtrit

from orchestration.errors import SettingsError
from orchestration.registers.chart_baselines import read_chart_baselines, write_chart_baselines
from orchestration.statistics.follow_up import follow_up
from orchestration.statistics.spc import selection
from orchestration.statistics.spc.kept import KEPT_NUMBERS, before_window
from tests.support import followed_frames as frames

MONTHS = 36
PHASE = {
    "measure_id": "*", "stratifier": "*", "stratum": "*", "site": "*", "starts_on": "2023-07-01",
    "baseline_ends_on": "2024-06-30", "reason": "The year before the team began",
}  # fmt: skip
RNG = np.random.default_rng(11)
SERIES = [
    frames.counted(measure, stratum, RNG.binomial(400, share, MONTHS + 12), 400)
    for measure, stratum, share in (
        *(("share", stratum, share) for stratum, share in (("a", 0.4), ("b", 0.3), ("c", 0.35))),
        *(("visits", stratum, share) for stratum, share in (("a", 0.2), ("b", 0.1))),
    )
] + [
    frames.counted("average", stratum, RNG.normal(80, 1, MONTHS + 12).round().astype(int) * 400, 400)
    for stratum in "ab"
]

# Two months of the baseline are too small to show.
THIN = frames.counted("share", "a", [5, 5] + [120] * (MONTHS + 10), 400)


@cache
def window(first: int, *, thin: bool = False) -> dict[str, pd.DataFrame]:
    """Charts of three years from month `first` on, and what is kept of the baseline in the window before."""
    kept = None if first == 0 else window(first - 6, thin=thin)["chart_baselines"]
    times = frames.all_periods(MONTHS + 12)
    starts = times.loc[times["grain"] == "month", "period_starts_on"].iloc[first : first + MONTHS]
    inside = times[
        (times["period_starts_on"] >= starts.min()) & (times["period_ends_on"] <= starts.max() + pd.offsets.MonthEnd())
    ]
    analysis = frames.published(*([THIN] if thin else SERIES), months=MONTHS + 12)
    strata, gaps = (rows[rows["period_starts_on"].isin(starts)] for rows in (analysis.strata, analysis.gaps))
    empty = {name: frames.register(name) for name in ("aims", "drivers", "change_tests", "chart_choices")}
    return follow_up(
        strata.reset_index(drop=True), gaps.reset_index(drop=True),
        registers={**empty, "chart_phases": frames.register("chart_phases", PHASE)},
        measures=frames.MEASURES, stratifiers=frames.STRATIFIERS, strata_labels=frames.LABELS,
        periods=inside.reset_index(drop=True), sites=frames.SITES, confidence=0.95, kept=kept,
    )  # fmt: skip


KEY = ["subject", "measure_id", "stratum", "reference_stratum"]


@pytest.mark.parametrize("first", [6, 12])
def test_limits_stay_when_the_window_has_left_the_baseline(first: int) -> None:
    before, after = window(0)["charts"], window(first)["charts"]
    assert len(after) == len(after[after["period_starts_on"] >= frames.periods()["period_starts_on"].iloc[first]])
    both = before.merge(after, on=[*KEY, "period_starts_on"], suffixes=("", "_after"))
    assert set(both["subject"]) == {"stratum", "gap", "spread"} and len(both) == len(before) - first * len(before) // 36
    for name in ("centre", "limit_low", "limit_high"):
        np.testing.assert_allclose(both[f"{name}_after"], both[name], rtol=1e-12, err_msg=name)


def test_the_series_tells_the_days_of_its_baseline_and_counts_points_of_the_window_only() -> None:
    series = window(12)["chart_series"]
    assert set(series["baseline_ends_on"].dropna()) == {pd.Timestamp(2024, 6, 1) + pd.offsets.MonthEnd()}
    assert set(series["baseline_points"]) == {12} and set(series["n_points"]) == {MONTHS}


def test_nothing_is_kept_that_no_entry_names_and_hidden_points_never() -> None:
    analysis = frames.published(*SERIES, months=MONTHS + 12, held=[3])
    none = frames.followed(analysis, months=MONTHS + 12)
    assert none["chart_baselines"].empty
    one = frames.register("chart_phases", {**PHASE, "measure_id": "share", "stratum": "a"})
    kept = frames.followed(analysis, months=MONTHS + 12, chart_phases=one)["chart_baselines"]
    assert set(kept["measure_id"]) == {"share"}
    # The group, its gap, and the reference that the gap's limits need; the held month has a status and no number.
    groups = kept.groupby(["subject", "stratum"])[["numerator", "difference"]].count().max(axis=1).to_dict()
    assert groups == {("gap", "a"): 11, ("stratum", "a"): 11, ("stratum", "b"): 11}
    held = kept[kept["disclosure_status"] != "published"]
    assert len(held) == 3 and held[list(KEPT_NUMBERS)].isna().all(axis=None)


def test_why_a_chart_is_not_drawn_stays_the_same_when_the_baseline_has_left() -> None:
    before, after = (window(first, thin=True)["chart_series"]["chart_status"].tolist() for first in (0, 6))
    assert before == after == [selection.TOO_SMALL]


def test_limits_do_not_follow_a_confidence_level_that_was_changed_since() -> None:
    kept, times = window(0)["chart_baselines"], frames.periods(MONTHS + 12).iloc[12:]
    rows, wider = (before_window(kept, times, "stratum", level) for level in (0.95, 0.99))
    means = rows["measure_id"] == "average"
    assert means.any()
    ratio = ((wider["ci_high"] - wider["ci_low"]) / (rows["ci_high"] - rows["ci_low"]))[means]
    np.testing.assert_allclose(ratio, stdtrit(399, 0.995) / stdtrit(399, 0.975), rtol=1e-9)


def test_the_file_gives_back_what_was_written(tmp_path: Path) -> None:
    kept = window(0)["chart_baselines"]
    path = tmp_path / "chart_baselines.csv"
    assert read_chart_baselines(path).empty
    write_chart_baselines(path, kept)
    again = read_chart_baselines(path)
    pd.testing.assert_frame_equal(again.astype(kept.dtypes.to_dict()), kept)
    path.write_text("another,file\n1,2\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"chart_baselines\.csv"):
        read_chart_baselines(path)
