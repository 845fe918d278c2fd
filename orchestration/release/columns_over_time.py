"""The release contract's part about time: charts, aims, change tests and drivers; `columns.py` takes it in."""

from __future__ import annotations

import pyarrow as pa  # type: ignore[import-untyped]

_TEXT, _DATE, _COUNT, _NUMBER, _FLAG = pa.string(), pa.date32(), pa.int64(), pa.float64(), pa.bool_()

COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "subject": (_TEXT, "What is charted: stratum (a group's value), gap, or spread (how children's values differ)."),
    "chart": (_TEXT, "Kind of chart: p, u, X-bar, S, XmR, run, gap; prime where limits are stretched (Laney)."),
    "chart_reason": (_TEXT, "Why this kind of chart."),
    "chart_status": (_TEXT, "drawn, or why it is not."),
    "rule_set": (_TEXT, "Which rules the signals come from."),
    "points_overlap": (_FLAG, "True when neighboring points share their children's values, so that runs say nothing."),
    "n_points": (_COUNT, "Periods with a published value."),
    "n_suppressed": (_COUNT, "Periods whose value is suppressed."),
    "n_held": (_COUNT, "Periods whose value is held or not assessed."),
    "baseline_starts_on": (_DATE, "First day of the baseline."),
    "baseline_ends_on": (_DATE, "Last day of the baseline."),
    "baseline_points": (_COUNT, "Published values that the limits come from."),
    "is_provisional": (_FLAG, "True when the limits rest on fewer than 20 points."),
    "dispersion": (_NUMBER, "Laney's sigma z of the baseline: 1 where chance explains how points differ."),
    "longest_run": (_COUNT, "Longest row of points on one side of the centre line."),
    "longest_run_allowed": (_COUNT, "The longest that chance explains (Anhøj)."),
    "crossings": (_COUNT, "How often the points cross the centre line."),
    "crossings_expected": (_COUNT, "The fewest that chance explains (Anhøj)."),
    "runs_signal": (_FLAG, "Anhøj's rules signal; empty where they do not apply."),
    "variation": (_TEXT, "Verdict on the latest point: common cause, or special cause and in which direction."),
    "assurance": (_TEXT, "Whether the process, as it varies, meets the target; empty without a target."),
    "phase": (_COUNT, "Number of the phase; a new one starts only by an entry of the register, with its reason."),
    "is_baseline": (_FLAG, "True for the periods that the limits come from."),
    "centre": (_NUMBER, "Centre line: the baseline's level."),
    "limit_low": (_NUMBER, "Lower control limit; empty where the chart has none."),
    "limit_high": (_NUMBER, "Upper control limit; empty where the chart has none."),
    "signal": (_TEXT, "The first rule that the point breaks; empty when none."),
    "signal_meaning": (_TEXT, "improvement, concern, or higher or lower where neither is better."),
    "aim_id": (_TEXT, "Which aim."),
    "aim_title": (_TEXT, "The aim in a sentence."),
    "owner": (_TEXT, "Which team answers for it."),
    "baseline_value": (_NUMBER, "The gap in the baseline as the team's register has it."),
    "baseline_in_release": (_NUMBER, "The same from this release's tables; empty when the period is not in them."),
    "target": (_NUMBER, "What is to be reached, in the measure's unit; empty without an aim."),
    "by_when": (_DATE, "Until when."),
    "latest_starts_on": (_DATE, "First day of the latest complete period."),
    "latest_ends_on": (_DATE, "Last day of the latest complete period."),
    "latest_value": (_NUMBER, "Value in that period; empty when suppressed, held or not applicable."),
    "latest_low": (_NUMBER, "Lower end of the interval around `latest_value`."),
    "latest_high": (_NUMBER, "Upper end of the interval around `latest_value`."),
    "progress_pct": (_NUMBER, "How much of the way from baseline to target is done, in %; negative when farther away."),
    "projected_value": (_NUMBER, "Where a line through the points since the baseline leads by the aim's date."),
    "projected_low": (_NUMBER, "Lower end of the interval around `projected_value`."),
    "projected_high": (_NUMBER, "Upper end of the interval around `projected_value`."),
    "projection_method": (_TEXT, "How it was projected; empty when it was not."),
    "groups_met": (_COUNT, "Groups with a target that are at it in the last 3 months, 2 quarters or 1 year published."),
    "groups_with_target": (_COUNT, "Groups with a target."),
    "outcome": (_TEXT, "Whether the gap has become smaller by more than chance, fairly and without harm, in words."),
    "status": (_TEXT, "met, on track, at risk, off track, too early or not assessed."),
    "status_reason": (_TEXT, "Why."),
    "process_measure_id": (_TEXT, "Measure of what care does for the aim."),
    "process_value": (_NUMBER, "Its latest value in the aim's own group."),
    "process_variation": (_TEXT, "What its chart says; empty where the measure has no months or no limits."),
    "balancing_measure_id": (_TEXT, "Measure of what must not get worse meanwhile."),
    "balancing_status": (_TEXT, "Whether it signals worse in any group."),
    "is_met": (
        _FLAG,
        "True when it is at its target in the last 3 months, 2 quarters or 1 year published; empty: not shown.",
    ),
    "change_test_id": (_TEXT, "Which change test."),
    "driver_id": (_TEXT, "Which driver."),
    "starts_on": (_DATE, "First day."),
    "ends_on": (_DATE, "Last day; empty while it goes on."),
    "sites": (_TEXT, "Where, separated by blanks."),
    "what": (_TEXT, "What is tried."),
    "decision": (_TEXT, "adopt, adapt or abandon; empty while open."),
    "learned": (_TEXT, "What was learned."),
    "driver_kind": (_TEXT, "primary moves the aim itself, secondary moves other drivers."),
    "parents": (_TEXT, "Drivers that it moves, separated by blanks; empty for a primary one."),
    "label": (_TEXT, "The driver in words."),
    "depth": (_COUNT, "1 for a primary driver, 2 for what moves it, and so on."),
}

