"""Rows that cannot be used, added beside the good ones: never instead of them, and each with one fault only.

Without the added rows a registry is the same as one generated without faults, so what was planted stays recoverable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from orchestration.synthetic.children import Children
from orchestration.synthetic.layout import CLASSES, ROW_IDS, UNITS, Rows, join_rows, take_rows
from orchestration.synthetic.timeline import NO_DAY, Days, Timeline

FIRST_DAY_COLUMN = {
    "patients": "birth_date", "race_ethnicity": "recorded_on", "languages": "recorded_on", "addresses": "starts_on",
    "coverage": "starts_on", "encounters": "starts_on", "conditions": "onset_on", "observations": "observed_on",
}  # fmt: skip
# Numbers for added rows are counted down from here, far above those of the good rows.
_ID_ROOM = {"patient_id": 10**7, "nobody": 9 * 10**6, "encounter_id": 10**8, "observation_id": 10**8}


@dataclass
class FaultLedger:
    """Counts of added rows by table and kind, and the record numbers that they have taken."""

    rows: dict[str, Counter[str]] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)

    def count(self, table: str, kind: str, n: int) -> None:
        """Note `n` more rows."""
        self.rows.setdefault(table, Counter())[kind] += n

    def fresh(self, column: str, n: int) -> NDArray[np.int64]:
        """`n` record numbers that no other row has."""
        self.taken[column] += n
        last = _ID_ROOM[column] - self.taken[column]
        return np.arange(last + n - 1, last - 1, -1)


@dataclass(frozen=True)
class Around:
    """What a fault needs to know of the block that its rows are copied from."""

    children: Children
    line: Timeline
    n_tracts: int
    rng: np.random.Generator
    ledger: FaultLedger

    def birth_of(self, rows: Rows) -> Days:
        """Birth day of each row's child."""
        position: NDArray[np.int64] = rows["patient_id"] - self.children.number[0]
        return self.children.birth[position]


Change = Callable[[Rows, Around], None]


def _in_future(column: str, *emptied: str) -> Change:
    def change(rows: Rows, around: Around) -> None:
        n = len(rows[column])
        rows[column] = (around.line.as_of + around.rng.integers(1, 200, n)).astype(np.int32)
        for name in emptied:
            rows[name] = np.full(n, NO_DAY, np.int32)

    return change


def _before_birth(column: str, *emptied: str) -> Change:
    def change(rows: Rows, around: Around) -> None:
        n = len(rows[column])
        rows[column] = (around.birth_of(rows) - around.rng.integers(1, 900, n)).astype(np.int32)
        for name in emptied:
            rows[name] = np.full(n, NO_DAY, np.int32)

    return change


def _missing_day(column: str) -> Change:
    def change(rows: Rows, around: Around) -> None:
        rows[column] = np.full(len(rows[column]), NO_DAY, np.int32)

    return change


def _unknown_patient(rows: Rows, around: Around) -> None:
    rows["patient_id"] = around.ledger.fresh("nobody", len(rows["patient_id"]))


def _hba1c(value: float) -> Change:
    def change(rows: Rows, around: Around) -> None:
        n = len(rows["value"])
        rows["code"] = np.zeros(n, np.int8)
        rows["unit"] = np.full(n, UNITS.index("%"), np.int8)
        rows["value"] = np.full(n, value)

    return change


def _unknown_class(rows: Rows, around: Around) -> None:
    rows["encounter_class"] = np.full(len(rows["encounter_class"]), CLASSES.index("unlisted"), np.int8)


def _ends_before_start(rows: Rows, around: Around) -> None:
    rows["ends_on"] = (rows["starts_on"] - around.rng.integers(1, 30, len(rows["starts_on"]))).astype(np.int32)


def _old_vintage(rows: Rows, around: Around) -> None:
    rows["tract_vintage"] = np.full(len(rows["tract_vintage"]), 2010, np.int16)


def _short_tract(rows: Rows, around: Around) -> None:
    # the vocabulary of tracts ends with one whose leading digits were lost
    rows["tract_geoid"] = np.full(len(rows["tract_geoid"]), around.n_tracts - 1, np.int16)


def _same(rows: Rows, around: Around) -> None:
    """An identical repeat: nothing changes, the id least of all."""


@dataclass(frozen=True)
class _Fault:
    kind: str
    change: Change
    keeps_id: bool = False


