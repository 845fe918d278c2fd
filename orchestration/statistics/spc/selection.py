"""Which chart suits a series, and whether its baseline can carry limits at all: decided by stated rules, in words.

Chosen from the measure's kind and from how much the baseline's points differ beyond chance; a register entry can
choose otherwise. A baseline from which suppression took the small counts is no fair sample, so no limits are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.statistics.counts import MEAN, PROPORTION, RATE
from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray

NAMES = ("p", "p prime", "u", "u prime", "X-bar", "S", "XmR", "run", "gap", "gap prime")
P, P_PRIME, U, U_PRIME, XBAR, S, XMR, RUN, GAP, GAP_PRIME = range(len(NAMES))
# What a register may ask for, by kind of measure.
ALLOWED = {PROPORTION: (P, P_PRIME, XMR, RUN), RATE: (U, U_PRIME, XMR, RUN), MEAN: (XBAR, XMR, RUN)}

# Laney's factor of a series in which chance explains everything scatters around 1 with about 0.91 / sqrt(k - 1), k
# being the points of its baseline; above this bound it lies in one of twenty such series.
DISPERSION_ALWAYS_FROM, _DISPERSION_SPREAD, _ONE_IN_TWENTY = 1.1, 0.91, 1.645

# Points with a value that a baseline needs, by grain.
BASELINE_POINTS = {"month": 12, "quarter": 8}
PROVISIONAL_BELOW = 20
# More than this share of a baseline's points suppressed, and what is left is no fair sample of it.
SUPPRESSED_SHARE = 0.10

# What a team does where suppression leaves no chart of events: said of every such series, so that it tells no count.
BETWEEN_EVENTS = "; too few a month to be shown: the care team's marts have the time between events (t chart)"
# Said where a registered phase is too young: its points are shown, and what came before keeps its limits.
WAITS = "; the latest phase has no limits yet, so that its points are shown and not judged"
# The same of an earlier phase: a later one that has limits does not give it any.
EARLIER_WAITS = "; an earlier phase has no limits, so that its points are shown and not judged"

DRAWN = "drawn"
EMPTY = "not drawn: nobody in the group"
HELD_BACK = "not drawn: held"
TOO_SMALL = "not drawn: too many points suppressed"
TOO_FEW = "not drawn: too few points"
NO_VARIATION = "not drawn: every point is the same"


@dataclass(frozen=True)
class Points:
    """What kind of point each is, per series and period: exactly one is True, or none where there is no row."""

    shown: BoolArray
    suppressed: BoolArray
    held: BoolArray


def overdispersed(factor: FloatArray, points: IntArray) -> BoolArray:
    """Whether Laney's factor of a baseline of so many points is larger than 1.1 and larger than chance explains."""
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = 1 + _ONE_IN_TWENTY * _DISPERSION_SPREAD / np.sqrt(np.maximum(points, 2) - 1)
        found: BoolArray = factor > np.maximum(bound, DISPERSION_ALWAYS_FROM)
    return found


def choose(
    kind: IntArray, is_gap: BoolArray, is_overdispersed: BoolArray, wanted: IntArray
) -> tuple[IntArray, npt.NDArray[np.object_]]:
    """Chart per series (an index of NAMES) and why. `wanted`: what a register asks for, -1 for nothing."""
    plain = np.select([is_gap, kind == PROPORTION, kind == RATE], [GAP, P, U], XBAR)
    stretched = np.select([is_gap, kind == PROPORTION, kind == RATE], [GAP_PRIME, P_PRIME, U_PRIME], XBAR)
    chosen = np.where(is_overdispersed, stretched, plain)
    words = np.select(
        [is_gap, kind == PROPORTION, kind == RATE],
        ["a difference with its own standard error", "a share of children", "events over time at risk"],
        "a mean of children's values",
    ).astype(object)
    more = "; points differ by more than chance explains"
    reason = np.where(is_overdispersed & (stretched != plain), words + more, words)
    named = wanted >= 0
    return np.where(named, wanted, chosen).astype(np.int64), np.where(named, "chosen in the register", reason)


def status_of(points: Points, baseline: BoolArray, need: int) -> npt.NDArray[np.object_]:
    """Whether limits can be drawn from the baseline of each series, else why not.

    Held points are missing for reasons that do not depend on their value; suppressed ones are missing because they are
    small, so more than a tenth of them in the baseline would move its centre. A group that is there only later has too
    few points, not nobody.
    """
    ever = (points.shown | points.suppressed | points.held).any(axis=1)
    shown, suppressed, held = ((part & baseline).sum(axis=1) for part in (points.shown, points.suppressed, points.held))
    biased = suppressed > SUPPRESSED_SHARE * np.maximum(shown + suppressed, 1)
    return np.select(
        [~ever, (shown + suppressed == 0) & (held > 0), biased, shown < need],
        [EMPTY, HELD_BACK, TOO_SMALL, TOO_FEW],
        DRAWN,
    ).astype(object)
