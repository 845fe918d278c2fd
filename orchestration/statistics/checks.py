"""Refuses numbers that no group can have, wherever arrays enter a computation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from orchestration.errors import StatisticsError

FloatArray = npt.NDArray[np.float64]

# Room for rounding in effective numbers, which are products.
_ROOM = 1e-9


def require_counts(where: str, *, whole: bool = True, **counts: FloatArray) -> None:
    """Raise StatisticsError unless each of `counts` (named arrays) is 0 or more and, with `whole`, a whole number.

    NaN is a group whose count is withheld and passes; infinity does not. Effective numbers of people or events need not
    be whole. The error tells how many elements are wrong and never one of them.
    """
    for name, count in counts.items():
        with np.errstate(invalid="ignore"):
            wrong = (count < 0) | np.isinf(count)
            if whole:
                wrong |= count != np.floor(count)
                wrong &= ~np.isnan(count)
        _refuse(wrong, f"`{name}` is {'a whole number ' if whole else ''}from 0 up", where)


def require_part(where: str, part: FloatArray, whole: FloatArray) -> None:
    """Raise StatisticsError where `part` is more than the `whole` that it is of; NaN passes."""
    with np.errstate(invalid="ignore"):
        _refuse(part > whole * (1 + _ROOM), "a numerator is at most its denominator", where)


def require_shares(where: str, **shares: FloatArray) -> None:
    """Raise StatisticsError unless each of `shares` (named arrays) lies from 0 to 1; NaN passes."""
    for name, share in shares.items():
        with np.errstate(invalid="ignore"):
            _refuse((share < 0) | (share > 1), f"`{name}` is from 0 to 1", where)


def require_sums(where: str, total: FloatArray, count: FloatArray, sum_of_squares: FloatArray) -> None:
    """Raise StatisticsError where no `count` values have this sum and this sum of squares (Cauchy-Schwarz)."""
    with np.errstate(invalid="ignore"):
        _refuse(
            total**2 > sum_of_squares * count * (1 + _ROOM), "a sum of squares is as large as its sum demands", where
        )


def require_products(where: str, sum_yy: FloatArray, sum_yd: FloatArray, sum_dd: FloatArray) -> None:
    """Raise StatisticsError where no values have these sums of squares and of products (Cauchy-Schwarz)."""
    with np.errstate(invalid="ignore"):
        wrong = sum_yd**2 > sum_yy * sum_dd * (1 + _ROOM)
        _refuse(wrong, "a sum of products is at most what its sums of squares allow", where)


def _refuse(wrong: npt.NDArray[np.bool_], rule: str, where: str) -> None:
    if wrong.any():
        raise StatisticsError(
            rule,
            where=where,
            found=f"{int(wrong.sum())} of {wrong.size} groups otherwise",
            remedy="correct the step that counted",
        )