_PERSON = (_Fault("unknown_patient", _unknown_patient),)
_FAULTS: dict[str, tuple[_Fault, ...]] = {
    "patients": (
        _Fault("identical_duplicate", _same, True),
        _Fault("in_future", _in_future("birth_date", "enrolled_on", "left_on", "death_date")),
        _Fault("missing_date", _missing_day("birth_date")),
    ),
    "race_ethnicity": (*_PERSON, _Fault("before_birth", _before_birth("recorded_on"))),
    "languages": (*_PERSON, _Fault("in_future", _in_future("recorded_on"))),
    "addresses": (
        _Fault("identical_duplicate", _same, True),
        *_PERSON,
        _Fault("short_tract", _short_tract),
        _Fault("wrong_vintage_tract", _old_vintage),
    ),
    "coverage": (_Fault("identical_duplicate", _same, True), *_PERSON),
    "encounters": (
        _Fault("identical_duplicate", _same, True),
        *_PERSON,
        _Fault("unknown_encounter_class", _unknown_class),
        _Fault("before_birth", _before_birth("starts_on", "ends_on")),
        _Fault("in_future", _in_future("starts_on", "ends_on")),
        _Fault("ends_before_start", _ends_before_start),
        _Fault("missing_date", _missing_day("starts_on")),
    ),
    "conditions": (
        *_PERSON,
        _Fault("before_birth", _before_birth("onset_on")),
        _Fault("in_future", _in_future("onset_on")),
    ),
    "observations": (
        _Fault("identical_duplicate", _same, True),
        *_PERSON,
        _Fault("before_birth", _before_birth("observed_on", "resulted_on")),
        _Fault("in_future", _in_future("observed_on", "resulted_on")),
        _Fault("missing_date", _missing_day("observed_on")),
        _Fault("hba1c_zero", _hba1c(0.0)),
        _Fault("hba1c_wrong_unit", _hba1c(65.0)),
        _Fault("hba1c_implausible", _hba1c(400.0)),
    ),
}
CONFLICTING = ("addresses", "encounters", "observations", "patients")


def add_faults(table: str, rows: Rows, share: float, around: Around) -> Rows:
    """The rows with, behind them, `share` of their number per kind of fault (at least one of each)."""
    n_rows, ledger = len(rows["patient_id"]), around.ledger
    each = max(1, round(share * n_rows))
    kinds = _FAULTS[table]
    # one good row serves one added row at most (or one conflicting pair), so no row has two faults
    chosen = np.sort(around.rng.choice(n_rows, size=min(each * (len(kinds) + 1), n_rows), replace=False, shuffle=False))
    around.rng.shuffle(chosen)
    parts = [rows]
    for position, fault in enumerate(kinds):
        copies = take_rows(rows, chosen[position * each : (position + 1) * each])
        if not fault.keeps_id:
            _renew(table, copies, ledger)
        fault.change(copies, around)
        parts.append(copies)
        ledger.count(table, fault.kind, len(copies["patient_id"]))
    if table in CONFLICTING:
        parts += _conflicting_pairs(table, take_rows(rows, chosen[len(kinds) * each :]), ledger)
    return join_rows(parts)


def _renew(table: str, rows: Rows, ledger: FaultLedger) -> None:
    """Give copies a key of their own, so that they are no duplicates as well."""
    if table in ROW_IDS:
        column = ROW_IDS[table]
        rows[column] = ledger.fresh(column, len(rows[column]))
    elif table == "addresses":
        rows["starts_on"] = (rows["starts_on"] + 1).astype(np.int32)


def _conflicting_pairs(table: str, first: Rows, ledger: FaultLedger) -> list[Rows]:
    """Pairs of new rows under one new key that say different things: nobody can tell which is right."""
    _renew(table, first, ledger)
    second = {name: values.copy() for name, values in first.items()}
    if table == "observations":
        second["value"] = np.round(second["value"] + 1.0, 1)
    elif table == "addresses":
        second["tract_geoid"] = np.where(second["tract_geoid"] == 0, 1, 0).astype(np.int16)
    elif table == "encounters":
        second["primary_dx"] = ((second["primary_dx"] + 1) % 3).astype(np.int8)
    else:
        second["birth_date"] = (second["birth_date"] - 365).astype(np.int32)
    ledger.count(table, "conflicting_duplicate", 2 * len(first["patient_id"]))
    return [first, second]
