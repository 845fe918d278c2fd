"""Draws the charts of one panel: status, kind of chart, limits from each phase's baseline, signals and verdicts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from orchestration.statistics.counts import MEAN, PROPORTION, RATE
from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray
from orchestration.statistics.spc import limits as formulas
from orchestration.statistics.spc import rules, selection
from orchestration.statistics.spc.limits import Limits
from orchestration.statistics.spc.panel import Panel
from orchestration.statistics.spc.phases import Phases
from orchestration.statistics.spc.runs import USEFUL_POINTS, Runs, anhoej

FULL_RULES = "Making Data Count; Anhøj"
LIMITS_ONLY = "limits only: neighboring points share their children's values"
NO_LIMITS = "Anhøj"


@dataclass(frozen=True)
class Drawn:
    """Charts of a panel: one element per series, or series x periods. Limits in natural units, NaN where none."""

    status: npt.NDArray[np.object_]
    chart: IntArray
    reason: npt.NDArray[np.object_]
    rule_set: npt.NDArray[np.object_]
    factor: FloatArray
    baseline_points: IntArray
    limits: Limits
    signals: rules.Signals
    runs: Runs
    runs_signal: npt.NDArray[np.object_]
    variation: npt.NDArray[np.object_]
    assurance: npt.NDArray[np.object_]


@dataclass(frozen=True)
class _Sides:
    """Counts on both sides of gaps, series x periods; one side only for groups."""

    y1: FloatArray
    n1: FloatArray
    s1: FloatArray
    y2: FloatArray
    n2: FloatArray
    s2: FloatArray


def draw(
    panel: Panel,
    strata: Panel,
    phases: Phases,
    grain: str,
    *,
    overlap: BoolArray,
    wanted: IntArray,
    target: FloatArray,
    is_spread: bool = False,
) -> Drawn:
    """All charts of `panel`; `strata` is the panel of groups that gaps refer to (the panel itself for groups).

    Per series: `overlap`, whether neighboring points share observations; `wanted`, the chart that a register asks for
    (-1: none); `target` in natural units. `is_spread` draws S charts of the means' standard deviations.
    """
    formulas.require_series(panel.value, phases.is_baseline)
    sides = _sides(panel, strata)
    is_gap = panel.reference >= 0
    size, count = len(panel), phases.count
    status = np.full(size, selection.EMPTY, dtype=object)
    factor, baseline_points = np.full(size, np.nan), np.zeros(size, dtype=np.int64)
    stretched = np.zeros(size, dtype=bool)
    here = [phases.number == number for number in range(count)]
    bases = [phases.is_baseline & part for part in here]
    for base in bases:
        found, bound = _factor(panel, sides, base)
        stretched |= selection.overdispersed(found, bound)
        factor = np.where(np.isnan(found), factor, found)
    chart, reason = selection.choose(panel.kind, is_gap, stretched & ~overlap, wanted)
    if is_spread:
        chart, reason = np.full(size, selection.S), np.full(size, "spread of children's values", dtype=object)
    nothing = np.full_like(panel.value, np.nan)
    limits = Limits(nothing, nothing, nothing, nothing, nothing)
    need = selection.BASELINE_POINTS[grain]
    waits, has_unjudged = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    for part, base in zip(here, bases, strict=True):
        used = base & panel.points.shown
        is_current = part.any(axis=1)  # a later phase replaces what an earlier one said
        state = selection.status_of(panel.points, base, need)
        own = _limits(panel, sides, chart, used)
        flat = np.isnan(own.centre).all(axis=1) | _without_width(own, chart)
        state[(state == selection.DRAWN) & flat] = selection.NO_VARIATION
        # A phase that is too young for limits does not take away what was drawn before it.
        waits = np.where(is_current, (status == selection.DRAWN) & (state != selection.DRAWN), waits)
        status = np.where(is_current & ~waits, state, status)
        has_unjudged |= (state != selection.DRAWN) & (part & panel.points.shown).any(axis=1)
        baseline_points = np.where(is_current, used.sum(axis=1), baseline_points)
        limits = own.where(part & (state == selection.DRAWN)[:, None], limits)
    reason[(status == selection.TOO_SMALL) & (panel.kind == RATE) & ~is_gap] += selection.BETWEEN_EVENTS
    reason[waits] += selection.WAITS
    reason[(status == selection.DRAWN) & has_unjudged & ~waits] += selection.EARLIER_WAITS
    return _judged(
        panel, phases, limits, status, chart, reason, factor, baseline_points, overlap, target, waits,
        is_spread=is_spread,
    )  # fmt: skip


def _judged(
    panel: Panel,
    phases: Phases,
    limits: Limits,
    status: npt.NDArray[np.object_],
    chart: IntArray,
    reason: npt.NDArray[np.object_],
    factor: FloatArray,
    baseline_points: IntArray,
    overlap: BoolArray,
    target: FloatArray,
    waits: BoolArray,
    *,
    is_spread: bool,
) -> Drawn:
    # What a chart says of today it says by the limits of today.
    drawn = (status == selection.DRAWN) & ~waits
    shown = panel.points.shown & ~np.isnan(limits.centre)
    value = np.where(shown, panel.value, np.nan)
    is_run = chart == selection.RUN
    signals = rules.making_data_count(value, limits, runs_apply=~overlap & ~is_run, phase=phases.number)
    last_phase = phases.number == phases.number.max(axis=1, keepdims=True, initial=0)
    runs = anhoej(np.where(last_phase, value, np.nan), limits.centre)
    judged = drawn & ~overlap & (runs.useful >= USEFUL_POINTS)
    runs_signal = runs.signals.astype(object)
    runs_signal[~judged] = None
    sign = np.zeros(len(panel)) if is_spread else panel.sign
    variation = rules.variation(signals, shown, sign)
    # A run chart has no limits: what it says is whether its run rules signal.
    variation[is_run] = ""
    variation[~drawn] = ""
    assured = rules.assurance(limits, shown, target, sign)
    assured[~drawn] = ""
    rule_set = np.select([overlap, is_run], [LIMITS_ONLY, NO_LIMITS], FULL_RULES).astype(object)
    rule_set[~drawn] = ""
    return Drawn(
        status, chart, reason, rule_set, factor, baseline_points, limits, signals, runs, runs_signal, variation, assured
    )


def spread_panel(strata: Panel) -> Panel:
    """The standard deviations of the means of `strata` as series of their own."""
    chosen = strata.kind == MEAN
    parts = {
        name: getattr(strata, name)[chosen]
        for name in ("kind", "sign", "multiplier", "numerator", "denominator", "deviation", "status", "quality")
    }
    shown = ~np.isnan(parts["deviation"])
    points = replace(
        strata.points, shown=shown, suppressed=strata.points.suppressed[chosen], held=strata.points.held[chosen]
    )
    rows = int(chosen.sum())
    return replace(
        strata,
        keys=strata.keys[chosen].reset_index(drop=True),
        value=parts["deviation"],
        points=points,
        group=np.arange(rows),
        reference=np.full(rows, -1),
        **parts,
    )


def _sides(panel: Panel, strata: Panel) -> _Sides:
    if (panel.reference < 0).all():
        return _Sides(*((panel.numerator, panel.denominator, panel.deviation) * 2))
    one, two = panel.group, panel.reference
    return _Sides(
        *(strata.numerator[one], strata.denominator[one], strata.deviation[one]),
        *(strata.numerator[two], strata.denominator[two], strata.deviation[two]),
    )


def _gap_sigma(panel: Panel, sides: _Sides, used: BoolArray) -> FloatArray:
    """Standard error of each gap, both sides with their baseline's share, rate or standard deviation."""
    variances = []
    for y, n, s in ((sides.y1, sides.n1, sides.s1), (sides.y2, sides.n2, sides.s2)):
        pooled = formulas.pooled(y, n, used)[:, None]
        spread = formulas.pooled_deviation(s, n, used)[:, None]
        kinds = [panel.kind[:, None] == kind for kind in (PROPORTION, RATE)]
        each = np.select(kinds, [pooled * (1 - pooled), pooled], spread**2)
        with np.errstate(divide="ignore", invalid="ignore"):
            variances.append(each / np.where(n > 0, n, np.nan))
    return np.sqrt(variances[0] + variances[1])


