"""Reads a generated registry back as text and sorts its rows into usable ones and faults, by rules of its own.

Nothing here is taken from the generator: the rules say what a careful reader would object to.
"""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

DATES = {
    "patients": ("birth_date", "enrolled_on", "left_on", "death_date"),
    "race_ethnicity": ("recorded_on",),
    "languages": ("recorded_on",),
    "addresses": ("starts_on", "ends_on"),
    "coverage": ("starts_on", "ends_on"),
    "encounters": ("starts_on", "ends_on"),
    "conditions": ("onset_on",),
    "observations": ("observed_on", "resulted_on"),
}
KEYS = {
    "patients": ["patient_id"],
    "addresses": ["patient_id", "starts_on"],
    "coverage": ["patient_id", "starts_on"],
    "encounters": ["encounter_id"],
    "observations": ["observation_id"],
}
NEEDED_DATE = {table: columns[0] for table, columns in DATES.items()}
HBA1C_CODES = ("4548-4", "4549-2", "17855-8", "17856-6", "96595-4", "59261-8")


@dataclass(frozen=True)
class Registry:
    """`usable`: rows that nothing speaks against, dates as timestamps; `faults`: objections by table and kind."""

    usable: dict[str, pd.DataFrame]
    faults: dict[str, dict[str, int]]
    n_with_two_faults: int


def read_text(directory: Path, table: str) -> tuple[pd.DataFrame, int]:
    """A table with every cell as text, and the number of lines that have another number of fields."""
    path = directory / f"{table}.parquet"
    if path.exists():
        read = pq.read_table(path)
        return pd.DataFrame({n: read[n].cast(pa.string()).fill_null("").to_pylist() for n in read.column_names}), 0
    with (directory / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    fitting = [line for line in lines if len(line) == len(header)]
    return pd.DataFrame(fitting, columns=header), len(lines) - len(fitting)


def read_registry(directory: Path, as_of: dt.date) -> Registry:
    """All tables, sorted into usable rows and faults."""
    day = pd.Timestamp(as_of)
    usable: dict[str, pd.DataFrame] = {}
    faults: dict[str, dict[str, int]] = {}
    n_twice = 0
    births: pd.Series = pd.Series(dtype="datetime64[s]")
    for table in DATES:
        text, n_torn = read_text(directory, table)
        objections = _objections(table, text, births, day)
        marks = pd.DataFrame(objections)
        n_twice += int((marks.sum(axis=1) > 1).sum())
        counts = {kind: int(marks[kind].sum()) for kind in objections if marks[kind].any()}
        faults[table] = counts | ({"too_many_columns": n_torn} if n_torn else {})
        good = text[~marks.any(axis=1)].copy()
        for column in DATES[table]:
            good[column] = pd.to_datetime(good[column].replace("", None), format="%Y-%m-%d")
        usable[table] = good.reset_index(drop=True)
        if table == "patients":
            births = good.set_index("patient_id")["birth_date"]
    return Registry(usable, faults, n_twice)


def _objections(table: str, text: pd.DataFrame, births: pd.Series, as_of: pd.Timestamp) -> dict[str, pd.Series]:
    dates = {c: pd.to_datetime(text[c].replace("", None), format="%Y-%m-%d", errors="coerce") for c in DATES[table]}
    needed = NEEDED_DATE[table]
    found = {
        "missing_date": text[needed] == "",
        "unparsable_date": (text[needed] != "") & dates[needed].isna(),
        "in_future": dates[needed] > as_of,
    }
    if table in KEYS:
        repeated = text.duplicated(KEYS[table], keep=False) & (text[needed] != "") & dates[needed].notna()
        differs = repeated & ~text.duplicated(keep=False)
        found["conflicting_duplicate"] = differs
        found["identical_duplicate"] = repeated & ~differs & text.duplicated(keep="first")
    if table != "patients":
        birth = text["patient_id"].map(births)
        found["unknown_patient"] = birth.isna()
        if table not in ("addresses", "coverage"):
            found["before_birth"] = dates[needed] < birth
    if table == "encounters":
        found["unknown_encounter_class"] = ~text["encounter_class"].isin(["outpatient", "ED", "inpatient"])
        found["ends_before_start"] = dates["ends_on"] < dates["starts_on"]
    if table == "addresses":
        found["wrong_vintage_tract"] = text["tract_vintage"] != "2020"
        found["short_tract"] = ~text["tract_geoid"].str.fullmatch(r"\d{11}")
    if table == "observations":
        value, in_pct = pd.to_numeric(text["value"]), text["code"].isin(HBA1C_CODES) & (text["unit"] == "%")
        found["hba1c_zero"] = in_pct & (value == 0)
        found["hba1c_wrong_unit"] = in_pct & (value == 65)
        found["hba1c_implausible"] = in_pct & (value == 400)
    return found