_SERIES = (
    *("subject", "measure_id", "measure_title", "grain", "site", "site_label", "stratifier", "stratifier_label"),
    *("stratum", "stratum_label", "reference_stratum", "reference_label"),
)

# name, description, columns
TABLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "chart_series",
        "Which chart each group and each gap has over time, and what it says. One row per chart, drawn or not.",
        (
            *("release_id", *_SERIES, "unit", "chart", "chart_reason", "chart_status", "rule_set", "points_overlap"),
            *("n_points", "n_suppressed", "n_held", "baseline_starts_on", "baseline_ends_on", "baseline_points"),
            *("is_provisional", "dispersion", "longest_run", "longest_run_allowed", "crossings"),
            *("crossings_expected", "runs_signal", "variation", "target", "assurance"),
        ),
    ),
    (
        "charts",
        "Points, limits and signals of the charts that are drawn. One row per chart and period.",
        (
            *("release_id", *_SERIES, "period_starts_on", "period_ends_on", "period_label", "chart", "phase"),
            *("is_baseline", "value", "centre", "limit_low", "limit_high", "unit", "signal", "signal_meaning"),
            *("disclosure_status", "quality_status"),
        ),
    ),
    (
        "aims",
        "Aims of the team: how far, and whether on track. One row per aim.",
        (
            *("release_id", "aim_id", "aim_title", "population", "measure_id", "measure_title", "stratifier"),
            *("stratifier_label", "stratum", "stratum_label", "reference_stratum", "reference_label", "site"),
            *("site_label", "grain", "unit", "owner", "baseline_starts_on", "baseline_ends_on", "baseline_value"),
            *("baseline_in_release", "target", "by_when", "latest_starts_on", "latest_ends_on", "latest_value"),
            *("latest_low", "latest_high", "progress_pct", "projected_value", "projected_low", "projected_high"),
            *("projection_method", "groups_met", "groups_with_target", "outcome", "status", "status_reason"),
            *("process_measure_id", "process_value", "process_variation", "balancing_measure_id"),
            *("balancing_status", "disclosure_status", "quality_status"),
        ),
    ),
    (
        "aim_targets",
        "What each aim wants for each group. One row per aim and group.",
        (
            *("release_id", "aim_id", "measure_id", "measure_title", "stratifier", "stratifier_label", "stratum"),
            *("stratum_label", "site", "site_label", "grain", "unit", "target", "baseline_in_release"),
            *("latest_starts_on", "latest_value", "latest_low", "latest_high", "projected_value", "projected_low"),
            *("projected_high", "is_met", "disclosure_status", "quality_status"),
        ),
    ),
    (
        "change_tests",
        "Change tests (plan-do-study-act cycles) of the team. One row per test.",
        (
            *("release_id", "change_test_id", "aim_id", "driver_id", "starts_on", "ends_on", "sites", "what"),
            *("decision", "learned"),
        ),
    ),
    (
        "drivers",
        "Key driver diagram: what moves the aims, and what moves that. One row per driver.",
        (
            *("release_id", "driver_id", "aim_id", "driver_kind", "parents", "depth", "label", "measure_id"),
            *("measure_title",),
        ),
    ),
)
