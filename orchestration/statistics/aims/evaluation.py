"""Each aim against the published numbers: progress, projection, targets of every group, safety, and a status by rules.

Status, the first that applies. `not assessed`: the latest period's gap, or a group that has a target, is suppressed,
held or missing. `met`: the gap and every group with a target are at their targets, each in its last three published
months (two quarters, one year), and the balancing measure signals worse nowhere. `off track`: the aim's date is over;
or even the better end of the projection misses a target. `too early`: fewer than four points since the baseline.
`on track`: the gap and every group are projected to reach their targets, and the balancing measure signals worse
nowhere. `at risk`: anything else.

An outcome is called `improved` by the rules of `outcome.py`, from released values only. The same children stand in
both gaps, which makes the interval of the change err on the wide side.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from orchestration.statistics.aims.balancing import Balance, balance
from orchestration.statistics.aims.lines import (
    LASTING,
    Line,
    in_baseline,
    is_baseline,
    lasting_words,
    latest_points,
    line_of,
    without_value,
)
from orchestration.statistics.aims.outcome import DIFFERENCE, VALUE, outcome_of
from orchestration.statistics.aims.projection import METHOD, POINTS_NEEDED, Projection, project
from orchestration.statistics.aims.validation import OVERALL, group_targets
from orchestration.statistics.counts import DIRECTIONS
from orchestration.statistics.intervals import normal_quantile

MET, ON_TRACK, AT_RISK, OFF_TRACK, TOO_EARLY, NOT_ASSESSED = (
    *("met", "on track", "at risk", "off track", "too early", "not assessed"),
)
STATUSES = (MET, ON_TRACK, AT_RISK, OFF_TRACK, TOO_EARLY, NOT_ASSESSED)
OWN_REFERENCE = "the aim's group is the one that gaps are measured from, so that it has no gap: name another group"
MONTHS = {"month": 1, "quarter": 3, "year": 12}
LOOK_BACK_MONTHS = 12
_DAYS_PER_YEAR = 365.25

AIM_COLUMNS = (
    *("aim_id", "title", "population", "measure_id", "stratifier", "stratum", "reference_stratum", "site", "grain"),
    *("owner", "baseline_starts_on", "baseline_ends_on", "baseline_value", "baseline_in_release", "target", "by_when"),
    *("latest_starts_on", "latest_ends_on", "latest_value", "latest_low", "latest_high", "progress_pct"),
    *("projected_value", "projected_low", "projected_high", "projection_method", "groups_met", "groups_with_target"),
    *("outcome", "status", "status_reason", "process_measure_id", "process_value", "process_variation"),
    *("balancing_measure_id", "balancing_status", "disclosure_status", "quality_status"),
)
TARGET_COLUMNS = (
    *("aim_id", "measure_id", "stratifier", "stratum", "site", "grain", "target", "baseline_in_release"),
    *("latest_starts_on", "latest_value", "latest_low", "latest_high", "projected_value", "projected_low"),
    *("projected_high", "is_met", "disclosure_status", "quality_status"),
)


class Aims(NamedTuple):
    """One row per aim, and one per aim and group with a target."""

    aims: pd.DataFrame
    targets: pd.DataFrame


def evaluate_aims(
    register: pd.DataFrame,
    *,
    strata: pd.DataFrame,
    gaps: pd.DataFrame,
    series: pd.DataFrame,
    points: pd.DataFrame,
    measures: pd.DataFrame,
    strata_labels: pd.DataFrame,
    periods: pd.DataFrame,
    confidence: float,
) -> Aims:
    """Every aim of the (checked) register.

    `strata` and `gaps` are the published frames, `series` is chart_series and `points` is charts.
    """
    if register.empty:
        return Aims(pd.DataFrame(columns=list(AIM_COLUMNS)), pd.DataFrame(columns=list(TARGET_COLUMNS)))
    wanted = set(register["measure_id"]) | set(register["process_measure_id"]) | set(register["balancing_measure_id"])
    complete = periods[periods["is_complete"].astype(bool)]
    at, by = set(register["site"]), {OVERALL, *register["stratifier"]}
    strata, gaps = (
        _whole(
            frame[frame["measure_id"].isin(wanted) & frame["site"].isin(at) & frame["stratifier"].isin(by)], complete
        )
        for frame in (strata, gaps)
    )
    names = dict(
        zip(
            zip(strata_labels["stratifier"], strata_labels["stratum"], strict=True), strata_labels["label"], strict=True
        )
    )
    reasons = set(strata_labels.loc[strata_labels["is_missing"].astype(bool), "stratum"])
    aims, targets = [], []
    for aim in register.to_dict("records"):
        row, groups = _evaluate(
            {str(name): value for name, value in aim.items()},
            strata,
            gaps,
            series,
            points,
            measures,
            complete,
            reasons,
            names,
            confidence,
        )
        aims.append(row)
        targets += groups
    return Aims(pd.DataFrame(aims, columns=list(AIM_COLUMNS)), pd.DataFrame(targets, columns=list(TARGET_COLUMNS)))


def _whole(frame: pd.DataFrame, complete: pd.DataFrame) -> pd.DataFrame:
    known = pd.MultiIndex.from_arrays(
        [complete["grain"], pd.to_datetime(complete["period_starts_on"]).astype("datetime64[s]")]
    )
    own = pd.MultiIndex.from_arrays([frame["grain"], pd.to_datetime(frame["period_starts_on"]).astype("datetime64[s]")])
    return frame[own.isin(known)]


def _evaluate(
    aim: dict[str, Any],
    strata: pd.DataFrame,
    gaps: pd.DataFrame,
    series: pd.DataFrame,
    points: pd.DataFrame,
    measures: pd.DataFrame,
    complete: pd.DataFrame,
    reasons: set[str],
    labels: dict[tuple[str, str], str],
    confidence: float,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    measure = measures[measures["measure_id"] == aim["measure_id"]].iloc[0]
    sign = DIRECTIONS[str(measure["direction"])]
    shared = 1.0
    if measure["denominator_unit"] == "patients":
        shared = max(LOOK_BACK_MONTHS / MONTHS[aim["grain"]], 1.0)
    goals = group_targets(aim["group_targets"], f"aims: {aim['aim_id']}")
    times = complete[complete["grain"] == aim["grain"]].sort_values("period_starts_on")
    at_site = [
        frame[(frame["site"] == aim["site"]) & (frame["stratifier"] == aim["stratifier"])] for frame in (strata, gaps)
    ]
    own_strata, own_gaps = (frame[frame["measure_id"] == aim["measure_id"]] for frame in at_site)
    gap_rows = own_gaps[(own_gaps["stratum"] == aim["stratum"]) & (own_gaps["stratifier_2"].fillna("") == "")]
    lines = [line_of(gap_rows[gap_rows["grain"] == aim["grain"]], DIFFERENCE, times)]
    for group in goals:
        rows = own_strata[(own_strata["stratum"] == group) & (own_strata["grain"] == aim["grain"])]
        lines.append(line_of(rows, VALUE, times))
    signs = np.array([1.0, *([sign] * len(goals))])
    target = np.array([aim["gap_target"], *goals.values()])
    latest = np.array([line.value[-1] if len(line.value) else np.nan for line in lines])
    is_met = ~np.isnan(latest) & np.array(
        [_lasts(line, aim, s, t) for line, s, t in zip(lines, signs, target, strict=True)]
    )
    found = _projected(aim, lines, confidence, shared)
    safety = _safety(aim, strata, series, measures, reasons, labels)
    said = ["the gap", *(labels.get((aim["stratifier"], group), group) for group in goals)]
    status, reason = _status(aim, said, lines, latest, is_met, found, signs, target, safety)
    if gap_rows.empty and own_gaps["reference_stratum"].eq(aim["stratum"]).any():
        status, reason = NOT_ASSESSED, OWN_REFERENCE
    is_shown = [line.disclosure == "published" and not np.isnan(line.value[-1]) for line in lines]
    baseline = [
        in_baseline(aim, gap_rows, "difference"),
        *(in_baseline(aim, own_strata[own_strata["stratum"] == group], "value") for group in goals),
    ]
    own = lines[1 + list(goals).index(aim["stratum"])]
    at_measure = strata[(strata["site"] == aim["site"]) & (strata["measure_id"] == aim["measure_id"])]
    improvements = _improvements(aim, points)
    outcome = outcome_of(aim, lines[0], own, gap_rows, at_measure, times, complete, sign, improvements, safety)
    row = {
        **{name: aim[name] for name in AIM_COLUMNS if name in aim},
        "reference_stratum": gap_rows["reference_stratum"].iloc[-1] if len(gap_rows) else None,
        "baseline_in_release": baseline[0],
        "target": aim["gap_target"],
        **_ends(lines[0]),
        "progress_pct": 100 * (aim["baseline_value"] - latest[0]) / (aim["baseline_value"] - aim["gap_target"]),
        **_projection_cells(found, 0),
        "projection_method": METHOD if not np.isnan(found.value[0]) else None,
        "groups_met": int(is_met[1:].sum()),
        "groups_with_target": len(goals),
        "outcome": outcome,
        "status": status,
        "status_reason": "; ".join([reason, *_remarks(aim, baseline[0], latest[0], complete)]),
        **_process(aim, strata, series),
        "balancing_status": safety.words if safety else "",
        "disclosure_status": lines[0].disclosure,
        "quality_status": lines[0].quality,
    }
    groups = [
        {
            **{name: aim[name] for name in ("aim_id", "measure_id", "stratifier", "site", "grain")},
            "stratum": group,
            "target": goals[group],
            "baseline_in_release": baseline[at],
            **{name: value for name, value in _ends(lines[at]).items() if name != "latest_ends_on"},
            **_projection_cells(found, at),
            "is_met": bool(is_met[at]) if is_shown[at] else None,
            "disclosure_status": lines[at].disclosure,
            "quality_status": lines[at].quality,
        }
        for at, group in enumerate(goals, start=1)
    ]
    return row, groups


def _projected(aim: dict[str, Any], lines: list[Line], confidence: float, shared: float) -> Projection:
    starts = pd.Timestamp(aim["baseline_ends_on"])
    origin = starts.to_datetime64()
    ends = lines[0].ends.to_numpy(dtype="datetime64[s]")
    since = ends >= origin.astype("datetime64[s]")
    years = (ends - origin.astype("datetime64[s]")).astype("float64") / 86400 / _DAYS_PER_YEAR
    value, low, high = (np.stack([getattr(line, name) for line in lines]) for name in ("value", "low", "high"))
    error = (high - low) / (2 * normal_quantile(confidence))
    at = (pd.Timestamp(aim["by_when"]) - starts).days / _DAYS_PER_YEAR
    size = len(lines)
    return project(
        np.tile(years, (size, 1)),
        np.where(since, value, np.nan),
        error,
        np.full(size, at),
        confidence,
        np.full(size, shared),
    )


def _status(
    aim: dict[str, Any],
    names: list[str],
    lines: list[Line],
    latest: np.ndarray,
    is_met: np.ndarray,
    found: Projection,
    signs: np.ndarray,
    target: np.ndarray,
    safety: Balance | None,
) -> tuple[str, str]:
    unknown = [(name, line) for name, line, value in zip(names, lines, latest, strict=True) if np.isnan(value)]
    if unknown:
        return NOT_ASSESSED, without_value(unknown, aim["grain"])
    harm = safety is not None and bool(safety.worse)
    missed = [name for name, met in zip(names, is_met, strict=True) if not met]
    if not missed:
        return (AT_RISK, f"targets reached, but the balancing measure is {safety.words}") if harm and safety else (
            MET, f"the gap and every group with a target are at their targets in {lasting_words(aim['grain'])}"
        )  # fmt: skip
    if len(lines[0].ends) and lines[0].ends.iloc[-1] >= pd.Timestamp(aim["by_when"]):
        return OFF_TRACK, f"the date is over, and not at target in {lasting_words(aim['grain'])}: {', '.join(missed)}"
    if np.isnan(found.value).any():
        return TOO_EARLY, f"fewer than {POINTS_NEEDED} points since the baseline to draw a line through"
    beyond = signs * (found.value - target) > 0
    better_end = np.where(signs > 0, found.low, found.high)
    hopeless = signs * (better_end - target) > 0
    if hopeless.any():
        return OFF_TRACK, "going on like this, misses even at the better end: " + _names(names, hopeless)
    if beyond.any():
        return AT_RISK, "going on like this, misses its target: " + _names(names, beyond)
    if harm and safety:
        return AT_RISK, f"projected to be reached, but the balancing measure is {safety.words}"
    if (signs * (latest - target) <= 0).all():
        return ON_TRACK, f"at target in the latest {aim['grain']}, not yet in {lasting_words(aim['grain'])}"
    return ON_TRACK, "going on like this, the gap and every group reach their targets"


def _names(names: list[str], chosen: np.ndarray) -> str:
    return ", ".join(name for name, is_chosen in zip(names, chosen, strict=True) if is_chosen)


def _lasts(line: Line, aim: dict[str, Any], sign: float, target: float) -> bool:
    """Whether a target is met by as many latest published points as it takes."""
    found = line.value[latest_points(line.value, aim["grain"])]
    return len(found) == LASTING[aim["grain"]] and bool((sign * (found - target) <= 0).all())


def _remarks(aim: dict[str, Any], baseline: float, latest: float, complete: pd.DataFrame) -> list[str]:
    """What a reader of the status must know besides: the baseline's standing, and a gap that turned around."""
    found = []
    if not is_baseline(aim, complete).any():
        found.append("the baseline is not one period of this release, so nothing is said about improvement")
    elif not np.isnan(baseline) and abs(baseline - aim["baseline_value"]) > _rounding(aim["baseline_value"]):
        found.append("the registered baseline_value differs from the release's, which the outcome is judged by")
    if latest < -abs(aim["gap_target"]):
        found.append("the gap has turned: the reference is now served less well, by more than the target")
    return found


