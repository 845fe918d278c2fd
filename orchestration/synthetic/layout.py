"""The registry layout as generated: tables, columns, how a column is held as numbers and what it becomes in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

from orchestration.synthetic.planted import SITES
from orchestration.synthetic.timeline import NO_DAY

Rows = dict[str, NDArray[Any]]
"""One table's rows by column: day numbers, positions in a vocabulary (-1 empty), id numbers, or plain numbers."""


@dataclass(frozen=True)
class Column:
    """How a column of numbers becomes one of a file: an id, a date, a word of a vocabulary, or a number (NaN empty)."""

    name: str
    kind: Literal["id", "date", "word", "number", "tract", "integer"]
    words: tuple[str, ...] = ()
    prefix: str = ""
    digits: int = 0


def _id(name: str, prefix: str, digits: int) -> Column:
    return Column(name, "id", prefix=prefix, digits=digits)


def _dates(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "date") for name in names)


PATIENT = _id("patient_id", "P", 7)
SEXES = ("F", "M", "U", "X")
SYSTEMS = ("ehr", "survey")
STANDARDS = ("omb1997", "omb2024")
CAPTURE_METHODS = ("observed", "proxy", "self", "unknown")
RACE_VALUES = (
    "1002-5", "2028-9", "2054-5", "2135-2", "2118-8", "2076-8", "2131-1", "2106-3",
    "2186-5", "ASKU", "UNK", "declined", "local-17",
)  # fmt: skip
LANGUAGES = (
    "en", "en-US", "es", "es-MX", "spa", "ar", "so", "zho", "vi", "ne", "fr", "und", "declined",
)  # fmt: skip
PAYERS = ("commercial", "medicaid", "CHIP", "self_pay", "tricare", "other_public")
CLASSES = ("outpatient", "ED", "inpatient", "unlisted")
SERVICES = ("diabetes", "primary_care", "emergency", "hospital", "ophthalmology", "nutrition", "behavioral_health")
DIAGNOSES = (
    "E10.9", "E10.65", "E10.649", "E10.10", "E10.11", "E10.641", "Z00.129", "J06.9", "R11.10", "S52.501A", "J45.901",
    "Z71.3", "H52.13", "F43.20", "K35.80", "J18.9",
)  # fmt: skip
CONDITIONS = ("E10.9", "E10.65", "E10.10", "E10.649", "E10.319", "E10.A1", "E10.A2", "E06.3", "K90.0", "F32.A")
RESULT_CODES = ("4548-4", "17856-6", "4549-2", "59261-8", "2339-0")
UNITS = ("%", "mmol/mol", "mg/dL")

TABLES: Mapping[str, tuple[Column, ...]] = {
    "patients": (
        PATIENT,
        *_dates("birth_date"),
        Column("sex", "word", SEXES),
        Column("site_id", "word", SITES),
        *_dates("enrolled_on", "left_on", "death_date"),
    ),
    "race_ethnicity": (
        PATIENT,
        Column("source_system", "word", SYSTEMS),
        Column("value", "word", RACE_VALUES),
        Column("standard", "word", STANDARDS),
        Column("capture_method", "word", CAPTURE_METHODS),
        *_dates("recorded_on"),
    ),
    "languages": (PATIENT, Column("language", "word", LANGUAGES), *_dates("recorded_on")),
    "addresses": (
        PATIENT,
        Column("tract_geoid", "tract"),
        Column("tract_vintage", "integer"),
        *_dates("starts_on", "ends_on"),
    ),
    "coverage": (PATIENT, Column("payer", "word", PAYERS), *_dates("starts_on", "ends_on")),
    "encounters": (
        _id("encounter_id", "E", 8),
        PATIENT,
        Column("encounter_class", "word", CLASSES),
        Column("service", "word", SERVICES),
        *_dates("starts_on", "ends_on"),
        Column("primary_dx", "word", DIAGNOSES),
    ),
    "conditions": (PATIENT, Column("code", "word", CONDITIONS), *_dates("onset_on")),
    "observations": (
        _id("observation_id", "O", 8),
        PATIENT,
        Column("code", "word", RESULT_CODES),
        *_dates("observed_on"),
        Column("value", "number"),
        Column("unit", "word", UNITS),
        *_dates("resulted_on"),
    ),
}

ROW_IDS = {"patients": "patient_id", "encounters": "encounter_id", "observations": "observation_id"}
ORDERED_BY = {"encounters": "starts_on", "observations": "observed_on"}
"""Tables whose rows stand in the order of these days, as an electronic record would export them."""


def to_table(name: str, rows: Rows, tract_words: tuple[str, ...]) -> pa.Table:
    """Rows of one table as Arrow, in the layout's column order; `tract_words` spells the tracts."""
    columns = TABLES[name]
    arrays = [_array(column, rows[column.name], tract_words) for column in columns]
    return pa.table(arrays, names=[column.name for column in columns])


def _array(column: Column, values: NDArray[Any], tract_words: tuple[str, ...]) -> pa.Array:
    if column.kind == "id":
        return id_array(column.prefix, column.digits, values)
    if column.kind == "date":
        empty = values == NO_DAY
        return pa.array(values, pa.int32(), mask=empty).cast(pa.date32())
    if column.kind == "number":
        return pa.array(values, pa.float64(), mask=np.isnan(values))
    if column.kind == "integer":
        return pa.array(values, pa.int16())
    words = tract_words if column.kind == "tract" else column.words
    codes = pa.array(values, pa.int16(), mask=values < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(words, pa.string()))


def id_array(prefix: str, digits: int, numbers: NDArray[Any]) -> pa.Array:
    """Ids such as P0000001: `prefix` and a number with leading zeros, spelled for all rows at once."""
    width = len(prefix) + digits
    letters = np.empty((len(numbers), width), np.uint8)
    letters[:, : len(prefix)] = np.frombuffer(prefix.encode("ascii"), np.uint8)
    rest = numbers.astype(np.uint32)
    for position in range(width - 1, len(prefix) - 1, -1):
        tens = rest // np.uint32(10)
        letters[:, position] = rest - tens * np.uint32(10) + np.uint32(ord("0"))
        rest = tens
    ends = np.arange(len(numbers) + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(ends), pa.py_buffer(letters))


def join_rows(parts: list[Rows]) -> Rows:
    """Several parts of one table behind each other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def take_rows(rows: Rows, positions: NDArray[Any]) -> Rows:
    """The rows at `positions`, as copies."""
    return {name: values[positions] for name, values in rows.items()}
