"""Encounters: visits, emergencies and stays, drawn per stay at an address from the planted rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.synthetic.children import GROUPS, Children
from orchestration.synthetic.layout import CLASSES, DIAGNOSES, SERVICES, Rows
from orchestration.synthetic.planted import Planted
from orchestration.synthetic.residence import Stays, days_within
from orchestration.synthetic.timeline import NO_DAY, Days, Timeline


@dataclass(frozen=True)
class _Kind:
    encounter_class: str
    services: tuple[str, ...]
    diagnoses: tuple[tuple[str, float], ...]


KINDS: Mapping[str, _Kind] = {
    "clinic": _Kind("outpatient", ("diabetes",), (("E10.9", 0.45), ("E10.65", 0.45), ("E10.649", 0.10))),
    "primary_care": _Kind("outpatient", ("primary_care",), (("Z00.129", 0.45), ("J06.9", 0.40), ("E10.9", 0.15))),
    "other_outpatient": _Kind(
        "outpatient",
        ("ophthalmology", "nutrition", "behavioral_health"),
        (("Z71.3", 0.4), ("H52.13", 0.3), ("F43.20", 0.3)),
    ),
    "ed_other": _Kind(
        "ED", ("emergency",), (("J06.9", 0.35), ("R11.10", 0.25), ("S52.501A", 0.2), ("J45.901", 0.15), ("E10.9", 0.05))
    ),
    "ed_hyperglycaemia": _Kind("ED", ("emergency",), (("E10.65", 1.0),)),
    "ed_dka": _Kind("ED", ("emergency",), (("E10.10", 1.0),)),
    "ed_hypoglycaemia": _Kind("ED", ("emergency",), (("E10.641", 1.0),)),
    "inpatient_dka": _Kind("inpatient", ("hospital",), (("E10.10", 0.95), ("E10.11", 0.05))),
    "inpatient_hypoglycaemia": _Kind("inpatient", ("hospital",), (("E10.641", 1.0),)),
    "inpatient_other": _Kind("inpatient", ("hospital",), (("J18.9", 0.4), ("K35.80", 0.3), ("E10.65", 0.3))),
    "diagnosis_dka": _Kind("inpatient", ("hospital",), (("E10.10", 0.93), ("E10.11", 0.07))),
    "diagnosis_stay": _Kind("inpatient", ("hospital",), (("E10.65", 0.7), ("E10.9", 0.3))),
}
KIND_NAMES = tuple(KINDS)
KIND = {name: position for position, name in enumerate(KIND_NAMES)}


@dataclass(frozen=True)
class Encounters:
    """Encounters in the order of their first day: `child` (position in the block), `kind` (of KIND_NAMES), days.

    `to_day` is the last day of a stay that is over, the same day in the ED, NO_DAY otherwise.
    """

    child: NDArray[np.int32]
    kind: NDArray[np.int8]
    from_day: Days
    to_day: Days


def group_factor(by_race: Mapping[str, float], races: NDArray[np.int16]) -> NDArray[np.float64]:
    """Factor per child: of the factors of its groups, the one farthest from 1."""
    masks = np.arange(256)
    values = np.ones(256)
    for position, group in enumerate(GROUPS):
        has = (masks >> position) & 1 == 1
        farther = has & (abs(by_race[group] - 1.0) > np.abs(values - 1.0))
        values[farther] = by_race[group]
    return values[races]


def yearly_rates(children: Children, stays: Stays, planted: Planted) -> dict[str, NDArray[np.float64]]:
    """Expected encounters per year of each stay, by kind."""
    rates: dict[str, NDArray[np.float64]] = {}
    clinic_kinds = ("clinic", "primary_care", "other_outpatient")
    for name, event in planted.events.items():
        own = event.per_year * group_factor(event.by_race, children.races)
        if event.with_hba1c:
            pull = event.with_hba1c * planted.hba1c_between_children * 2
            own = own * np.exp(pull * children.level - pull**2 / 2)
        if name in clinic_kinds:
            own = own * children.reach
        if name not in clinic_kinds and name not in ("ed_other", "inpatient_other"):
            own = np.where(children.is_presymptomatic, 0.0, own)
        rates[name] = own[stays.child] * np.array(event.by_poverty)[stays.effect_fifth]
    return rates


def diagnosis_odds(children: Children, planted: Planted) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of newly diagnosed children who come here with DKA, and who are admitted without; 0 for others."""
    here = children.is_new & ~children.is_presymptomatic & (children.onset == children.from_day)
    dka = planted.dka_at_diagnosis * group_factor(planted.dka_at_diagnosis_by_race, children.races)
    return np.where(here, dka, 0.0), np.where(here, planted.admitted_at_diagnosis, 0.0)


