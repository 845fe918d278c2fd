"""Codes that no seed knows, for the data steward of the house: what each is and on how many rows it stands.

The codes are text of the source, so the list lies with the quarantine and goes no further: no log, mart or release.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.sources import sql

FILE_NAME = "unmapped_codes.csv"

# Staged table, its code, and the seed and key that would know it.
_FIELDS = (
    ("race_ethnicity", "race_ethnicity", "recorded_value", "race_ethnicity_map", "value"),
    ("language", "languages", "language_subtag", "language_map", "subtag"),
    ("payer", "coverage", "payer_code", "payer_map", "value"),
    ("sex", "patients", "sex_code", "sex_map", "value"),
    ("encounter_class", "encounters", "encounter_class_code", "encounter_class_map", "value"),
)


def export(con: duckdb.DuckDBPyConnection, folder: Path) -> int:
    """Write `unmapped_codes.csv` into the private `folder` and return how many codes there are.

    `con` is open on a built warehouse. One line per source, field and code: seed, rows.
    """
    counted = " union all ".join(_unmapped(*field) for field in _FIELDS)
    con.execute(f"create or replace temp table unmapped_code as {counted}")
    target = sql.text(str((folder / FILE_NAME).absolute()))
    # A spreadsheet must not take a code for a formula.
    shown = r"case when regexp_matches(code, '^[=+@\t\r-]') then '''' else '' end || code as code"
    con.execute(
        f"copy (select field, source_name, {shown}, row_count, seed from unmapped_code "
        f"order by field, row_count desc, code, source_name) to {target} (format csv, header)"
    )
    found = con.execute("select count(*) from unmapped_code").fetchone()
    con.execute("drop table unmapped_code")
    return int(found[0]) if found else 0


def _unmapped(field: str, table: str, code: str, seed: str, key: str) -> str:
    # Counted before it is looked up: few codes stand on many rows.
    return (
        f"select '{field}' as field, source_name, lower(code) as code, cast(sum(row_count) as bigint) as row_count, "
        f"'seeds/{seed}.csv' as seed from "
        f"(select source_name, {code} as code, count(*) as row_count from main.stg_registry__{table} group by all) "
        f"where lower(code) not in (select {key} from main.{seed} where {key} is not null) group by source_name, 3"
    )