def _rounding(number: float) -> float:
    """Half a unit of the last decimal that a registered number has."""
    exponent = Decimal(repr(float(number))).normalize().as_tuple().exponent
    return 0.5 * 10.0 ** min(int(exponent), 0) + 1e-9


def _improvements(aim: dict[str, Any], points: pd.DataFrame) -> set[pd.Timestamp]:
    """Last days of the periods that the control chart of the aim's gap marks as improvement."""
    wanted = {name: aim[name] for name in ("measure_id", "site", "stratifier", "stratum")}
    wanted |= {"subject": "gap", "signal_meaning": "improvement"}
    mine = np.logical_and.reduce([points[name].eq(value).to_numpy(dtype=bool) for name, value in wanted.items()])
    return set(pd.to_datetime(points.loc[mine, "period_ends_on"]))


def _safety(
    aim: dict[str, Any],
    strata: pd.DataFrame,
    series: pd.DataFrame,
    measures: pd.DataFrame,
    reasons: set[str],
    labels: dict[tuple[str, str], str],
) -> Balance | None:
    if not aim["balancing_measure_id"]:
        return None
    return balance(
        aim["balancing_measure_id"],
        aim["stratifier"],
        aim["site"],
        strata=strata,
        series=series,
        measures=measures,
        reasons=reasons,
        labels=labels,
    )


