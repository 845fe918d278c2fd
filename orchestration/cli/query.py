"""`equity query`: read-only SQL on the current marts and release, as a table, CSV or JSON."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.options import DataDir, OutputFormat, SettingsFile
from orchestration.errors import EquityError, SettingsError

if TYPE_CHECKING:
    import duckdb

    from orchestration.settings import Settings

_BATCH = 10_000
_SHOWN_ROWS = 100
_LEAST_WIDTH = 8  # of a column with its separator, below which nobody can read it
_DIGITS = 6  # of a number in the table; CSV and JSON have them all
_WHERE = "equity query"
_RULE = "the query is one that DuckDB can answer from the marts and the release"
_REMEDY = '`equity query "show tables"` lists the tables, `describe <table>` their columns'


def query(
    sql: Annotated[
        str, typer.Argument(help="One SQL statement of DuckDB's dialect. `show tables` lists what there is.")
    ],
    output: Annotated[OutputFormat, typer.Option("--format", "-f", help="How to print the rows.")] = "table",
    settings_file: SettingsFile = None,
    data_dir: DataDir = None,
) -> None:
    """Read the current marts and the current release with SQL, also while a run is going on.

    The release's tables are what may leave the house: `measures`, `strata`, `gaps`, `inequality`, `changes`,
    `decomposition`, `charts`, `chart_series`, `aims`, `aim_targets`, `change_tests`, `drivers`, `quality`, `held` and
    `change_notes`. The marts (`dim_…`, `fct_…`) are for analysts: counts before disclosure control, and facts about
    patients under a pseudonym. Example: equity query "select measure_title, value from strata where site = 'all'"
    """
    import duckdb

    from orchestration.settings import load_settings

    settings = load_settings(settings_file, data_dir=data_dir)
    with _databases(settings) as con:
        try:
            result = con.execute(_only_statement(con, sql))
            names = [column[0] for column in result.description or []]
            _WRITERS[output](names, result)
        except duckdb.Error as error:
            from orchestration.defs.resources.redaction import redacted

            found, remedy = redacted(str(error)) or type(error).__name__, _REMEDY
            if isinstance(error, duckdb.CatalogException) and "Table with name" in found:
                # DuckDB goes on to suggest tables of its own.
                found, remedy = found.split("!")[0], f"the tables are {', '.join(_table_names(con))}"
            raise SettingsError(_RULE, where=_WHERE, found=found, remedy=remedy) from None


def _only_statement(con: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """The one statement of the text; DuckDB itself would answer the last of several."""
    statements = con.extract_statements(sql)
    if len(statements) != 1:
        found = f"{len(statements)} statements" if statements else "no statement"
        raise SettingsError(
            "the query is one statement",
            where=_WHERE,
            found=found,
            remedy="ask one at a time" if statements else _REMEDY,
        )
    return statements[0]


def _table_names(con: duckdb.DuckDBPyConnection) -> list[str]:
    found = con.execute("select table_name from information_schema.tables order by table_name").fetchall()
    return list(dict.fromkeys(str(name) for (name,) in found))


@contextmanager
def _databases(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Marts and release side by side, read-only; no other file of this machine can be read or written."""
    import duckdb

    from orchestration.release.published_database import quoted

    files = {
        "marts": settings.marts_dir / "current.duckdb",
        "published": settings.releases_dir / "current" / "published.duckdb",
    }
    there = {name: path.resolve() for name, path in files.items() if path.is_file()}
    if not there:
        where = str(files["marts"])
        raise EquityError("there are marts to query", where=where, found="none yet", remedy="`equity run` makes them")
    with duckdb.connect() as con:
        for name, path in there.items():
            con.execute(f"attach {quoted(str(path))} as {name} (read_only)")
        con.execute(f"set search_path = {quoted(','.join(f'{name}.main' for name in there))}")
        con.execute(f"set temp_directory = {quoted(str(settings.data_dir / 'query_tmp'))}")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        yield con


def _write_csv(names: list[str], result: duckdb.DuckDBPyConnection) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    while rows := result.fetchmany(_BATCH):
        writer.writerows([_no_formula(value) for value in row] for row in rows)


def _no_formula(value: Any) -> Any:
    """A spreadsheet must not take text from a source for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _write_json(names: list[str], result: duckdb.DuckDBPyConnection) -> None:
    separator = "["
    while rows := result.fetchmany(_BATCH):
        for row in rows:
            record = dict(zip(names, row, strict=True))
            sys.stdout.write(f"{separator}\n{json.dumps(record, ensure_ascii=False, default=str)}")
            separator = ","
    sys.stdout.write("[]\n" if separator == "[" else "\n]\n")


def _write_table(names: list[str], result: duckdb.DuckDBPyConnection) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    rows = result.fetchmany(_SHOWN_ROWS + 1)
    if len(names) * _LEAST_WIDTH <= console.width:
        table = Table(show_edge=False)
        for name in names:
            table.add_column(Text(name), overflow="fold")
        for row in rows[:_SHOWN_ROWS]:
            table.add_row(*(_cell(value) for value in row))
        console.print(table)
    else:
        # Too many columns to stand side by side: one below the other, row by row.
        for number, row in enumerate(rows[:_SHOWN_ROWS], start=1):
            record = Table(title=f"Row {number}", title_justify="left", show_edge=False, show_header=False)
            for name, value in zip(names, row, strict=True):
                record.add_row(Text(name), _cell(value))
            console.print(record)
        if not rows:
            console.print(Text(f"No rows of {', '.join(names)}"))
    if len(rows) > _SHOWN_ROWS:
        console.print(f"The first {_SHOWN_ROWS} rows; `--format csv` prints all.")


def _cell(value: Any) -> Any:
    from rich.text import Text

    if value is None:
        return Text("NULL", style="dim")
    if isinstance(value, float):
        value = f"{value:.{_DIGITS}g}"
    return Text("".join(character if character.isprintable() else "\ufffd" for character in str(value)))


_WRITERS = {"csv": _write_csv, "json": _write_json, "table": _write_table}
