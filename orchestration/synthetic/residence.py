"""Stays at addresses: the time that the registry follows a child, cut where the child moves; and their records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.synthetic.children import Children, County, draw_tract
from orchestration.synthetic.layout import Rows
from orchestration.synthetic.planted import Planted
from orchestration.synthetic.timeline import DAYS_PER_YEAR, NO_DAY, Days
from orchestration.synthetic.tracts import MIDDLE_FIFTH

SHORTEST_STAY_DAYS = 45
MOST_MOVES = 2


@dataclass(frozen=True)
class Stays:
    """One entry per child and address, children in order: `child` (position in the block), first and last day followed.

    `tract` is a position among the county's tracts, or behind them the outside tracts; -1 where no address is known.
    `fifth` is the neighborhood-poverty fifth (0 to 4), -1 where it is not known.
    """

    child: NDArray[np.int32]
    from_day: Days
    to_day: Days
    tract: NDArray[np.int16]
    fifth: NDArray[np.int8]

    @property
    def years(self) -> NDArray[np.float64]:
        """Years of each stay."""
        return (self.to_day - self.from_day + 1) / DAYS_PER_YEAR

    @property
    def effect_fifth(self) -> NDArray[np.int8]:
        """The fifth whose planted effects hold: the middle one where poverty is not known."""
        return np.where(self.fifth < 0, MIDDLE_FIFTH, self.fifth).astype(np.int8)


def make_stays(children: Children, place: County, planted: Planted, rng: np.random.Generator) -> Stays:
    """Each child's time, cut at up to two moves that lie far enough from each other and from the ends."""
    n = len(children)
    length = (children.to_day - children.from_day + 1).astype(np.int64)
    moves = np.minimum(rng.poisson(planted.moves_per_year * length / DAYS_PER_YEAR), MOST_MOVES)
    draws = np.sort(rng.random((n, MOST_MOVES)), axis=1)
    starts = [children.from_day]
    exists = [np.ones(n, bool)]
    previous = children.from_day
    for move in range(MOST_MOVES):
        day = (children.from_day + draws[:, move] * length).astype(np.int32)
        fits = (moves > move) & (day - previous >= SHORTEST_STAY_DAYS) & (children.to_day - day >= SHORTEST_STAY_DAYS)
        starts.append(np.where(fits, day, NO_DAY))
        exists.append(fits)
        previous = np.where(fits, day, previous)
    child = np.concatenate([np.flatnonzero(there) for there in exists]).astype(np.int32)
    from_day = np.concatenate([start[there] for start, there in zip(starts, exists, strict=True)]).astype(np.int32)
    order = np.lexsort((from_day, child))
    child, from_day = child[order], from_day[order]
    is_last = np.append(child[1:] != child[:-1], True)
    to_day = np.where(is_last, children.to_day[child], np.append(from_day[1:], 0) - 1).astype(np.int32)
    is_first = np.append(True, child[1:] != child[:-1])
    tract = np.where(is_first, children.tract[child], draw_tract(place, children.area_group[child], rng))
    known = len(place.tracts.geoids)
    outside = rng.random(len(child)) < planted.outside_county
    tract = np.where(outside, known + rng.integers(0, len(place.tracts.outside_geoids()), len(child)), tract)
    nowhere = rng.random(n) < planted.no_address
    tract = np.where(nowhere[child], -1, tract).astype(np.int16)
    fifth = np.where((tract >= 0) & (tract < known), place.tracts.fifth[np.clip(tract, 0, known - 1)], -1)
    return Stays(child, from_day, to_day, tract, fifth.astype(np.int8))


def days_within(stays: Stays, stay: NDArray[np.int32], rng: np.random.Generator) -> Days:
    """A day of each of the given stays, each day as likely as any other."""
    span = stays.to_day[stay] - stays.from_day[stay] + 1
    days = stays.from_day[stay] + (rng.random(len(stay)) * span).astype(np.int32)
    return days.astype(np.int32)


def stay_at(stays: Stays, child: NDArray[np.int32], day: Days) -> NDArray[np.int32]:
    """The stay in which a child is on a day: the first one before it begins, the last one after it ends."""
    first = np.searchsorted(stays.child, np.arange(stays.child[-1] + 2)).astype(np.int32)
    stay = first[child]
    for _ in range(MOST_MOVES):
        following = np.minimum(stay + 1, len(stays.child) - 1)
        moves_on = (stays.child[following] == child) & (stays.from_day[following] <= day)
        stay = np.where(moves_on, following, stay).astype(np.int32)
    return stay


def address_rows(children: Children, stays: Stays, rng: np.random.Generator) -> Rows:
    """Address records: the first begins before the child came; some that are over were never closed."""
    kept = np.flatnonzero(stays.tract >= 0)
    child = stays.child[kept]
    is_first = np.append(True, child[1:] != child[:-1])
    is_last = np.append(child[1:] != child[:-1], True)
    earlier = children.enrolled[child] - rng.integers(0, 900, len(child), dtype=np.int32)
    starts_on = np.where(is_first, np.maximum(earlier, children.birth[child]), stays.from_day[kept])
    has_left = (children.left[child] != NO_DAY) | (children.died[child] != NO_DAY)
    is_closed = np.where(is_last, has_left & (rng.random(len(child)) < 0.5), rng.random(len(child)) < 0.9)
    return {
        "patient_id": children.number[child],
        "tract_geoid": stays.tract[kept],
        "tract_vintage": np.full(len(kept), 2020, np.int16),
        "starts_on": starts_on.astype(np.int32),
        "ends_on": np.where(is_closed, stays.to_day[kept], NO_DAY).astype(np.int32),
    }
