"""Planted and realised rates of one block, by year, group and neighborhood-poverty fifth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestration.synthetic.block import Block
from orchestration.synthetic.children import GROUPS, Children
from orchestration.synthetic.encounters import KIND, diagnosis_odds, mean_stay_days
from orchestration.synthetic.planted import SITES, Planted
from orchestration.synthetic.residence import stay_at
from orchestration.synthetic.results import LOWEST_PCT
from orchestration.synthetic.timeline import DAYS_PER_YEAR, NO_DAY, Days, Timeline

RACE_STRATA = (*GROUPS, "MULTI")
FIFTH_STRATA = ("q1", "q2", "q3", "q4", "q5", "not_known")
BLACK_STRATA = ("others", "BLACK")
ADULT_YEARS = 21
ESTABLISHED_DAYS = 90
NOT_KNOWN = 5

# Which kinds of encounters make up each rate, per how many years it is given, and whether days count.
EVENT_MEASURES: Mapping[str, tuple[tuple[str, ...], float, bool]] = {
    "bed_days": (("inpatient_dka", "inpatient_hypoglycaemia", "inpatient_other"), 1000.0, True),
    "clinic_visits": (("clinic",), 1.0, False),
    "dka_admissions": (("inpatient_dka",), 100.0, False),
    "ed_visits": (("ed_other", "ed_hyperglycaemia", "ed_dka", "ed_hypoglycaemia"), 100.0, False),
    "severe_hypoglycaemia": (("ed_hypoglycaemia", "inpatient_hypoglycaemia"), 100.0, False),
}
_AT_DIAGNOSIS = ("diagnosis_dka", "diagnosis_stay")

Key = tuple[str, int, str, str, str]
"""measure, year (position), site or 'all', stratifier, stratum"""
Sums = tuple[Key, NDArray[np.float64]]
"""planted numerator, realised numerator, denominator"""


def year_sums(block: Block, line: Timeline, planted: Planted) -> Iterator[Sums]:
    """Everything that one block adds, year by year."""
    for year, (first, last) in enumerate(line.years()):
        yield from _event_sums(block, year, first, last, line, planted)
        yield from _hba1c_sums(block, year, last, line, planted)


def followed(children: Children, line: Timeline) -> tuple[Days, Days]:
    """First and last day on which each child counts: diagnosed, enrolled, below 21; the last is earlier for never."""
    begins = np.maximum(children.onset, children.enrolled)
    adult = children.birth + int(ADULT_YEARS * DAYS_PER_YEAR) - 1
    ends = np.minimum(np.minimum(children.to_day, adult), line.window_ends)
    return begins, np.where(children.is_presymptomatic, begins - 1, ends).astype(np.int32)


def race_stratum(races: NDArray[np.int16]) -> NDArray[np.int8]:
    """Position in RACE_STRATA: the group of children who chose one, MULTI for more."""
    single = {1 << position: position for position in range(len(GROUPS))}
    positions = np.array([single.get(mask, len(GROUPS)) for mask in range(256)], np.int8)
    return positions[races]


def share_above(x: NDArray[np.float64], pct: float, sd: float) -> NDArray[np.float64]:
    """Planted probability of an HbA1c above `pct`, where the fixed part is `x` and all else has deviation `sd`."""
    distinct, position = np.unique(np.round(x, 4), return_inverse=True)
    bound, chance = float(np.log(pct - LOWEST_PCT)), NormalDist()
    shares = np.array([chance.cdf((value - bound) / sd) for value in distinct])
    return shares[position]


def _event_sums(block: Block, year: int, first: int, last: int, line: Timeline, planted: Planted) -> Iterator[Sums]:
    children, stays, made = block.children, block.stays, block.encounters
    begins, ends = followed(children, line)
    from_day = np.maximum(np.maximum(stays.from_day, begins[stays.child]), first)
    to_day = np.minimum(np.minimum(stays.to_day, ends[stays.child]), last)
    time = np.maximum(to_day - from_day + 1, 0) / DAYS_PER_YEAR
    inside = np.flatnonzero(
        (made.from_day >= np.maximum(begins[made.child], first)) & (made.from_day <= np.minimum(ends[made.child], last))
    )
    child, kind, day = made.child[inside], made.kind[inside], made.from_day[inside]
    length = np.maximum(np.where(made.to_day[inside] == NO_DAY, line.as_of, made.to_day[inside]) - day, 1)
    stay = stay_at(stays, child, day)
    at_diagnosis = _diagnosis_days(block, first, last, planted)
    mean_days = mean_stay_days(planted)
    by_stay = _strata(block, np.arange(len(stays.child)))
    for measure, (kinds, _, counts_days) in EVENT_MEASURES.items():
        expected = np.zeros(len(time))
        for name in kinds:
            expected += block.rates[name] * time * (mean_days[name] if counts_days else 1.0)
        expected += at_diagnosis if counts_days else 0.0
        counted = np.isin(kind, [KIND[name] for name in (*kinds, *(_AT_DIAGNOSIS if counts_days else ()))])
        amount = np.where(counted, length if counts_days else 1, 0)
        for stratifier, (strata, position) in by_stay.items():
            n = len(strata)
            table = (
                np.bincount(position, expected, n),
                np.bincount(position[stay], amount, n),
                np.bincount(position, time, n),
            )
            yield from _keyed(measure, year, "all", stratifier, strata, table)


def _diagnosis_days(block: Block, first: int, last: int, planted: Planted) -> NDArray[np.float64]:
    """Expected days in hospital at diagnosis, on the first stay of each child diagnosed between two days."""
    children, stays = block.children, block.stays
    with_dka, without = diagnosis_odds(children, planted)
    begins = np.flatnonzero(np.append(True, stays.child[1:] != stays.child[:-1]))
    days = np.zeros(len(stays.child))
    now = (children.onset >= first) & (children.onset <= last)
    days[begins] = now * (with_dka + without) * planted.days_at_diagnosis
    return days


def _hba1c_sums(block: Block, year: int, day: int, line: Timeline, planted: Planted) -> Iterator[Sums]:
    """The latest result of the twelve months that end on `day`, of children diagnosed for 90 days."""
    children, results = block.children, block.results
    begins, ends = followed(children, line)
    who = (np.maximum(begins, children.onset + ESTABLISHED_DAYS) <= day) & (ends >= day)
    usable = np.flatnonzero((results.day <= day) & (results.day > day - 365) & ~np.isnan(results.pct))
    latest = np.full(len(children.number), -1, np.int64)
    latest[results.child[usable]] = usable  # results stand in the order of their days: the last one stays
    chosen = latest[who & (latest >= 0)]
    child, pct, x = results.child[chosen], results.pct[chosen], results.planted_x[chosen]
    sd = float(np.hypot(planted.hba1c_between_children, planted.hba1c_within_child))
    home = _strata(block, stay_at(block.stays, child, np.full(len(child), day, np.int32)))
    is_black = (race_stratum(children.races)[child] == GROUPS.index("BLACK")).astype(np.int8)
    for measure, expected, realised in (
        ("hba1c_above_9", share_above(x, 9.05, sd), pct > 9.0),
        ("hba1c_below_7", 1.0 - share_above(x, 6.95, sd), pct < 7.0),
    ):
        for stratifier, (strata, position) in home.items():
            table = _shares(position, expected, realised, len(strata))
            yield from _keyed(measure, year, "all", stratifier, strata, table)
        for number, site in enumerate(SITES):
            here = children.site[child] == number
            table = _shares(is_black[here], expected[here], realised[here], len(BLACK_STRATA))
            yield from _keyed(measure, year, site, "black_and_others", BLACK_STRATA, table)


def _strata(block: Block, stay: NDArray[Any]) -> dict[str, tuple[tuple[str, ...], NDArray[Any]]]:
    """Strata of the children on given stays, as positions, by stratifier."""
    fifth = block.stays.fifth[stay]
    return {
        "race": (RACE_STRATA, race_stratum(block.children.races)[block.stays.child[stay]]),
        "poverty_quintile": (FIFTH_STRATA, np.where(fifth < 0, NOT_KNOWN, fifth)),
        "overall": (("all",), np.zeros(len(stay), np.int8)),
    }


def _shares(
    position: NDArray[Any], expected: NDArray[np.float64], realised: NDArray[np.bool_], n: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    counts = np.bincount(position, minlength=n)
    return np.bincount(position, expected, n), np.bincount(position, realised, n), counts


def _keyed(
    measure: str, year: int, site: str, stratifier: str, strata: tuple[str, ...], table: tuple[NDArray[Any], ...]
) -> Iterator[Sums]:
    for position, stratum in enumerate(strata):
        if table[2][position] > 0:
            key = (measure, year, site, stratifier, stratum)
            yield key, np.array([column[position] for column in table], np.float64)
