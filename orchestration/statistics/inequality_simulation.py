"""Intervals of indices that have no formula for one: the groups' values are drawn anew from their errors.

The draws are a randomised Halton sequence (Owen 2017) with a fixed seed, the same for every run and every slice: it
fills the space of the groups' normal distributions more evenly than chance does. With MORE_DRAWS another seed moves a
limit by less than half a percent of the interval's width (standard deviation; one percent in some slices), so that two
digits stand; with DRAWS by one percent (up to two), so that the second digit may differ by one. Groups are worked
through one by one and slices all at once, in single precision, whose rounding is a thousandth of that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri  # type: ignore[import-untyped]

from orchestration.statistics.inequality_groups import Groups
from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray, Interval, normal_quantile

SEED = 20260701
DRAWS, MORE_DRAWS = 2048, 8192
SIMULATED = (
    *("mrd", "mrr", "srr", "bgsd", "cov", "mdm_u", "mdm_w", "mdb_u", "mdb_w", "mdr_u", "mdr_w"),
    *("idis_u", "idis_w", "paf"),
)
# So many draws at a time stay in the processor's cache.
_AT_ONCE = 1 << 16

_Draws = npt.NDArray[np.float32]


def simulated(
    groups: Groups, confidence: float, upper: FloatArray, *, draws: int | IntArray = DRAWS, seed: int = SEED
) -> dict[str, Interval]:
    """Percentiles of the SIMULATED indices over draws of the groups' values, one interval per slice.

    Values are drawn from normal distributions with the groups' errors and kept between 0 and `upper` (per slice,
    infinity where there is no upper bound); those with factors on the log scale, with its two factors as errors below
    and above the value, so that each group's own limits come out as its percentiles. `paf` is given without its sign.
    `draws`: for all slices, or one number per slice. A slice in which a group has no error has no interval (NaN), nor
    has an index that does not exist for more than the tail of the draws.
    """
    normal_quantile(confidence)
    slices = groups.sign.size
    limits = np.full((len(SIMULATED), 2, slices), np.nan)
    usable = np.flatnonzero(~(groups.present & np.isnan(groups.error)).any(axis=0) & (groups.count > 1))
    usable = usable[np.lexsort((groups.count[usable], _has_factors(groups)[usable]))]
    wanted = np.broadcast_to(np.asarray(draws, dtype=np.int64), slices)[usable]
    parts = list[tuple[IntArray, _Draws]]()
    for number in np.unique(wanted):
        normal = halton_normal(groups.value.shape[0], int(number), seed).astype(np.float32)
        rows, step = usable[wanted == number], max(1, _AT_ONCE // int(number))
        parts += [(rows[start : start + step], normal) for start in range(0, rows.size, step)]

    def work(part: tuple[IntArray, _Draws]) -> None:
        some, normal = part
        for index, number in enumerate(_drawn(groups.take(some).trimmed(), upper[some], normal)):
            limits[index][:, some] = _percentiles(number, (1 - confidence) / 2)

    # numpy lets go of the interpreter while it sorts and adds: the machine's other processor can take the next slices.
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        list(pool.map(work, parts))
    return {name: Interval(*limits[index]) for index, name in enumerate(SIMULATED)}


def _has_factors(groups: Groups) -> BoolArray:
    """Whether any of a slice's groups is drawn on the log scale."""
    if groups.factor_low is None or groups.factor_high is None:
        return np.zeros(groups.sign.size, dtype=np.bool_)
    return np.asarray((~np.isnan(groups.factor_low)).any(axis=0), dtype=np.bool_)


@lru_cache(maxsize=8)
def halton_normal(groups: int, draws: int, seed: int) -> FloatArray:
    """Standard normal values of shape (groups, draws), evenly spread: digits of the draw's number, permuted by chance.

    Group j's values are the radical inverses of 0, 1, 2 … in the j-th prime base with random permutations of the
    digits, each with a random rest below the last one.
    """
    generator = np.random.default_rng(seed)
    uniform = np.zeros((groups, draws))
    for row, base in zip(uniform, _primes(), strict=False):
        number, place = np.arange(draws), 1.0
        while place * draws > 1e-6:
            place /= base
            row += generator.permutation(base)[number % base] * place
            number = number // base
        row += generator.random(draws) * place
    return np.asarray(ndtri(np.clip(uniform, 1e-12, 1 - 1e-12)), dtype=np.float64)


