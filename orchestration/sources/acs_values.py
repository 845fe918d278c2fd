"""What ACS values mean: the codes that stand for no value, labels across vintages, margins of what is derived.

Formulas: U.S. Census Bureau, Understanding and Using American Community Survey Data: What All Data Users Need to Know
(2020), chapter 8. Margins are for 90 % confidence; a standard error is a margin over 1.645.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Z_90 = 1.645
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[Any]
OPEN_INTERVAL = "the median lies in the lowest or highest, open-ended interval"
_FEW = "too few sample observations to compute it"
_HIDDEN = "too few sample cases in the area to show it"
_NONE = "not applicable or not available"
ESTIMATE_SYMBOLS = {"-": _FEW, "N": _HIDDEN, "(X)": _NONE, "null": _NONE, "": _NONE, "**": _FEW, "***": OPEN_INTERVAL}
MARGIN_SYMBOLS = ("**", "***", "-", "N", "(X)", "null", "")
EXACT_SYMBOLS = ("*****", "-555555555")
# Below this no estimate lies: every such number is a code, also one that is not known here.
_JAM_BELOW = -100_000_000
_JAM = {
    -666666666: _FEW,
    -999999999: _HIDDEN,
    -888888888: _NONE,
    -222222222: _FEW,
    -333333333: OPEN_INTERVAL,
    -555555555: "the estimate is controlled to another count, so it has no margin of error",
}
_EXACT = -555555555
# The same as texts, for files: codes by their reason, those for no margin, and the shape of one that is not known here.
JAM_TEXTS = {str(code): reason for code, reason in _JAM.items()}
JAM_SHAPE = r"-[1-9][0-9]{8}(\.0*)?"


@dataclass(frozen=True)
class Estimate:
    """Estimates of a row of areas with their margins of error; NaN where there is none, and `reason` says why.

    Three arrays of one length: value, moe (same unit as the value), reason (text, None where there is a value).
    """

    value: Floats
    moe: Floats
    reason: Texts

    @property
    def cv(self) -> Floats:
        """Coefficient of variation: standard error over the estimate; infinite where the estimate is an uncertain 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            cv = self.moe / Z_90 / np.abs(self.value)
        return np.where(self.moe == 0, 0.0, cv)

    def is_unreliable(self, limit: float) -> npt.NDArray[np.bool_]:
        """Whether the coefficient of variation is above `limit` or cannot be known; False where there is no value."""
        return ~np.isnan(self.value) & ~(self.cv <= limit)


def estimate_of(
    values: list[str | None], margins: list[str | None], notes: list[str | None], margin_notes: list[str | None]
) -> Estimate:
    """What the API says of one variable: its estimates, margins and the annotations of both, one per area each.

    A number that is a code becomes NaN with its reason. A median of an open-ended interval ("250,000+") is a bound and
    no estimate, and is treated so. A margin that is "controlled" (-555555555, *****) is 0. Raises ValueError.
    """
    value, moe = _numbers(values), _numbers(margins)
    reason = np.full(len(values), None, dtype=object)
    for row, note in enumerate(notes):
        if np.isnan(value[row]):
            reason[row] = _NONE
        elif value[row] < _JAM_BELOW:
            reason[row] = _JAM.get(int(value[row]), f"code {int(value[row])} of the census")
        elif note is not None and note.strip()[:1].isdigit() and note.strip()[-1] in "+-":
            reason[row] = OPEN_INTERVAL
    value[reason != None] = np.nan  # noqa: E711 - element by element
    exact = (moe == _EXACT) | np.array([note in EXACT_SYMBOLS for note in margin_notes], dtype=bool)
    moe = np.where(exact, 0.0, np.where(moe < _JAM_BELOW, np.nan, moe))
    moe[np.isnan(value)] = np.nan
    return Estimate(value, moe, reason)


def _numbers(texts: list[str | None]) -> Floats:
    numbers = np.array([np.nan if text is None or text == "" else float(text) for text in texts], dtype=np.float64)
    if np.isinf(numbers).any():
        raise ValueError("an infinite number")
    return numbers


def total(parts: list[Estimate]) -> Estimate:
    """The sum of estimates. Margin: root of the sum of squares; of several estimates of 0, the largest margin counts.

    Where a part is missing the sum is, for the first reason.
    """
    if len(parts) == 1:
        return parts[0]
    values, moes = np.stack([part.value for part in parts]), np.stack([part.moe for part in parts])
    zero = values == 0
    squares = np.where(zero, 0.0, moes**2)
    largest_of_zeros = np.where(zero.any(axis=0), np.where(zero, moes, -np.inf).max(axis=0), 0.0)
    moe = np.sqrt(squares.sum(axis=0) + largest_of_zeros**2)
    return Estimate(values.sum(axis=0), moe, _first_reason(parts))


def proportion(part: Estimate, whole: Estimate) -> Estimate:
    """part / whole, where the part is counted in the whole. Margin: √(MOE² − p²·MOE_whole²) / whole.

    Where that root is of a negative number, the formula of a ratio, as the Census Bureau says. Of nobody: missing.
    """
    return _quotient(part, whole, is_part=True)


def ratio(upper: Estimate, lower: Estimate) -> Estimate:
    """upper / lower, where neither is counted in the other. Margin: √(MOE² + r²·MOE_lower²) / lower."""
    return _quotient(upper, lower, is_part=False)


def product(first: Estimate, second: Estimate) -> Estimate:
    """first x second. Margin: √(first²·MOE_second² + second²·MOE_first²)."""
    moe = np.sqrt(first.value**2 * second.moe**2 + second.value**2 * first.moe**2)
    return Estimate(first.value * second.value, moe, _first_reason([first, second]))


def _quotient(upper: Estimate, lower: Estimate, *, is_part: bool) -> Estimate:
    reason = _first_reason([upper, lower])
    reason[(lower.value == 0) & (reason == None)] = "nobody is in the group that the share is of"  # noqa: E711
    below = np.where(lower.value == 0, np.nan, lower.value)
    value = upper.value / below
    weighted = value**2 * lower.moe**2
    radicand = upper.moe**2 - weighted
    if not is_part:
        radicand = upper.moe**2 + weighted
    radicand = np.where(radicand < 0, upper.moe**2 + weighted, radicand)
    return Estimate(value, np.sqrt(radicand) / below, reason)


def _first_reason(parts: list[Estimate]) -> Texts:
    reason = parts[0].reason.copy()
    for part in parts[1:]:
        empty = reason == None  # noqa: E711 - element by element
        reason[empty] = part.reason[empty]
    return reason


def label_parts(label: str) -> tuple[str, ...]:
    """A label's parts without what differs between vintages: "Estimate" first or second, colons, capitals.

    Up to 2017 a subject table says "Total!!Estimate!!…", from 2018 "Estimate!!Total!!…"; from 2019 with colons.
    """
    parts = [part.strip().rstrip(":").strip().casefold() for part in label.split("!!")]
    return tuple(part for n, part in enumerate(parts) if not (n < 2 and part in ("estimate", "margin of error")))
