"""Turns staged resources into the layout's tables: one SELECT per table over all files, cut into the files' rows."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from threading import Lock

import duckdb

from orchestration.errors import SourceError
from orchestration.settings import PROJECT_ROOT
from orchestration.settings_fhir import FhirReading
from orchestration.sources import sql
from orchestration.sources.fhir.export import NumberedFile
from orchestration.sources.fhir.stage import RULES, Stage
from orchestration.sources.landing import Written
from orchestration.sources.layout import REGISTRY
from orchestration.sources.raw_zone import DATA
from orchestration.sources.reading import connect

_SEEDS = ("payer_map", "encounter_class_map", "hba1c_codes", "service_map", "snomed_icd10_map")
# Every thread that reads JSON holds two of the longest lines: more of them would need more memory.
_MEMORY, _MOST_THREADS = "1GB", 4
_POSITIONS = 1_000
# LOINC: Race OMB.1997, Ethnicity OMB.1997, Race or ethnicity OMB.1997, Race or ethnicity; Preferred language.
_RACE_QUESTIONS, _LANGUAGE_QUESTION = ["72826-1", "69490-1", "59362-4", "46463-6"], "54899-0"
_IDENTIFIERS = """create view organization_identifier as
    select id, 'Organization?identifier=' || coalesce(known.system, '') || '|' || known.value as reference
    from (select id, unnest(identifier) as known from organization_current)"""
_ENCOUNTER_SITES = """create view encounter_site as
    select
        reference_id(encounter.subject.reference, 'Patient') as patient_id,
        coalesce(
            reference_id(encounter.serviceProvider.reference, 'Organization'), provider.id,
            reference_id(place.managingOrganization.reference, 'Organization')
        ) as organization_id,
        first_day(coalesce(encounter.period, encounter.actualPeriod).start) as starts_on
    from encounter_current as encounter
    left join organization_identifier as provider on encounter.serviceProvider.reference = provider.reference
    left join location_current as place
        on reference_id(encounter.location[1].location.reference, 'Location') = place.id
    where coalesce(encounter.status, '') not in ('entered-in-error', 'cancelled', 'planned')"""


@dataclass(frozen=True)
class Filling:
    """How a table is filled: a line of the types in `rows_of` can give rows, those in `uses` decide what is in them.

    Where a line can give several rows, a row's number is the line times 1,000 plus its position in the resource.
    """

    table: str
    rows_of: tuple[str, ...]
    uses: tuple[str, ...]
    has_positions: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """Every resource type that the table depends on; which patients were merged matters to all."""
        return tuple(dict.fromkeys((*self.rows_of, *self.uses, "Patient")))


FILLINGS: dict[str, Filling] = {
    filling.table: filling
    for filling in (
        Filling("patients", ("Patient",), ("Organization", "Location", "EpisodeOfCare", "Encounter")),
        Filling("race_ethnicity", ("Patient", "Observation"), ("Provenance",), has_positions=True),
        Filling("languages", ("Patient", "Observation"), (), has_positions=True),
        Filling("addresses", ("Patient",), (), has_positions=True),
        Filling("coverage", ("Coverage",), ("Organization",)),
        Filling("encounters", ("Encounter",), ("Condition",)),
        Filling("conditions", ("Condition",), ("Encounter",)),
        Filling("observations", ("Observation",), ()),
    )
}
# Where a line that cannot be used is set aside.
MAIN_TABLE = {"Patient": "patients", "Coverage": "coverage", "Encounter": "encounters", "Condition": "conditions"} | {
    "Observation": "observations"
}


def rules(reading: FhirReading, table: str) -> list[str]:
    """Everything beside the files that decides what a table's rows are: SQL, vocabularies, settings."""
    said = [_own(f"tables/{table}.sql"), _own("macros.sql"), _IDENTIFIERS, _ENCOUNTER_SITES, *RULES]
    seeds = [(PROJECT_ROOT / "seeds" / f"{name}.csv").read_text(encoding="utf-8") for name in _SEEDS]
    options = reading.model_dump_json(include=set(FhirReading.model_fields))
    return [*said, *seeds, options]


