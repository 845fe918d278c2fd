"""Spoils rows of a small registry in every way that a real export has shown; nothing here knows a rule."""

from __future__ import annotations

import datetime as dt
from random import Random

from tests.support.tiny_warehouse import Row, Run

# Per table: (column, what it is overwritten with). None empties it.
_SPOILED: dict[str, list[tuple[str, object]]] = {
    "patients": [
        ("patient_id", None),
        ("patient_id", "  "),
        ("birth_date", None),
        ("birth_date", "31.12.2012"),
        ("birth_date", "2031-01-01"),
        ("enrolled_on", "soon"),
        ("enrolled_on", "2030-01-01"),
        ("left_on", "1990-01-01"),
        ("death_date", "1990-01-01"),
        ("left_on", "2040-01-01"),
    ],
    "race_ethnicity": [
        ("patient_id", "nobody"),
        ("recorded_on", "yesterday"),
        ("recorded_on", "2030-01-01"),
        ("recorded_on", "1980-01-01"),
        ("standard", "omb1066"),
        ("capture_method", "telepathy"),
        ("patient_id", ""),
    ],
    "languages": [("patient_id", "nobody"), ("recorded_on", "2030-01-01"), ("recorded_on", "x"), ("patient_id", None)],
    "addresses": [
        ("patient_id", "nobody"),
        ("starts_on", None),
        ("starts_on", "2030-01-01"),
        ("ends_on", "2001-01-01"),
        ("ends_on", "then"),
        ("tract_geoid", "9900100100"),
        ("tract_geoid", "99001O00100"),
        ("tract_vintage", "2000"),
        ("tract_vintage", None),
    ],
    "coverage": [
        ("patient_id", "nobody"),
        ("starts_on", None),
        ("starts_on", "2030-01-01"),
        ("ends_on", "2001-01-01"),
        ("ends_on", "then"),
    ],
    "encounters": [
        ("encounter_id", None),
        ("patient_id", None),
        ("patient_id", "nobody"),
        ("encounter_class", "teleport"),
        ("encounter_class", None),
        ("starts_on", None),
        ("starts_on", "1990-01-01"),
        ("starts_on", "2026-07-10"),
        ("ends_on", "2026-07-10"),
        ("ends_on", "1990-01-01"),
        ("ends_on", "99"),
    ],
    "conditions": [
        ("patient_id", "nobody"),
        ("code", None),
        ("onset_on", None),
        ("onset_on", "2012"),
        ("onset_on", "2030-01-01"),
        ("onset_on", "1990-01-01"),
    ],
    "observations": [
        ("observation_id", None),
        ("patient_id", "nobody"),
        ("code", None),
        ("observed_on", None),
        ("observed_on", "2026-02-30"),
        ("observed_on", "2026-07-10"),
        ("observed_on", "1990-01-01"),
        ("resulted_on", "1990-01-01"),
        ("resulted_on", "2026-07-10"),
        ("value", "high"),
        ("value", None),
        ("value", "0"),
        ("value", "65"),
        ("value", "400"),
        ("unit", "mg/dL"),
    ],
    "tract_measures": [("tract_geoid", "123"), ("value", "(X)"), ("value", "-5")],
}


def spoil(random: Random, tables: dict[str, list[Row]], run: Run) -> None:
    """Overwrite single values and repeat rows, in place: at least two rows per way of spoiling in every table."""
    for table, rows in tables.items():
        untouched = list(range(len(rows)))
        random.shuffle(untouched)
        for column, value in _SPOILED[table]:
            for _ in range(2):
                at = untouched.pop()
                rows[at] = {**rows[at], column: value}
        for _ in range(4):
            same, other = rows[untouched.pop()], rows[untouched.pop()]
            rows.insert(random.randrange(len(rows)), dict(same))
            rows.append(_changed(table, other, run))


def _changed(table: str, row: Row, run: Run) -> Row:
    """The row again under its own key, with something else in it."""
    column, value = {
        "patients": ("sex", "other"),
        "race_ethnicity": ("source_system", "claims"),
        "languages": ("language", "ko"),
        "addresses": ("ends_on", run.as_of + dt.timedelta(days=900)),
        "coverage": ("payer", "humana"),
        "encounters": ("service", "cardiology"),
        "conditions": ("code", "E10.8"),
        "observations": ("value", "7.77"),
        "tract_measures": ("value", "0.5"),
    }[table]
    return {**row, column: value}
