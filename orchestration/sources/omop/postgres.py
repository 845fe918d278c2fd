"""Copies the tables of an OMOP instance on PostgreSQL into the raw zone, streaming, in one read-only transaction.

All tables are of one snapshot. Names go to the server as quoted identifiers; its words about rows are never repeated.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv as pa_csv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from psycopg import sql as pg_sql

from orchestration.errors import SourceError
from orchestration.settings import secret
from orchestration.settings_omop import OmopPostgres, OmopSource
from orchestration.sources.landing import Progress
from orchestration.sources.omop.cdm import CDM
from orchestration.sources.omop.copies import copied_columns, keep_copy, known_tables, select_of
from orchestration.sources.omop.tables import require_tables

_BLOCK = 8 << 20
# Tables, views, materialized views, partitioned and foreign tables, with the columns that the role in force may read.
_COLUMNS = """
    select class.relname, array_agg(attribute.attname order by attribute.attnum)
    from pg_catalog.pg_class as class
    join pg_catalog.pg_namespace as namespace on class.relnamespace = namespace.oid
    join pg_catalog.pg_attribute as attribute on attribute.attrelid = class.oid
    where
        namespace.nspname = %(schema)s and class.relkind = any('{r,v,m,p,f}') and attribute.attnum > 0
        and not attribute.attisdropped and has_schema_privilege(namespace.oid, 'usage')
        and has_column_privilege(class.oid, attribute.attnum, 'select')
    group by class.relname
"""


def copy_tables(source: OmopSource, place: OmopPostgres, root: Path, progress: Progress) -> dict[str, Path]:
    """The copies by OMOP table.

    Raises SettingsError when the password's variable is not set; SourceError when the server cannot be reached, a
    needed table is absent or may not be read, or a statement fails.
    """
    with _snapshot(place) as connection:
        copies = {}
        for table, (schema, own, have) in _found(connection, place).items():
            extra = [source.location_tract_column] if table == "location" and source.location_tract_column else []
            columns = copied_columns(CDM[table], have, extra)
            relation = pg_sql.Identifier(schema, own).as_string(connection)
            select = select_of(CDM[table], relation, columns)
            try:
                copies[table] = keep_copy(
                    root,
                    table,
                    partial(_stream, connection, select, tuple(columns)),
                )
            except (psycopg.Error, pa.ArrowInvalid) as error:
                raise _failed(error, f"{source.name}/{table}") from None
            progress(f"{source.name}/{table}: copied")
    return copies


def readable_tables(place: OmopPostgres) -> list[str]:
    """The OMOP tables that are there and may be read. Raises as `copy_tables` does."""
    with _snapshot(place) as connection:
        return list(_found(connection, place))


def _found(connection: psycopg.Connection, place: OmopPostgres) -> dict[str, tuple[str, str, list[str]]]:
    """Schema, name and readable columns by OMOP table; the vocabulary may have a schema of its own."""
    found = {}
    vocabulary = place.vocabulary_schema or place.cdm_schema
    for schema in dict.fromkeys((place.cdm_schema, vocabulary)):
        rows: dict[str, list[str]] = dict(connection.execute(_COLUMNS, {"schema": schema}).fetchall())
        for table, own in known_tables(rows).items():
            if schema == (vocabulary if CDM[table].is_vocabulary else place.cdm_schema):
                found[table] = (schema, own, rows[own])
    require_tables(list(found), f"{place.host}, {place.database}, schema {place.cdm_schema}")
    return found


@contextmanager
def _snapshot(place: OmopPostgres) -> Iterator[psycopg.Connection]:
    """A connection in a read-only transaction on one snapshot, in the role that the settings name."""
    password = secret(place.password_variable, setting="password_variable") if place.password_variable else None
    where = f"{place.host}, database {place.database}"
    try:
        connection = psycopg.connect(
            host=place.host,
            port=place.port,
            dbname=place.database,
            user=place.user,
            password=password.get_secret_value() if password else None,
            sslmode=place.sslmode,
            sslrootcert=str(place.ssl_root_certificate) if place.ssl_root_certificate else None,
            connect_timeout=place.connect_timeout_seconds,
            application_name="equity",
            client_encoding="UTF8",
        )
    except psycopg.Error as error:
        # Before a statement is sent, the words are about the server, the user and the certificate.
        found = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SourceError(
            "the OMOP database can be reached",
            where=where,
            found=found,
            remedy="correct `postgres` in the settings, or the password in the environment",
        ) from None
    with connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            if place.role is not None:
                connection.execute(pg_sql.SQL("set local role {}").format(pg_sql.Identifier(place.role)))
            connection.execute("set local datestyle = 'ISO, YMD'")
        except psycopg.Error as error:
            raise SourceError(
                f"the user may take the role {place.role}",
                where=where,
                found=f"{type(error).__name__} ({error.sqlstate})",
                remedy="grant the role to the user, or correct `role`",
            ) from None
        try:
            yield connection
        finally:
            connection.rollback()


def _stream(connection: psycopg.Connection, select: str, names: tuple[str, ...], path: Path) -> None:
    """Write what `select` gives as Parquet, block by block: memory does not grow with the table."""
    schema = pa.schema([(name, pa.string()) for name in names])
    statement = f"copy ({select}) to stdout (format csv, force_quote *)"
    with (
        connection.cursor().copy(statement.encode()) as copy,
        pq.ParquetWriter(path, schema, compression="zstd") as out,
    ):
        blocks = _Blocks(block for block in copy)
        if blocks.is_empty:
            return
        # A NULL is empty, and an empty text is quoted.
        reader = pa_csv.open_csv(
            pa.PythonFile(blocks, mode="r"),
            read_options=pa_csv.ReadOptions(column_names=list(names), block_size=_BLOCK),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=schema, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
            ),
        )
        for batch in reader:
            out.write_batch(batch)


class _Blocks(io.RawIOBase):
    """The server's stream of blocks as a file that is read once."""

    def __init__(self, blocks: Iterator[bytes | bytearray | memoryview]) -> None:
        self.blocks = blocks
        self.rest = bytes(next(blocks, b""))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not self.rest

    def readable(self) -> bool:
        """It can be read, and no more."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, at the end none."""
        parts: list[bytes | bytearray | memoryview] = [self.rest]
        held = len(self.rest)
        for block in self.blocks if size < 0 or held < size else ():
            parts.append(block)
            held += len(block)
            if 0 <= size <= held:
                break
        content = b"".join(parts)
        taken, self.rest = (content, b"") if size < 0 else (content[:size], content[size:])
        return taken


def _failed(error: Exception, where: str) -> SourceError:
    state = f", {error.sqlstate}" if isinstance(error, psycopg.Error) and error.sqlstate else ""
    return SourceError(
        "the table can be read",
        where=where,
        found=f"reading fails ({type(error).__name__}{state})",
        remedy="see that the role may read it and that the connection is stable, then pull again",
    )
