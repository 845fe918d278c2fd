"""The rules of the NHS's Making Data Count, in their precedence, and its two verdicts: variation and assurance.

For each point the first rule that it breaks: beyond a limit; part of a trend of seven (each higher, or each lower, than
the one before); one of two out of three points near the same limit (between two and three standard deviations), all
three on one side; part of a run of seven on one side of the centre. The rules count consecutive periods: a gap ends a
run, because what is not shown may lie on either side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray
from orchestration.statistics.spc.limits import Limits
from orchestration.statistics.spc.runs import sides

COMMON, BEYOND_LIMIT, TREND, NEAR_LIMIT, ONE_SIDE = range(5)
RULE_NAMES = ("", "beyond a limit", "trend of 7", "2 of 3 near a limit", "7 on one side")
RUN_LENGTH = 7

StatusArray = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Signals:
    """Per series and point: which rule (an index of RULE_NAMES), and whether it points up (1) or down (-1)."""

    rule: IntArray
    direction: IntArray


def making_data_count(
    y: FloatArray, limits: Limits, *, runs_apply: BoolArray | None = None, phase: IntArray | None = None
) -> Signals:
    """Which points of `y` (series x points) are signals.

    `runs_apply`, per series: where False, only points beyond a limit count, as where neighbouring points share their
    observations. `phase`, per point: runs and trends end where it changes.
    """
    side = sides(y, limits.centre)
    with np.errstate(invalid="ignore"):
        beyond = (y > limits.high) | (y < limits.low)
        near = ~beyond & ((y > limits.near_high) | (y < limits.near_low))
    breaks = np.zeros(y.shape, dtype=bool)  # between a point and the one before it
    if phase is not None:
        breaks[:, 1:] = phase[:, 1:] != phase[:, :-1]
    trend = _trend(y, breaks)
    two_of_three = _two_of_three(near, side, breaks)
    one_side = _one_side(side, breaks)
    if runs_apply is not None:
        for part in (trend, two_of_three, one_side):
            part[~runs_apply] = 0
    chosen = [beyond, trend != 0, two_of_three != 0, one_side != 0]
    rule = np.select(chosen, [BEYOND_LIMIT, TREND, NEAR_LIMIT, ONE_SIDE], COMMON)
    return Signals(rule.astype(np.int64), np.select(chosen, [side, trend, two_of_three, one_side], 0).astype(np.int64))


def variation(signals: Signals, shown: BoolArray, sign_of_worse: IntArray | FloatArray) -> StatusArray:
    """Verdict per series on its last shown point: improvement, concern or common cause; '' without a point.

    `sign_of_worse`: 1 where higher is worse, -1 where lower is worse, 0 where neither (then higher or lower).
    """
    direction = _last(signals.direction, shown)
    toward = direction * np.sign(sign_of_worse)
    words = np.select(
        [direction == 0, toward > 0, toward < 0, direction > 0],
        ["common cause", "special cause, concern", "special cause, improvement", "special cause, higher"],
        "special cause, lower",
    ).astype(object)
    words[~shown.any(axis=1)] = ""
    return words


def assurance(
    limits: Limits, shown: BoolArray, target: FloatArray, sign_of_worse: IntArray | FloatArray
) -> StatusArray:
    """Verdict per series on whether its process, as it varies, meets `target`, by the last shown point's limits.

    `consistently meets`, `consistently misses` or `hit and miss`; '' without target, direction or limits.
    """
    low, high = _last(limits.low, shown), _last(limits.high, shown)
    lower_is_better = np.sign(sign_of_worse) > 0
    with np.errstate(invalid="ignore"):
        above, below = target > high, target < low
    words = np.select(
        [above & lower_is_better, below & lower_is_better, above, below],
        ["consistently meets", "consistently misses", "consistently misses", "consistently meets"],
        "hit and miss",
    ).astype(object)
    words[np.isnan(target) | np.isnan(low) | np.isnan(high) | (np.sign(sign_of_worse) == 0)] = ""
    return words


def _last(values: IntArray | FloatArray, shown: BoolArray) -> FloatArray:
    """Value at the last shown point per series; the first point's where none is shown."""
    points = shown.shape[1]
    if points == 0:
        return np.full(len(values), np.nan)
    last = points - 1 - np.argmax(shown[:, ::-1], axis=1)
    found: FloatArray = np.take_along_axis(values, last[:, None], axis=1)[:, 0].astype(np.float64)
    return np.where(shown.any(axis=1), found, np.nan)


def _trend(y: FloatArray, breaks: BoolArray) -> IntArray:
    """1 or -1 for points in a rise or fall of seven; a point in two takes the later one's direction."""
    with np.errstate(invalid="ignore"):
        step = np.sign(np.diff(y, axis=1))
    step = np.where(np.isnan(step) | breaks[:, 1:], 0, step).astype(np.int64)
    found = np.zeros(y.shape, dtype=np.int64)
    need = RUN_LENGTH - 1
    if step.shape[1] < need:
        return found
    total = sliding_window_view(step, need, axis=1).sum(axis=2)
    moves = np.where(np.abs(total) == need, np.sign(total), 0)
    return _marked(found, moves, RUN_LENGTH)


def _one_side(side: IntArray, breaks: BoolArray) -> IntArray:
    found = np.zeros(side.shape, dtype=np.int64)
    if side.shape[1] < RUN_LENGTH:
        return found
    total = sliding_window_view(side, RUN_LENGTH, axis=1).sum(axis=2)
    unbroken = ~sliding_window_view(breaks[:, 1:], RUN_LENGTH - 1, axis=1).any(axis=2)
    runs = np.where((np.abs(total) == RUN_LENGTH) & unbroken, np.sign(total), 0)
    return _marked(found, runs, RUN_LENGTH)


def _two_of_three(near: BoolArray, side: IntArray, breaks: BoolArray) -> IntArray:
    found = np.zeros(side.shape, dtype=np.int64)
    if side.shape[1] < 3:
        return found
    total = sliding_window_view(side, 3, axis=1).sum(axis=2)
    unbroken = ~sliding_window_view(breaks[:, 1:], 2, axis=1).any(axis=2)
    close = sliding_window_view(near, 3, axis=1).sum(axis=2) >= 2
    hits = np.where((np.abs(total) == 3) & close & unbroken, np.sign(total), 0)
    return np.where(near, _marked(found, hits, 3), 0)


def _marked(found: IntArray, windows: IntArray, length: int) -> IntArray:
    """`found` with every point of a window that is not 0 marked by it; of two windows the later one counts."""
    for start in range(windows.shape[1]):  # a few dozen points, all series at once
        window = found[:, start : start + length]
        window[:] = np.where(windows[:, start, None] != 0, windows[:, start, None], window)
    return found
