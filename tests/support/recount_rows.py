"""Which rows of a registry can be used, decided row by row in plain Python by the documented rules.

Part of an independent recount: it shares no code and no SQL with the pipeline, only the vocabularies in seeds/.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.tiny_warehouse import LAYOUT, Row, Run

SEEDS = Path(__file__).resolve().parents[2] / "seeds"

DATES: dict[str, tuple[str, ...]] = {
    "patients": ("birth_date", "enrolled_on", "left_on", "death_date"),
    "race_ethnicity": ("recorded_on",),
    "languages": ("recorded_on",),
    "addresses": ("starts_on", "ends_on"),
    "coverage": ("starts_on", "ends_on"),
    "encounters": ("starts_on", "ends_on"),
    "conditions": ("onset_on",),
    "observations": ("observed_on", "resulted_on"),
    "tract_measures": (),
}
REQUIRED: dict[str, tuple[str, ...]] = {
    "patients": ("patient_id", "birth_date"),
    "race_ethnicity": ("patient_id",),
    "languages": ("patient_id",),
    "addresses": ("patient_id", "starts_on"),
    "coverage": ("patient_id", "starts_on"),
    "encounters": ("encounter_id", "patient_id", "starts_on"),
    "conditions": ("patient_id", "code", "onset_on"),
    "observations": ("observation_id", "patient_id", "code", "observed_on"),
    "tract_measures": (),
}
UNIQUE: dict[str, tuple[str, ...]] = {
    "patients": ("patient_id",),
    "addresses": ("patient_id", "starts_on"),
    "coverage": ("patient_id", "starts_on"),
    "encounters": ("encounter_id",),
    "observations": ("observation_id",),
}
# Start and end of what a row states; a row cannot end before it starts.
ORDERED = {
    "patients": [("enrolled_on", "left_on"), ("birth_date", "death_date")],
    "addresses": [("starts_on", "ends_on")],
}
ORDERED |= {
    "coverage": ORDERED["addresses"],
    "encounters": ORDERED["addresses"],
    "observations": [("observed_on", "resulted_on")],
}
LIMIT = "HbA1c value is a limit, not a number; map it in a mapping file"
# The day that must lie between birth and the day the data are looked at; spans may begin before birth.
DATED = {
    "race_ethnicity": "recorded_on",
    "languages": "recorded_on",
    "encounters": "starts_on",
    "conditions": "onset_on",
}
DATED |= {"observations": "observed_on"}
NOT_IN_FUTURE = {"patients": ("birth_date", "enrolled_on"), "addresses": ("starts_on",), "coverage": ("starts_on",)}
NOT_IN_FUTURE |= {"encounters": ("ends_on",), "observations": ("resulted_on",)}


@cache
def seed(name: str) -> list[dict[str, str]]:
    """Rows of a vocabulary under seeds/."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass
class Recount:
    """Usable rows per table (dates as dates, blanks as None), and every other row's reasons by table and row number."""

    usable: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reasons: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))


def recount_rows(tables: Mapping[str, Sequence[Row]], run: Run) -> Recount:
    """Sort the rows of one source into usable ones and ones with reasons."""
    recount = Recount()
    births: dict[str, dt.date] = {}
    for table in ("patients", *(name for name in DATES if name != "patients")):
        rows = {number: _read(table, row, number, recount) for number, row in enumerate(tables.get(table, ()), start=1)}
        _own_faults(table, rows, recount)
        _repeats(table, rows, recount)
        _against_others(table, rows, births, run, recount)
        recount.usable[table] = [row for number, row in rows.items() if (table, number) not in recount.reasons]
        if table == "patients":
            births = {str(row["patient_id"]): row["birth_date"] for row in recount.usable[table]}
        if table == "addresses":
            addresses = rows
    _other_vintages(addresses, recount)
    return recount


def _other_vintages(addresses: Mapping[int, dict[str, Any]], recount: Recount) -> None:
    """An address with a tract of a vintage that no area table has cannot be placed."""
    vintages = {row["tract_vintage"] for row in recount.usable["tract_measures"]}
    for number, row in addresses.items():
        if vintages and row["tract_geoid"] is not None and row["tract_vintage"] not in vintages:
            recount.reasons["addresses", number].add("tract is of another vintage than every area table")
    recount.usable["addresses"] = [
        row for number, row in addresses.items() if ("addresses", number) not in recount.reasons
    ]


def _read(table: str, row: Row, number: int, recount: Recount) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for column in LAYOUT[table]:
        value = row.get(column)
        text = None if value is None or not str(value).strip() else str(value).strip()
        read[column] = text
        if column in DATES[table] and text is not None:
            try:
                read[column] = dt.date.fromisoformat(text[:10]) if len(text) >= 10 else _not_a_date()
            except ValueError:
                recount.reasons[table, number].add(f"{column} is not a date")
                read[column] = None
    return read


def _not_a_date() -> dt.date:
    raise ValueError