def make_encounters(
    children: Children,
    stays: Stays,
    rates: Mapping[str, NDArray[np.float64]],
    line: Timeline,
    planted: Planted,
    rng: np.random.Generator,
) -> Encounters:
    """All encounters of a block."""
    years = stays.years
    child, kind, from_day = [], [], []
    for name, rate in rates.items():
        stay = np.repeat(np.arange(len(years), dtype=np.int32), rng.poisson(rate * years))
        child.append(stays.child[stay])
        kind.append(np.full(len(stay), KIND[name], np.int8))
        from_day.append(days_within(stays, stay, rng))
    with_dka, without = diagnosis_odds(children, planted)
    draw = rng.random(len(children))
    for name, chosen in (
        ("diagnosis_dka", draw < with_dka),
        ("diagnosis_stay", (draw >= with_dka) & (draw < with_dka + without)),
    ):
        who = np.flatnonzero(chosen).astype(np.int32)
        child.append(who)
        kind.append(np.full(len(who), KIND[name], np.int8))
        from_day.append(np.minimum(children.onset[who] + rng.integers(0, 3, len(who)), children.to_day[who]))
    days = np.concatenate(from_day).astype(np.int32)
    order = np.argsort((days - days.min()).astype(np.uint16), kind="stable")  # 16 bits: a radix sort
    days, kinds = days[order], np.concatenate(kind)[order]
    return Encounters(np.concatenate(child)[order], kinds, days, _ends(kinds, days, line, planted, rng))


def mean_stay_days(planted: Planted) -> dict[str, float]:
    """Mean length of each kind of hospital stay, in days."""
    stays = {name: event.mean_days for name, event in planted.events.items() if event.mean_days}
    return stays | {"diagnosis_dka": planted.days_at_diagnosis, "diagnosis_stay": planted.days_at_diagnosis}


def _ends(kinds: NDArray[np.int8], days: Days, line: Timeline, planted: Planted, rng: np.random.Generator) -> Days:
    ends = np.full(len(days), NO_DAY, np.int32)
    for name, mean in mean_stay_days(planted).items():
        mine = np.flatnonzero(kinds == KIND[name])
        ends[mine] = days[mine] + 1 + rng.poisson(mean - 1.0, len(mine)).astype(np.int32)
    emergency = np.isin(kinds, [KIND[name] for name in KIND_NAMES if KINDS[name].encounter_class == "ED"])
    ends[emergency] = days[emergency]
    ends[ends > line.as_of] = NO_DAY  # still in hospital
    return ends


def encounter_rows(children: Children, made: Encounters, first_number: int, rng: np.random.Generator) -> Rows:
    """Encounter records; ids follow the order of the days."""
    draws = rng.random(len(made.kind))
    diagnosis = np.empty(len(draws), np.int8)
    service = np.empty(len(draws), np.int8)
    for position, kind in enumerate(KINDS.values()):
        mine = np.flatnonzero(made.kind == position)
        codes, shares = zip(*kind.diagnoses, strict=True)
        choice = np.minimum(np.searchsorted(np.cumsum(shares), draws[mine], side="right"), len(codes) - 1)
        diagnosis[mine] = np.array([DIAGNOSES.index(code) for code in codes], np.int8)[choice]
        services = np.array([SERVICES.index(name) for name in kind.services], np.int8)
        service[mine] = services[choice % len(services)]
    classes = np.array([CLASSES.index(kind.encounter_class) for kind in KINDS.values()], np.int8)
    return {
        "encounter_id": np.arange(first_number, first_number + len(draws)),
        "patient_id": children.number[made.child],
        "encounter_class": classes[made.kind],
        "service": service,
        "starts_on": made.from_day,
        "ends_on": made.to_day,
        "primary_dx": diagnosis,
    }
