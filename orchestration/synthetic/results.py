"""Laboratory results: HbA1c at clinic visits and between them, a few glucose values, late results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.synthetic.children import BLACK, GROUPS, Children
from orchestration.synthetic.encounters import KIND, Encounters
from orchestration.synthetic.layout import RESULT_CODES, UNITS, Rows
from orchestration.synthetic.planted import SITES, Planted
from orchestration.synthetic.residence import Stays, days_within, stay_at
from orchestration.synthetic.timeline import DAYS_PER_YEAR, NO_DAY, Days, Timeline

LOWEST_PCT = 4.0
LATE_DAYS = 14
GLUCOSE = RESULT_CODES.index("2339-0")
IFCC = RESULT_CODES.index("59261-8")


@dataclass(frozen=True)
class Results:
    """Results in the order of the days observed: `child` (position in the block), its stay, day, HbA1c or glucose.

    `planted_x` is the fixed part of x (HbA1c in % is 4 + exp(x)); `pct` the value in % as the file will say it, NaN for
    glucose.
    """

    child: NDArray[np.int32]
    stay: NDArray[np.int32]
    day: Days
    resulted: Days
    code: NDArray[np.int8]
    value: NDArray[np.float64]
    pct: NDArray[np.float64]
    planted_x: NDArray[np.float64]
    n_not_yet_resulted: int


def group_effect(by_race: Mapping[str, float], races: NDArray[np.int16]) -> NDArray[np.float64]:
    """Effect per child: the largest of its groups' effects."""
    masks = np.arange(256)
    values = np.zeros(256)
    for position, group in enumerate(GROUPS):
        has = (masks >> position) & 1 == 1
        values[has] = np.maximum(values[has], by_race[group])
    return values[races]


def change_progress(day: Days, line: Timeline, planted: Planted) -> NDArray[np.float64]:
    """How far the change test has come by a day: 0 before it, 1 from its full effect on."""
    begins = line.month_start(planted.change_month)
    full = line.month_start(planted.change_month + planted.change_ramp_months)
    return np.clip((day - begins) / max(full - begins, 1), 0.0, 1.0)


def fixed_part(
    children: Children, child: NDArray[np.int32], fifth: NDArray[np.int8], day: Days, line: Timeline, planted: Planted
) -> NDArray[np.float64]:
    """The planted part of x for children on given days, without what is their own and what is chance."""
    race = group_effect(planted.hba1c_by_race, children.races)
    helped = (children.races & BLACK > 0) & np.isin(children.site, [SITES.index(site) for site in planted.change_sites])
    # what is over and above the effect that the child's other groups have is what the change test takes on
    others = group_effect(dict(planted.hba1c_by_race) | {"BLACK": 0.0}, children.races)
    relief = np.where(helped, planted.change_reduction * (race - others), 0.0)
    age = (day - children.birth[child]) / DAYS_PER_YEAR
    band = np.digitize(age, (6.0, 12.0, 18.0))
    since = day - children.onset[child]
    early = np.where(since < 60, planted.hba1c_newly_diagnosed, np.where(since < 365, planted.hba1c_first_year, 0.0))
    x = planted.hba1c_base + race[child] - relief[child] * change_progress(day, line, planted)
    x = x + np.array(planted.hba1c_by_poverty)[fifth] + np.array(planted.hba1c_by_age)[band] + early
    fixed: NDArray[np.float64] = np.where(children.is_presymptomatic[child], np.log(1.6), x)
    return fixed


def make_results(
    children: Children, stays: Stays, made: Encounters, line: Timeline, planted: Planted, rng: np.random.Generator
) -> Results:
    """All results of a block that the laboratory had reported by `as_of`."""
    visits = np.flatnonzero(made.kind == KIND["clinic"])
    visits = visits[rng.random(len(visits)) < planted.hba1c_tested_at_visit]
    other_tests = rng.poisson(planted.hba1c_other_tests_per_year * stays.years)
    others = np.repeat(np.arange(len(stays.child), dtype=np.int32), other_tests)
    child = np.concatenate([made.child[visits], stays.child[others]])
    day = np.concatenate([made.from_day[visits], days_within(stays, others, rng)])
    delay = np.where(rng.random(len(day)) < 0.7, 0, 1)
    late = rng.random(len(day)) < planted.late_result_share
    delay = np.where(late, rng.integers(LATE_DAYS, 61, len(day)), delay).astype(np.int32)
    in_extract = np.flatnonzero(day + delay <= line.as_of)
    order = in_extract[np.argsort((day[in_extract] - line.history_starts).astype(np.uint16), kind="stable")]
    child, day, delay = child[order], day[order].astype(np.int32), delay[order]
    stay = stay_at(stays, child, day)
    x = fixed_part(children, child, stays.effect_fifth[stay], day, line, planted)
    own = np.where(children.is_presymptomatic, 0.3, 1.0) * planted.hba1c_between_children * children.level
    noise = rng.standard_normal(len(x)) * planted.hba1c_within_child
    pct = np.clip(np.round(LOWEST_PCT + np.exp(x + own[child] + noise), 1), 4.2, 17.5)
    kind = rng.random(len(x))
    code = np.digitize(kind, (0.79, 0.88, 0.98 - planted.share_mmol_mol, 0.98)).astype(np.int8)
    value = np.where(code == IFCC, np.round((pct - 2.15) / 0.0915), pct)
    value = np.where(code == GLUCOSE, np.round(pct * 28.7 - 46.7), value)
    said = np.where(code == IFCC, np.round(0.0915 * value + 2.15, 1), pct)
    return Results(
        child=child,
        stay=stay,
        day=day,
        resulted=(day + delay).astype(np.int32),
        code=code,
        value=value,
        pct=np.where(code == GLUCOSE, np.nan, said),
        planted_x=x,
        n_not_yet_resulted=len(late) - len(in_extract),
    )


def observation_rows(children: Children, made: Results, first_number: int, rng: np.random.Generator) -> Rows:
    """Result records; ids follow the order of the days; some units and some result days were never recorded."""
    n = len(made.code)
    unit_of_code = np.array([0, 0, 0, UNITS.index("mmol/mol"), UNITS.index("mg/dL")], np.int8)
    unit = np.where((rng.random(n) < 0.01) & (made.code != GLUCOSE), -1, unit_of_code[made.code])
    return {
        "observation_id": np.arange(first_number, first_number + n),
        "patient_id": children.number[made.child],
        "code": made.code,
        "observed_on": made.day,
        "value": made.value,
        "unit": unit.astype(np.int8),
        "resulted_on": np.where(rng.random(n) < 0.02, NO_DAY, made.resulted).astype(np.int32),
    }
