"""From published strata and gaps to the release's `chart_series` and `charts`: which series, their limits and signals.

Charted are, by month at all sites, every group of an exclusive stratifier and every gap between such groups; and by
quarter everyone at each site. Overlapping groups would chart the same children twice, crossings are too thin for
months, and reasons for a missing group are no group; their numbers stand in `strata` and `gaps`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit  # type: ignore[import-untyped]

from orchestration.statistics.counts import match, require_columns
from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray
from orchestration.statistics.references import ALL_SITES
from orchestration.statistics.spc import selection
from orchestration.statistics.spc.drawing import Drawn, draw, spread_panel
from orchestration.statistics.spc.kept import before_window, none_kept, periods_with_kept, with_kept
from orchestration.statistics.spc.panel import GAP, SERIES, SPREAD, STRATUM, Panel, gaps_panel, periods_of, strata_panel
from orchestration.statistics.spc.phases import ANY, Phases, phases_of
from orchestration.statistics.spc.rules import RULE_NAMES

OVERALL = "overall"
SERIES_COLUMNS = (
    *("subject", *SERIES, "reference_stratum", "chart", "chart_reason", "chart_status", "rule_set", "points_overlap"),
    *("n_points", "n_suppressed", "n_held", "baseline_starts_on", "baseline_ends_on", "baseline_points"),
    *("is_provisional", "dispersion", "longest_run", "longest_run_allowed", "crossings", "crossings_expected"),
    *("runs_signal", "variation", "target", "assurance"),
)
POINT_COLUMNS = (
    *("subject", *SERIES, "reference_stratum", "period_starts_on", "period_ends_on", "chart", "phase", "is_baseline"),
    *("value", "centre", "limit_low", "limit_high", "signal", "signal_meaning", "disclosure_status", "quality_status"),
)


class Charts(NamedTuple):
    """One row per series, drawn or not; and one per period of those that are drawn."""

    series: pd.DataFrame
    points: pd.DataFrame


def build_charts(
    strata: pd.DataFrame,
    gaps: pd.DataFrame,
    *,
    measures: pd.DataFrame,
    stratifiers: pd.DataFrame,
    strata_labels: pd.DataFrame,
    periods: pd.DataFrame,
    phases: pd.DataFrame,
    choices: pd.DataFrame,
    targets: pd.DataFrame,
    confidence: float,
    kept: pd.DataFrame | None = None,
) -> Charts:
    """`strata` and `gaps` are publish.strata and publish.gaps: what is not published has no number there.

    The dim_ tables; `phases` and `choices` are registers, `targets` has subject, measure_id, site, stratifier, stratum
    and target (in the measure's unit) of each aim; `kept` has points of registered baselines from before the window
    (`kept.kept_points`): limits come from them, points of charts do not. Raises StatisticsError for unknown measures.
    """
    require_columns(strata, (*SERIES, "period_starts_on", "numerator", "denominator", "disclosure_status"), "strata")
    series, points = [], []
    older = none_kept() if kept is None else kept
    older_strata, older_gaps = (before_window(older, periods, subject, confidence) for subject in (STRATUM, GAP))
    whole = periods_with_kept(periods, pd.concat([older_strata, older_gaps]))
    strata, gaps = with_kept(strata, older_strata), with_kept(gaps, older_gaps)
    for grain in ("month", "quarter"):
        times = periods_of(whole, grain)
        new = (
            pd.to_datetime(times["period_starts_on"])
            .isin(pd.to_datetime(periods.loc[periods["grain"] == grain, "period_starts_on"]))
            .to_numpy(dtype=bool)
        )
        rows = _charted(strata, grain, stratifiers, strata_labels)
        if rows.empty or times.empty:
            continue
        panel = strata_panel(rows, measures, times, _factor(rows, confidence))
        drawings = [(STRATUM, panel), (SPREAD, spread_panel(panel))]
        if grain == "month":
            drawings.append((GAP, gaps_panel(_charted(gaps, grain, stratifiers, strata_labels), panel, times)))
        for subject, one in drawings:
            if not len(one):
                continue
            own = phases_of(one, grain, phases)
            overlap, wanted = _choices(one, measures, choices)
            found = draw(
                one,
                panel,
                own,
                grain,
                overlap=overlap,
                wanted=np.where(wanted >= 0, wanted, -1) if subject == STRATUM else np.full(len(one), -1),
                target=_targets(one, subject, targets),
                is_spread=subject == SPREAD,
            )
            series.append(_series_frame(subject, one, own, found, overlap, _targets(one, subject, targets), new))
            points.append(_point_frame(subject, one, own, found, new))
    if not series:
        return Charts(pd.DataFrame(columns=list(SERIES_COLUMNS)), pd.DataFrame(columns=list(POINT_COLUMNS)))
    return Charts(pd.concat(series, ignore_index=True), pd.concat(points, ignore_index=True))


def _charted(frame: pd.DataFrame, grain: str, stratifiers: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    single = stratifiers[stratifiers["is_exclusive"].astype(bool) & ~stratifiers["is_crossing"].astype(bool)]
    chosen = frame[(frame["grain"] == grain).to_numpy(dtype=bool)]
    at_all = (chosen["site"] == ALL_SITES).to_numpy(dtype=bool)
    if grain == "month":
        chosen = chosen[at_all & chosen["stratifier"].isin(single["stratifier"]).to_numpy(dtype=bool)]
    else:
        chosen = chosen[~at_all & (chosen["stratifier"] == OVERALL).to_numpy(dtype=bool)]
    missing = labels[labels["is_missing"].astype(bool)]
    unknown = pd.MultiIndex.from_frame(missing[["stratifier", "stratum"]])
    return chosen[~pd.MultiIndex.from_frame(chosen[["stratifier", "stratum"]]).isin(unknown)].reset_index(drop=True)


def _factor(strata: pd.DataFrame, confidence: float) -> FloatArray:
    n = strata["denominator"].to_numpy(dtype="float64", na_value=np.nan)
    found: FloatArray = stdtrit(np.where(n > 1, n - 1, np.nan), 0.5 + confidence / 2)
    return found


def _choices(panel: Panel, measures: pd.DataFrame, choices: pd.DataFrame) -> tuple[BoolArray, IntArray]:
    """Whether points overlap and the chart asked for, per series.

    A measure of children looks back (the latest value within twelve months), so its points overlap; one of events over
    time does not.
    """
    measure = match(panel.keys, "measure_id", measures, "charts")
    overlap = measures["denominator_unit"].eq("patients").to_numpy(dtype=bool)[measure]
    wanted = np.full(len(panel), -1, dtype=np.int64)
    for entry in choices.to_dict("records"):
        named = panel.keys["measure_id"].eq(entry["measure_id"]).to_numpy(dtype=bool)
        if entry["stratifier"] != ANY:
            named = named & panel.keys["stratifier"].eq(entry["stratifier"]).to_numpy(dtype=bool)
        if entry["chart"]:
            wanted[named] = selection.NAMES.index(entry["chart"])
        if entry["points_overlap"]:
            overlap = np.where(named, entry["points_overlap"] == "yes", overlap)
    return overlap, wanted


def _targets(panel: Panel, subject: str, targets: pd.DataFrame) -> FloatArray:
    """Target of the aim on each series in natural units; NaN without one."""
    columns = ["measure_id", "site", "stratifier", "stratum"]
    mine = targets[targets["subject"] == subject].drop_duplicates(columns)
    known = pd.MultiIndex.from_frame(mine[columns])
    position = known.get_indexer(pd.MultiIndex.from_frame(panel.keys[columns]))
    values = np.append(mine["target"].to_numpy(dtype="float64"), np.nan)
    found: FloatArray = values[position] / panel.multiplier
    return found


def _series_frame(
    subject: str,
    panel: Panel,
    phases: Phases,
    found: Drawn,
    overlap: BoolArray,
    target: FloatArray,
    new: BoolArray,
) -> pd.DataFrame:
    # A chart whose latest phase has no limits yet is drawn, but no rules judge it.
    drawn = found.rule_set != ""
    last_phase = phases.number == phases.number.max(axis=1, keepdims=True, initial=0)
    base = phases.is_baseline & last_phase
    any_base = base.any(axis=1)
    first, last = np.argmax(base, axis=1), base.shape[1] - 1 - np.argmax(base[:, ::-1], axis=1)

    def only_drawn(values: IntArray) -> pd.Series:
        return pd.Series(values).astype("Int64").where(drawn)

    return panel.keys[list(SERIES)].assign(
        subject=subject,
        reference_stratum=_reference(panel),
        chart=np.array(selection.NAMES, dtype=object)[found.chart],
        chart_reason=found.reason,
        chart_status=found.status,
        rule_set=found.rule_set,
        points_overlap=overlap,
        n_points=panel.points.shown[:, new].sum(axis=1),
        n_suppressed=panel.points.suppressed[:, new].sum(axis=1),
        n_held=panel.points.held[:, new].sum(axis=1),
        baseline_starts_on=pd.Series(panel.starts[first]).where(any_base),
        baseline_ends_on=pd.Series(panel.ends[last]).where(any_base),
        baseline_points=found.baseline_points,
        is_provisional=drawn & (found.baseline_points < selection.PROVISIONAL_BELOW),
        dispersion=np.where(drawn, found.factor, np.nan),
        longest_run=only_drawn(found.runs.longest),
        longest_run_allowed=only_drawn(found.runs.longest_allowed),
        crossings=only_drawn(found.runs.crossings),
        crossings_expected=only_drawn(found.runs.crossings_expected),
        runs_signal=pd.Series(found.runs_signal, dtype="boolean"),
        variation=found.variation,
        target=target * panel.multiplier,
        assurance=found.assurance,
    )[list(SERIES_COLUMNS)]


def _point_frame(subject: str, panel: Panel, phases: Phases, found: Drawn, new: BoolArray) -> pd.DataFrame:
    drawn = np.flatnonzero(found.status == selection.DRAWN)
    periods = panel.value.shape[1]
    scale = panel.multiplier[drawn][:, None]
    rule, direction = found.signals.rule[drawn], found.signals.direction[drawn]
    sign = np.zeros(len(drawn)) if subject == SPREAD else panel.sign[drawn]
    toward = direction * sign[:, None]
    meaning = np.select(
        [rule == 0, toward > 0, toward < 0, direction > 0], ["", "concern", "improvement", "higher"], "lower"
    )
    keys = panel.keys[list(SERIES)].iloc[np.repeat(drawn, periods)].reset_index(drop=True)
    status = panel.status[drawn].ravel()
    points = keys.assign(
        subject=subject,
        reference_stratum=np.repeat(_reference(panel)[drawn], periods),
        period_starts_on=np.tile(panel.starts, len(drawn)),
        period_ends_on=np.tile(panel.ends, len(drawn)),
        chart=np.repeat(np.array(selection.NAMES, dtype=object)[found.chart[drawn]], periods),
        phase=phases.number[drawn].ravel() + 1,
        is_baseline=phases.is_baseline[drawn].ravel(),
        value=(panel.value[drawn] * scale).ravel(),
        centre=(found.limits.centre[drawn] * scale).ravel(),
        limit_low=(found.limits.low[drawn] * scale).ravel(),
        limit_high=(found.limits.high[drawn] * scale).ravel(),
        signal=np.array(RULE_NAMES, dtype=object)[rule].ravel(),
        signal_meaning=meaning.ravel().astype(object),
        disclosure_status=np.where(pd.isna(status), "not_assessed", status),
        quality_status=panel.quality[drawn].ravel(),
    )[list(POINT_COLUMNS)]
    return points[np.tile(new, len(drawn))]


def _reference(panel: Panel) -> np.ndarray:
    if "reference_stratum" not in panel.keys:
        return np.full(len(panel), "", dtype=object)
    return panel.keys["reference_stratum"].to_numpy(dtype=object)