def _process(aim: dict[str, Any], strata: pd.DataFrame, series: pd.DataFrame) -> dict[str, Any]:
    """The process measure's latest value in the aim's own group, and what its chart says."""
    nothing: dict[str, Any] = {"process_value": np.nan, "process_variation": ""}
    if not aim["process_measure_id"]:
        return nothing
    wanted = {name: aim[name] for name in ("stratifier", "stratum", "site")} | {"measure_id": aim["process_measure_id"]}
    rows, charted = (
        frame[np.logical_and.reduce([frame[name].eq(value).to_numpy(dtype=bool) for name, value in wanted.items()])]
        for frame in (strata, series[series["subject"] == "stratum"])
    )
    rows = rows[rows["grain"] == aim["grain"]].sort_values("period_starts_on")
    if len(rows):
        nothing["process_value"] = float(rows["value"].iloc[-1])
    if len(charted):
        nothing["process_variation"] = str(charted["variation"].iloc[0])
    return nothing


def _ends(line: Line) -> dict[str, Any]:
    if not len(line.value):
        return dict.fromkeys(("latest_starts_on", "latest_ends_on", "latest_value", "latest_low", "latest_high"))
    return {
        "latest_starts_on": line.starts.iloc[-1],
        "latest_ends_on": line.ends.iloc[-1],
        "latest_value": line.value[-1],
        "latest_low": line.low[-1],
        "latest_high": line.high[-1],
    }


def _projection_cells(found: Projection, at: int) -> dict[str, float]:
    return {
        "projected_value": found.value[at],
        "projected_low": found.low[at],
        "projected_high": found.high[at],
    }