def _primes() -> Iterator[int]:
    number, found = 2, list[int]()
    while True:
        if all(number % prime for prime in found):
            found.append(number)
            yield number
        number += 1


def _drawn(groups: Groups, upper: FloatArray, normal: _Draws) -> Iterator[_Draws]:
    """The SIMULATED indices of every draw, shape (slices, draws); formulas as in `unordered_indices`."""
    present = [np.flatnonzero(row) for row in groups.present]
    size = (groups.sign.size, normal.shape[1])
    top = upper.astype(np.float32)[:, None]
    share, equal = (weights.astype(np.float32)[:, :, None] for weights in (groups.share, groups.equal))
    value, error = (np.nan_to_num(part).astype(np.float32)[:, :, None] for part in (groups.value, groups.error))
    lower = (groups.sign > 0)[:, None]
    ys: list[_Draws] = []
    mean, middle = np.zeros(size, np.float32), np.zeros(size, np.float32)
    low, high = np.full(size, np.inf, np.float32), np.full(size, -np.inf, np.float32)
    steps = _log_steps(groups)
    for group, row in enumerate(present):
        y = value[group] + error[group] * normal[group]
        if steps is not None:
            down, up = steps[0][group], steps[1][group]
            by_factor = np.flatnonzero(~np.isnan(down[:, 0]))
            step = np.where(normal[group] < 0, down[by_factor], up[by_factor]) * normal[group]
            y[by_factor] = value[group][by_factor] * np.exp(step)
        np.clip(y, 0, top, out=y)
        ys.append(y)
        mean += share[group] * y
        middle += equal[group] * y
        there = slice(None) if row.size == size[0] else row
        low[there] = np.minimum(low[there], y[there])
        high[there] = np.maximum(high[there], y[there])
    reference, advantaged = (_of_group(ys, position, size) for position in (groups.reference, groups.advantaged))
    best = np.where(lower, low, high)
    aim = np.where((groups.advantaged >= 0)[:, None], advantaged, best)
    spread, away_u, away_w, apart_u, apart_w = (np.zeros(size, np.float32) for _ in range(5))
    for group, y in enumerate(ys):
        away = y - mean
        spread += share[group] * away * away
        np.abs(away, out=away)
        away_u += equal[group] * away
        away_w += share[group] * away
        apart = np.abs(y - reference)
        apart_u += equal[group] * apart
        apart_w += share[group] * apart
    count = groups.count.astype(np.float32)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        others = (count * middle - best) / (count - 1)
        deviation = np.sqrt(spread)
        yield high - low
        yield high / low
        yield np.asarray(np.where(lower, others / best, best / others), dtype=np.float32)
        yield deviation
        yield np.asarray(100 * deviation / mean, dtype=np.float32)
        yield away_u
        yield away_w
        yield np.abs(middle - best)
        yield np.abs(mean - best)
        yield apart_u
        yield apart_w
        yield 100 * away_u / mean
        yield 100 * away_w / mean
        par = np.maximum(np.where(lower, mean - aim, aim - mean), 0)
        yield np.asarray(100 * par / mean, dtype=np.float32)


def _log_steps(groups: Groups) -> tuple[_Draws, _Draws] | None:
    """What one standard error adds to a logarithm down and up, or None where no group is drawn so."""
    if groups.factor_low is None or groups.factor_high is None or not _has_factors(groups).any():
        return None
    down, up = (np.log(part).astype(np.float32)[:, :, None] for part in (groups.factor_low, groups.factor_high))
    return down, up


def _of_group(ys: list[_Draws], position: IntArray, size: tuple[int, int]) -> _Draws:
    """Draws of the group at `position` of each slice; NaN where it is -1."""
    chosen = np.full(size, np.nan, np.float32)
    for group in np.unique(position[position >= 0]):
        rows = position == group
        chosen[rows] = ys[group][rows]
    return chosen


def _percentiles(number: _Draws, tail: float) -> FloatArray:
    """Lower and upper percentile of each slice, shape (2, slices), linear between draws; not finite becomes NaN."""
    ordered = np.sort(number, axis=-1)
    place = tail * (number.shape[-1] - 1)
    below = int(np.floor(place))
    part = place - below
    with np.errstate(invalid="ignore"):
        low = ordered[:, below] * (1 - part) + ordered[:, below + 1] * part
        high = ordered[:, -1 - below] * (1 - part) + ordered[:, -2 - below] * part
    limits = np.stack([low, high]).astype(np.float64)
    return np.where(np.isfinite(limits), limits, np.nan)
