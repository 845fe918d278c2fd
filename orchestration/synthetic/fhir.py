"""Writes a generated registry as FHIR R4 resources in NDJSON files, one per resource type, column by column in SQL."""

from __future__ import annotations

from pathlib import Path

import duckdb


def write_fhir(tables: Path, directory: Path) -> None:
    """Rewrite the CSV tables in the folder `tables` as `<Type>.ndjson` in `directory`."""
    con = duckdb.connect()
    try:
        rows = f"read_csv({_text(tables / 'patients.csv')}, all_varchar = true, ignore_errors = true)"
        select = f"""select json_object('resourceType', 'Patient', 'id', patient_id, 'birthDate', birth_date) as line
            from {rows}"""
        target = _text(directory / "Patient.ndjson")
        con.execute(f"copy ({select}) to {target} (format csv, header false, quote '', escape '', delimiter '\\0')")
    finally:
        con.close()


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