def _own_faults(table: str, rows: Mapping[int, dict[str, Any]], recount: Recount) -> None:
    """What is wrong with a row whatever stands in the others."""
    for number, row in rows.items():
        reasons = {f"{column} is missing" for column in REQUIRED[table] if row.get(column) is None}
        if table != "observations":  # there, the order of two readable dates is looked at after repeats
            reasons |= _order(table, row)
        if table == "race_ethnicity":
            if str(row["standard"] or "omb2024").lower() not in ("omb1997", "omb2024"):
                reasons.add("standard is neither omb1997 nor omb2024")
            if str(row["capture_method"] or "unknown").lower() not in (
                "self",
                "proxy",
                "observed",
                "imputed",
                "unknown",
            ):
                reasons.add("capture_method is not a known method")
        if table == "patients" and row["birth_date"] and row["birth_date"].year < 1900:
            reasons.add("birth_date is before 1900")
        if table in ("addresses", "tract_measures") and row.get("tract_geoid") is not None:
            geoid = str(row["tract_geoid"])
            if not (len(geoid) == 11 and geoid.isascii() and geoid.isdigit()):
                reasons.add("tract_geoid does not have 11 digits")
                reasons.add(_of_measure(row, "tract key does not have 11 digits"))
            if row["tract_vintage"] not in ("2010", "2020"):
                reasons.add("tract_vintage is neither 2010 nor 2020")
        if table == "tract_measures" and row["value"] is not None:
            try:
                if float(str(row["value"])) < 0 and row["direction"] == "count":
                    reasons.add(_of_measure(row, "value is negative"))
            except ValueError:
                reasons.add(_of_measure(row, "value is not a number"))
        if reasons:
            recount.reasons[table, number] |= reasons


def _of_measure(row: Mapping[str, Any], reason: str) -> str:
    """A reason of an area file's row says which of its measures it is about."""
    return f"{row.get('measure')}{' ' + str(row['category']) if row.get('category') else ''}: {reason}"


def _order(table: str, row: Mapping[str, Any]) -> set[str]:
    pairs = [(first, last) for first, last in ORDERED.get(table, []) if row.get(first) and row.get(last)]
    return {
        f"{last} is before {'birth_date' if first == 'birth_date' else first}"
        for first, last in pairs
        if row[last] < row[first]
    }


def _repeats(table: str, rows: Mapping[int, dict[str, Any]], recount: Recount) -> None:
    """Of rows with one key and one content the first counts; rows with one key that differ are all set aside."""
    if table not in UNIQUE:
        return
    label = " and ".join(UNIQUE[table])
    together: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, row in rows.items():
        if (table, number) not in recount.reasons:
            together[tuple(row[column] for column in UNIQUE[table])].append(number)
    for numbers in together.values():
        contents = {_content(table, rows[number]) for number in numbers}
        for number in numbers if len(contents) > 1 else numbers[1:]:
            words = "stands on several rows that differ" if len(contents) > 1 else "repeats an earlier row"
            recount.reasons[table, number].add(f"{label} {words}")


def _content(table: str, row: Mapping[str, Any]) -> tuple[object, ...]:
    columns = [column for column in row if not (table == "observations" and column == "resulted_on")]
    return tuple(str(row[column]) for column in columns)


def _against_others(
    table: str, rows: Mapping[int, dict[str, Any]], births: Mapping[str, dt.date], run: Run, recount: Recount
) -> None:
    """What is wrong with a row beside its patient, the day the data are looked at, and the vocabularies."""
    classes = {row["value"] for row in seed("encounter_class_map")}
    units = {row["code"]: row["default_unit"] for row in seed("hba1c_codes")}
    for number, row in rows.items():
        reasons: set[str] = set()
        if table not in ("patients", "tract_measures"):
            born = births.get(str(row["patient_id"]))
            if born is None:
                reasons.add("patient_id has no patient row that is used")
            day = row.get(DATED.get(table, ""))
            if born and day and day < born:
                reasons.add(f"{DATED[table]} is before birth")
            if day and day > run.as_of:
                reasons.add(f"{DATED[table]} is in the future")
            if table in ("addresses", "coverage") and born and row["ends_on"] and row["ends_on"] < born:
                reasons.add("ends_on is before birth")
        for column in NOT_IN_FUTURE.get(table, ()):
            if row[column] and row[column] > run.as_of:
                reasons.add(f"{column} is in the future")
        if table == "encounters" and str(row["encounter_class"]).lower() not in classes:
            reasons.add("encounter_class is not a known class")
        if table == "observations":
            reasons |= _order(table, row)
            if row["code"] in units:
                reasons |= _result_faults(row, units[str(row["code"])])
        if reasons:
            recount.reasons[table, number] |= reasons
    if table == "tract_measures":
        _older_area_rows(rows, recount)


def _result_faults(row: Mapping[str, Any], default_unit: str) -> set[str]:
    unit = str(row["unit"] or default_unit).lower()
    try:
        value = float(str(row["value"]))
    except ValueError:
        is_limit = str(row["value"]).strip()[:1] in tuple("<>≤≥")
        return {LIMIT if is_limit else "HbA1c value is not a number"}
    if unit not in ("%", "mmol/mol"):
        return {"HbA1c unit is neither % nor mmol/mol"}
    per_cent = 0.0915 * value + 2.15 if unit == "mmol/mol" else value
    return set() if 3 <= per_cent <= 20 else {"HbA1c is outside 3 to 20 %"}


def _older_area_rows(rows: Mapping[int, dict[str, Any]], recount: Recount) -> None:
    """A tract that stands twice for a year is not used; of several years the newest is used."""
    years: dict[tuple[object, ...], dict[object, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, row in rows.items():
        if ("tract_measures", number) not in recount.reasons:
            key = (row["tract_geoid"], row["tract_vintage"], row["measure"], row["category"])
            years[key][row["data_year"]].append(number)
    for by_year in years.values():
        for year, numbers in by_year.items():
            for number in numbers:
                if len(numbers) > 1:
                    twice = _of_measure(rows[number], "tract stands twice in one area file")
                    recount.reasons["tract_measures", number].add(twice)
                if any(int(str(other)) > int(str(year)) for other in by_year):
                    newer = _of_measure(rows[number], "a newer area file covers the tract")
                    recount.reasons["tract_measures", number].add(newer)
