"""Content hashes of warehouse tables, so that the publisher can tell whether the data are those that the gate judged.

Order-independent and computed in SQL: the hash tells accidental and forgotten changes apart, it is no signature.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from orchestration.errors import TransformError

if TYPE_CHECKING:
    import duckdb

DATA_TABLES = ("fct_measure_stratum", "fct_quality", "fct_structure", "fct_conservation")
VERDICT_TABLES = ("gate_verdict", "gate_quality", "gate_check", "gate_stratifier")


def data_fingerprint(con: duckdb.DuckDBPyConnection) -> str:
    """SHA-256 over the content and columns of everything in `main` that a publication is made from.

    That is DATA_TABLES and every `dim_*`. The order of rows does not matter. Raises TransformError when one is missing.
    """
    found = con.execute(
        "select table_name from information_schema.tables "
        "where table_catalog = current_database() and table_schema = 'main' and starts_with(table_name, 'dim_')"
    ).fetchall()
    return _fingerprint(con, "main", (*DATA_TABLES, *sorted(name for (name,) in found)))


def verdict_fingerprint(con: duckdb.DuckDBPyConnection) -> str:
    """SHA-256 over what the gate wrote about slices. Raises TransformError when a table is missing."""
    return _fingerprint(con, "publish", VERDICT_TABLES)


def _fingerprint(con: duckdb.DuckDBPyConnection, schema: str, tables: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for table in tables:
        columns = con.execute(
            "select column_name, data_type from information_schema.columns "
            "where table_catalog = current_database() and table_schema = ? and table_name = ? "
            "order by ordinal_position",
            [schema, table],
        ).fetchall()
        if not columns:
            raise TransformError(
                "the warehouse must have every table that a publication is made from",
                where=f"{schema}.{table}",
                found="no such table",
                remedy="run the whole job: it rebuilds the warehouse",
            )
        # A sum alone would not see a row that stands twice in place of another with an equal sum, the parity alone not
        # a row that was added twice; both and the row count together do.
        content = con.execute(
            f'select count(*), sum(cast(hash(t) as hugeint)), bit_xor(hash(t)) from {schema}."{table}" as t'
        ).fetchone()
        digest.update(repr((table, columns, content)).encode())
    return digest.hexdigest()