def _factor(panel: Panel, sides: _Sides, base: BoolArray) -> tuple[FloatArray, IntArray]:
    """Laney's factor of each series in this baseline (NaN for means, whose spread is measured) and its points."""
    used = base & panel.points.shown
    is_gap = panel.reference >= 0
    if is_gap.any():
        sigma = _gap_sigma(panel, sides, used)
        centre = formulas.difference(panel.value, sigma, used).centre
    else:
        centre = np.repeat(formulas.pooled(sides.y1, sides.n1, used)[:, None], panel.value.shape[1], axis=1)
        each = np.where(panel.kind[:, None] == PROPORTION, centre * (1 - centre), centre)
        with np.errstate(divide="ignore", invalid="ignore"):
            sigma = np.sqrt(each / np.where(sides.n1 > 0, sides.n1, np.nan))
    factor = formulas.dispersion(panel.value, centre, sigma, used)
    return np.where((panel.kind == MEAN) & ~is_gap, np.nan, factor), used.sum(axis=1)


def _limits(panel: Panel, sides: _Sides, chart: IntArray, used: BoolArray) -> Limits:
    """Limits of every series by its own kind of chart."""
    nothing = np.full_like(panel.value, np.nan)
    found = Limits(nothing, nothing.copy(), nothing.copy(), nothing.copy(), nothing.copy())
    for code in np.unique(chart):
        rows = chart == code
        y, n, s, value, base = (part[rows] for part in (sides.y1, sides.n1, sides.s1, panel.value, used))
        if code in (selection.GAP, selection.GAP_PRIME):
            sigma = _gap_sigma(_rows(panel, rows), _side_rows(sides, rows), base)
            stretch = None
            if code == selection.GAP_PRIME:
                centre = formulas.difference(value, sigma, base).centre
                stretch = formulas.dispersion(value, centre, sigma, base)
            own = formulas.difference(value, sigma, base, stretch)
        elif code == selection.P:
            own = formulas.proportions(y, n, base)
        elif code == selection.P_PRIME:
            own = formulas.proportions_prime(y, n, base)
        elif code == selection.U:
            own = formulas.rates(y, n, base)
        elif code == selection.U_PRIME:
            own = formulas.rates_prime(y, n, base)
        elif code == selection.XBAR:
            own = formulas.averages(value, s, n, base)
        elif code == selection.S:
            own = formulas.deviations(s, n, base)
        elif code == selection.XMR:
            own = formulas.individuals(value, base)
        else:
            own = formulas.run_chart(value, base)
        for name in ("centre", "low", "high", "near_low", "near_high"):
            getattr(found, name)[rows] = getattr(own, name)
    return found


def _rows(panel: Panel, rows: BoolArray) -> Panel:
    return replace(panel, kind=panel.kind[rows])


def _side_rows(sides: _Sides, rows: BoolArray) -> _Sides:
    return _Sides(*(getattr(sides, name)[rows] for name in ("y1", "n1", "s1", "y2", "n2", "s2")))


def _without_width(limits: Limits, chart: IntArray) -> BoolArray:
    """Series whose limits have no width anywhere: every point of the baseline is the same."""
    with np.errstate(invalid="ignore"):
        width = np.nansum(limits.high - limits.low, axis=1)
    has_width: BoolArray = width > 0
    found: BoolArray = ~has_width & (chart != selection.RUN)
    return found
