"""The groups of many slices side by side, as padded arrays: what every summary index of inequality starts from.

The first axis is the group and the second the slice, so that one operation serves all slices at once; a slice with
fewer groups than the widest one is padded. Ordered slices run from the most disadvantaged group (rank 0) to the most
advantaged. Values are in any one unit; nothing here knows of frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orchestration.errors import StatisticsError
from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray

# Fewer groups than this have one difference, which says what any of the complex indices could say.
COMPLEX_FROM_GROUPS = 3


@dataclass(frozen=True)
class Groups:
    """`value`, `error` (standard error), `weight` (people or person-time): shape (groups, slices).

    NaN in `value` is padding. `sign` per slice: +1 where lower is better, -1 where higher is better. `reference` per
    slice: the position of the group that the others are compared with, -1 where there is none; `advantaged` the same
    for the most advantaged group of an ordered slice, -1 where the groups have no order. `factor_low`, `factor_high`:
    by what one standard error multiplies a value downwards and upwards (1 or more) where limits are not symmetric, as
    those of rates; NaN, or no array, where the error is added.
    """

    value: FloatArray
    error: FloatArray
    weight: FloatArray
    sign: FloatArray
    reference: IntArray
    advantaged: IntArray
    factor_low: FloatArray | None = None
    factor_high: FloatArray | None = None

    def __post_init__(self) -> None:
        present = self.present
        for holds, rule in (
            (self.value.shape == self.error.shape == self.weight.shape, "value, error and weight have one shape"),
            (
                self.value.shape[1:] == self.sign.shape == self.reference.shape == self.advantaged.shape,
                "there is one sign, one reference and one most advantaged group per slice",
            ),
        ):
            _require(bool(holds), rule)
        _require(bool((self.weight[present] > 0).all()), "each group has people")
        _require(bool(np.isfinite(self.weight[present]).all()), "weights are finite")
        _require(bool(np.isfinite(self.value[present]).all()), "values are finite")
        _require(bool((self.value[present] >= 0).all()), "values are not negative")
        _require(not bool((self.error[present] < 0).any()), "standard errors are not negative")
        _require(bool(np.isin(self.sign, (-1.0, 1.0)).all()), "a sign is 1 or -1")
        for factor in (self.factor_low, self.factor_high):
            _require(factor is None or factor.shape == self.value.shape, "a factor has the shape of the values")
            _require(factor is None or not bool((factor < 1).any()), "a factor is 1 or more")
        for name in ("reference", "advantaged"):
            position = getattr(self, name)
            chosen = np.flatnonzero(position >= 0)
            _require(bool((position < max(self.value.shape[0], 1)).all()), f"`{name}` is a group's position")
            _require(bool(present[position[chosen], chosen].all()), f"`{name}` is a group that is there")

    @cached_property
    def present(self) -> BoolArray:
        """Where there is a group: shape (groups, slices)."""
        present: BoolArray = ~np.isnan(self.value)
        return present

    @cached_property
    def count(self) -> FloatArray:
        """Number of groups per slice."""
        return np.asarray(self.present.sum(axis=0), dtype=np.float64)

    @cached_property
    def share(self) -> FloatArray:
        """Each group's share of all people of its slice; 0 in padding."""
        weight = np.where(self.present, self.weight, 0.0)
        with np.errstate(invalid="ignore"):
            return np.asarray(weight / weight.sum(axis=0), dtype=np.float64)

    @cached_property
    def equal(self) -> FloatArray:
        """One over the number of groups; 0 in padding."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(self.present, 1 / self.count, 0.0), dtype=np.float64)

    @cached_property
    def rank(self) -> FloatArray:
        """Cumulative share to the middle of each group, 0 = most disadvantaged; 0 in padding."""
        return np.where(self.present, np.cumsum(self.share, axis=0) - self.share / 2, 0.0)

    def take(self, slices: IntArray | BoolArray) -> Groups:
        """The same for some of the slices."""
        factors = (None if part is None else part[:, slices] for part in (self.factor_low, self.factor_high))
        return Groups(
            self.value[:, slices],
            self.error[:, slices],
            self.weight[:, slices],
            self.sign[slices],
            self.reference[slices],
            self.advantaged[slices],
            *factors,
        )

    def trimmed(self) -> Groups:
        """The same without the rows that are padding in every slice."""
        rows = int(np.flatnonzero(self.present.any(axis=1)).max(initial=-1)) + 1
        factors = (None if part is None else part[:rows] for part in (self.factor_low, self.factor_high))
        return Groups(
            *(self.value[:rows], self.error[:rows], self.weight[:rows]),
            *(self.sign, self.reference, self.advantaged),
            *factors,
        )


def at(values: FloatArray, position: IntArray) -> FloatArray:
    """Element `position` of each slice (groups first, slices second, draws if any after); NaN where it is -1."""
    shape = (1, position.size, *(1 for _ in values.shape[2:]))
    chosen = np.take_along_axis(values, np.maximum(position, 0).reshape(shape), axis=0)[0]
    return np.where((position >= 0).reshape(shape[1:]), chosen, np.nan)


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise StatisticsError(
            rule, where="groups of a slice", found="otherwise", remedy="correct the step that formed the groups"
        )