class Conversion:
    """The conversion of one pull, in `folder`. Threads may write extracts from it; nothing is read before they do."""

    def __init__(self, folder: Path, files: Sequence[NumberedFile], reading: FhirReading) -> None:
        self._folder, self._files, self._reading = folder, files, reading
        self._lock = Lock()
        self._con: duckdb.DuckDBPyConnection | None = None
        self._stage: Stage | None = None
        self._tables: dict[str, str] = {}

    def close(self) -> None:
        """Let go of what was read."""
        with self._lock:
            if self._con is not None:
                self._con.close()
                self._con = None

    def write(self, table: str, each: NumberedFile, folder: Path) -> Written:
        """Write the rows that one file gives to a table into `folder`. Raises SourceError."""
        with self._lock:
            con, stage = self._opened()
            if table not in self._tables:
                stage.require(FILLINGS[table].reads)
                self._tables[table] = self._convert(con, table)
            return self._cut(con, table, each, folder)

    def _opened(self) -> tuple[duckdb.DuckDBPyConnection, Stage]:
        if self._con is None or self._stage is None:
            con = connect(self._folder)
            con.execute(f"set memory_limit = '{_MEMORY}'")
            con.execute(f"set threads = {min(_MOST_THREADS, os.cpu_count() or 1)}")
            con.execute(_own("macros.sql"))
            _set_variables(con, self._reading)
            self._stage = Stage(con, self._folder, self._files)
            self._con = con
        return self._con, self._stage

    def _convert(self, con: duckdb.DuckDBPyConnection, table: str) -> str:
        if table == "patients":
            con.execute(_IDENTIFIERS)
            con.execute(_ENCOUNTER_SITES)
        path = self._folder / f"{table}.parquet"
        given = {name for name, *_ in con.execute(f"describe {_own(f'tables/{table}.sql')}").fetchall()}
        columns = ", ".join(
            "coalesce(survivor_id, patient_id) as patient_id"
            if name == "patient_id"
            else f"cast({name if name in given else 'null'} as varchar) as {name}"
            for name in REGISTRY[table].column_names
        )
        number = f"line * {_POSITIONS} + position" if FILLINGS[table].has_positions else "line"
        select = f"""select file_no, {number} as row_number, fault, {columns},
            case when position < {_POSITIONS} then left_out else 'beyond {_POSITIONS - 1} entries of one resource' end
                as left_out
            from ({_own(f"tables/{table}.sql")}) left join merged using (patient_id)
            order by file_no, line, position"""
        try:
            con.execute(f"copy ({select}) to {sql.text(str(path.absolute()))} (format parquet)")
        except duckdb.ProgrammingError:
            raise  # about the SQL, before a row is read
        except duckdb.Error as error:
            raise SourceError(
                "resources can be turned into the registry layout",
                where=table,
                found=f"DuckDB stops ({type(error).__name__})",
                remedy="see that there is room in `data_dir` and in memory",
            ) from None
        return f"read_parquet({sql.file(path)})"

    def _cut(self, con: duckdb.DuckDBPyConnection, table: str, each: NumberedFile, folder: Path) -> Written:
        rows = f"(select * from {self._tables[table]} where file_no = {each.number})"
        names = REGISTRY[table].column_names
        con.execute(
            f"""copy (select {", ".join(names)}, row_number as _source_row from {rows}
            where left_out is null and fault is null) to {sql.text(str((folder / DATA).absolute()))} (format parquet)"""
        )
        counted = con.execute(
            f"""select coalesce(left_out, '') as why, count(*) from {rows} where fault is null or left_out is not null
            group by all order by all"""
        ).fetchall()
        left_out = Counter({why: n for why, n in counted if why})
        pulled = sum(n for why, n in counted if not why)
        rejects = con.execute(
            f"select row_number, fault from {rows} where fault is not null and left_out is null"
        ).fetchall()
        kind = each.file.resource_type
        if MAIN_TABLE[kind] == table:
            of_file = f"where file_no = {each.number}"
            rejects += con.execute(f"select line, fault from {kind}_line {of_file} and fault is not null").fetchall()
            left_out.update(
                dict(con.execute(f"select why, count(*) from {kind}_gone {of_file} group by all").fetchall())
            )
        notes = tuple(f"{n:,} left out: {why}" for why, n in sorted(left_out.items()))
        types = {name: "VARCHAR" for name in names} | {"_source_row": "BIGINT"}
        return Written(types, pulled, sorted(rejects), left_out.total(), notes)


def _set_variables(con: duckdb.DuckDBPyConnection, reading: FhirReading) -> None:
    seeds = {name: _seed(name) for name in _SEEDS}
    values: dict[str, object] = {
        "known_payers": [row["value"] for row in seeds["payer_map"]],
        "known_classes": [row["value"] for row in seeds["encounter_class_map"]],
        "hba1c_codes": [row["code"] for row in seeds["hba1c_codes"]],
        "race_questions": _RACE_QUESTIONS,
        "language_question": _LANGUAGE_QUESTION,
        "tract_extension": reading.tract_extension,
        "tract_vintage_extension": reading.tract_vintage_extension,
        "tract_vintage": str(reading.tract_vintage) if reading.tract_vintage else None,
        "race_standard": reading.race_standard,
        "registry_episode_type": reading.registry_episode_type,
    }
    for name, value in values.items():
        kind = "varchar[]" if isinstance(value, list) else "varchar"
        con.execute(f"set variable {name} = cast($value as {kind})", {"value": value})
    for name, (key, meaning) in {
        "service_map": ("value", "service"),
        "snomed_map": ("snomed_code", "icd10cm_code"),
    }.items():
        rows = seeds["snomed_icd10_map" if name == "snomed_map" else name]
        con.execute(
            f"set variable {name} = map(cast($keys as varchar[]), cast($meanings as varchar[]))",
            {"keys": [row[key] for row in rows], "meanings": [row[meaning] for row in rows]},
        )


def _seed(name: str) -> list[dict[str, str]]:
    with (PROJECT_ROOT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _own(name: str) -> str:
    return (package_files("orchestration.sources.fhir") / name).read_text(encoding="utf-8")
