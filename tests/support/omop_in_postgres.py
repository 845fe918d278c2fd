"""Loads a file of an OMOP table into a PostgreSQL table with the types that the file has."""

from __future__ import annotations

from pathlib import Path

import duckdb
import psycopg
from psycopg import sql as pg

_TYPES = {"VARCHAR": "text", "DOUBLE": "double precision"}


def load(con: psycopg.Connection, name: tuple[str, ...], path: Path) -> None:
    """Create the table called `name` (its schema before it, if any) from a Parquet or CSV file."""
    table, content = pg.Identifier(*name), Path(f"{path}.rows")
    with duckdb.connect() as reader:
        described = reader.execute(f"describe select * from '{path}'").fetchall()
        reader.execute(f"copy (select * from '{path}') to '{content}' (format csv, header false)")
    columns = [
        pg.SQL("{} {}").format(pg.Identifier(column), pg.SQL(_TYPES.get(kind, kind.lower())))
        for column, kind, *_ in described
    ]
    con.execute(pg.SQL("create table {} ({})").format(table, pg.SQL(", ").join(columns)))
    with con.cursor().copy(pg.SQL("copy {} from stdin (format csv)").format(table)) as copy, content.open("rb") as file:
        while block := file.read(1 << 24):
            copy.write(block)
    content.unlink()
