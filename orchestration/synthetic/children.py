"""The children of one block: who they are, where they live, when they come, move and leave. No records yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestration.synthetic.planted import SITES, Planted
from orchestration.synthetic.timeline import DAYS_PER_YEAR, NO_DAY, Days, Timeline
from orchestration.synthetic.tracts import AREA_GROUPS, Tracts

GROUPS = ("AIAN", "ASIAN", "BLACK", "HISP", "MENA", "NHPI", "OTHER", "WHITE")
AIAN, ASIAN, BLACK, HISP, MENA, NHPI, OTHER, WHITE = (1 << position for position in range(8))

# What the families of each area group would choose of all groups, and how often.
_CHOICES: dict[str, tuple[tuple[int, float], ...]] = {
    "aian": ((AIAN, 1.0),),
    "asian": ((ASIAN, 1.0),),
    "black": ((BLACK, 1.0),),
    "hispanic": (
        (HISP, 0.64), (HISP | WHITE, 0.22), (HISP | BLACK, 0.06), (HISP | AIAN, 0.01), (HISP | OTHER, 0.07),
    ),
    "multiple": (
        (BLACK | WHITE, 0.50), (ASIAN | WHITE, 0.25), (AIAN | WHITE, 0.15), (ASIAN | BLACK, 0.04), (NHPI | WHITE, 0.06),
    ),
    "nhpi": ((NHPI, 1.0),),
    "white": ((WHITE, 0.94), (MENA, 0.04), (OTHER, 0.02)),
}  # fmt: skip


@dataclass(frozen=True)
class Children:
    """Arrays with one entry per child of a block; days as day numbers, NO_DAY where there is none.

    `races` has a bit per group that the family would choose (GROUPS order); `area_group` is a position in AREA_GROUPS.
    `level` is the child's own deviation in HbA1c (standard normal), `reach` the factor on its clinic visits.
    `from_day` and `to_day` are the days that the registry follows the child within its history.
    """

    number: NDArray[np.int64]
    birth: Days
    onset: Days
    enrolled: Days
    left: Days
    died: Days
    from_day: Days
    to_day: Days
    is_new: NDArray[np.bool_]
    is_presymptomatic: NDArray[np.bool_]
    sex: NDArray[np.int8]
    site: NDArray[np.int8]
    area_group: NDArray[np.int8]
    races: NDArray[np.int16]
    tract: NDArray[np.int16]
    level: NDArray[np.float64]
    reach: NDArray[np.float64]

    def __len__(self) -> int:
        """Children of the block."""
        return len(self.number)


@dataclass(frozen=True)
class County:
    """Where children live and which clinic serves them: cumulative weights to draw from."""

    tracts: Tracts
    by_tract: NDArray[np.float64]
    group_in_tract: NDArray[np.float64]
    tract_of_group: NDArray[np.float64]
    site_of_tract: NDArray[np.float64]


def county(tracts: Tracts, planted: Planted, rng: np.random.Generator) -> County:
    """Prepare a county for drawing; each tract leans to some clinics more than to others."""
    total = tracts.children.sum(axis=1)
    nearness = rng.lognormal(0.0, 0.6, (len(total), len(SITES))) * np.array(planted.site_shares)
    return County(
        tracts=tracts,
        by_tract=np.cumsum(total) / total.sum(),
        group_in_tract=_cumulative(tracts.children),
        tract_of_group=_cumulative(tracts.children.T),
        site_of_tract=_cumulative(nearness),
    )


def _cumulative(weights: NDArray[Any]) -> NDArray[np.float64]:
    sums = np.cumsum(weights, axis=1, dtype=np.float64)
    return sums / np.maximum(sums[:, -1:], 1e-9)


def _pick(cumulative: NDArray[np.float64], rng: np.random.Generator, n: int | None = None) -> NDArray[np.int8]:
    """A column per row of `cumulative` (or `n` draws of its only row)."""
    draws = rng.random(len(cumulative) if n is None else n)
    column = (draws[:, None] >= cumulative).sum(axis=1)
    drawn: NDArray[np.int8] = np.minimum(column, cumulative.shape[1] - 1).astype(np.int8)
    return drawn


def draw_tract(place: County, area_group: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int16]:
    """A tract for each child, as children of its group are spread over the county."""
    draws = rng.random(len(area_group))
    tract = np.empty(len(area_group), np.int16)
    for group in range(len(AREA_GROUPS)):
        mine = area_group == group
        tract[mine] = np.searchsorted(place.tract_of_group[group], draws[mine], side="right")
    return np.minimum(tract, len(place.tracts.geoids) - 1).astype(np.int16)


def make_children(
    first: int, n: int, place: County, line: Timeline, planted: Planted, rng: np.random.Generator
) -> Children:
    """`n` children with record numbers from `first` on."""
    tract = np.searchsorted(place.by_tract, rng.random(n), side="right").astype(np.int16)
    area_group = _pick(place.group_in_tract[tract], rng)
    site = _pick(place.site_of_tract[tract], rng)
    birth, onset, enrolled, is_new = _arrivals(site, line, planted, rng)
    from_day = np.maximum(enrolled, line.history_starts).astype(np.int32)
    left, died = _departures(birth, from_day, line, planted, rng)
    last = np.minimum(np.where(left == NO_DAY, line.as_of, left), np.where(died == NO_DAY, line.as_of, died))
    return Children(
        number=np.arange(first, first + n),
        birth=birth,
        onset=onset,
        enrolled=enrolled,
        left=left,
        died=died,
        from_day=from_day,
        to_day=last.astype(np.int32),
        is_new=is_new,
        is_presymptomatic=rng.random(n) < planted.presymptomatic_share,
        sex=_pick(np.array([[0.485, 0.992, 0.995, 1.0]]), rng, n),
        site=site,
        area_group=area_group,
        races=_choose_races(area_group, rng),
        tract=tract,
        level=rng.standard_normal(n),
        reach=rng.gamma(5.0, 0.2, n),
    )


def _choose_races(area_group: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int16]:
    draws = rng.random(len(area_group))
    races = np.zeros(len(area_group), np.int16)
    for position, group in enumerate(AREA_GROUPS):
        mine = np.flatnonzero(area_group == position)
        masks, shares = zip(*_CHOICES[group], strict=True)
        choice = np.minimum(np.searchsorted(np.cumsum(shares), draws[mine], side="right"), len(masks) - 1)
        races[mine] = np.array(masks, np.int16)[choice]
    return races


def _days(years: NDArray[np.float64]) -> Days:
    return np.round(years * DAYS_PER_YEAR).astype(np.int32)


def _arrivals(
    site: NDArray[np.int8], line: Timeline, planted: Planted, rng: np.random.Generator
) -> tuple[Days, Days, Days, NDArray[np.bool_]]:
    """Birth, diagnosis and enrolment: there before the history, newly diagnosed in it, or moved in with diabetes."""
    n = len(site)
    kind, when, share, age, arrival = (rng.random(n) for _ in range(5))
    growing = site == (SITES.index(planted.decay_site) if planted.decay_site else -1)
    prevalent_share = np.where(growing, planted.prevalent_share * 0.6, planted.prevalent_share)
    prevalent = kind < prevalent_share
    is_new = ~prevalent & (kind < prevalent_share + planted.newly_diagnosed_share)
    # the site whose race capture decays takes on most of its children late: capture falls where work grows
    late = np.where(growing, 1.0 - 0.62 * (1.0 - when), when)
    last_entry = line.as_of - 7
    entry = line.history_starts + (late * (last_entry - line.history_starts)).astype(np.int32)
    age_there = np.where(is_new, 0.8 + 16.5 * rng.beta(2.0, 1.9, n), 3.0 + 15.5 * age)
    age_there = np.where(prevalent, 2.2 + 17.6 * age, age_there)
    reference = np.where(prevalent, line.history_starts, entry).astype(np.int32)
    birth = (reference - _days(age_there)).astype(np.int32)
    # most are followed from the day of diagnosis; some new ones come a little later from another hospital
    referral = np.where(arrival < 0.85, 0.0, share * 20 / DAYS_PER_YEAR)
    duration = np.where(is_new, referral, 0.3 + share * 0.75 * (age_there - 1.0))
    onset = np.maximum(reference - _days(duration), birth + 150).astype(np.int32)
    enrolled = np.where(prevalent, onset + (when * (reference - onset)).astype(np.int32), entry)
    return birth, onset, enrolled.astype(np.int32), is_new


def _waiting_years(per_year: float, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.minimum(rng.exponential(1.0, n) / max(per_year, 1e-6), 200.0)


def _departures(
    birth: Days, from_day: Days, line: Timeline, planted: Planted, rng: np.random.Generator
) -> tuple[Days, Days]:
    """Day of leaving (to adult care, or moved away) and day of death, where they fall before `as_of`."""
    n = len(birth)
    adult_care = np.maximum(birth + _days(rng.uniform(18.0, 22.0, n)), from_day + 60)
    away = from_day + 30 + _days(_waiting_years(planted.leaving_per_year, n, rng))
    left = np.minimum(adult_care, away).astype(np.int32)
    died = from_day + 30 + _days(_waiting_years(planted.deaths_per_year, n, rng))
    died = np.where((died > line.as_of) | (died > left), NO_DAY, died).astype(np.int32)
    left = np.where((left > line.as_of) | (died != NO_DAY), NO_DAY, left).astype(np.int32)
    return left, died
