"""`equity query`: read-only SQL on the current marts, as a table, CSV or JSON."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.options import DataDir, OutputFormat, SettingsFile
from orchestration.errors import EquityError, SettingsError

if TYPE_CHECKING:
    import duckdb

_BATCH = 10_000
_SHOWN_ROWS = 100


def query(
    sql: Annotated[
        str, typer.Argument(help="One SQL statement of DuckDB's dialect. `show tables` lists what there is.")
    ],
    output: Annotated[OutputFormat, typer.Option("--format", "-f", help="How to print the rows.")] = "table",
    settings_file: SettingsFile = None,
    data_dir: DataDir = None,
) -> None:
    """Read the current marts with SQL, also while a run is going on.

    The marts are for analysts: they hold counts before disclosure control and facts about patients under a pseudonym.
    What may leave the house is in the release. Example: equity query "select * from dim_measure"
    """
    import duckdb

    from orchestration.settings import load_settings

    settings = load_settings(settings_file, data_dir=data_dir)
    path = settings.marts_dir / "current.duckdb"
    if not path.is_file():
        raise EquityError(
            "there are marts to query", where=str(path), found="none yet", remedy="`equity run` makes them"
        )
    with duckdb.connect(str(path.resolve()), read_only=True) as con:
        # A query reads the marts and no other file of this machine.
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        try:
            result = con.execute(sql)
            names = [column[0] for column in result.description or []]
            _WRITERS[output](names, result)
        except duckdb.Error as error:
            from orchestration.defs.resources.redaction import redacted

            raise SettingsError(
                "the query is one that DuckDB can answer from the marts",
                where="equity query",
                found=redacted(str(error)) or type(error).__name__,
                remedy='`equity query "show tables"` lists the tables, `describe <table>` their columns',
            ) from None


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

    rows = result.fetchmany(_SHOWN_ROWS + 1)
    table = Table(show_edge=False)
    for name in names:
        table.add_column(Text(name), overflow="fold")
    for row in rows[:_SHOWN_ROWS]:
        table.add_row(*(_cell(value) for value in row))
    console = Console()
    console.print(table)
    if len(rows) > _SHOWN_ROWS:
        console.print(f"The first {_SHOWN_ROWS} rows; `--format csv` prints all.")


def _cell(value: Any) -> Any:
    from rich.text import Text

    if value is None:
        return Text("NULL", style="dim")
    return Text("".join(character if character.isprintable() else "\ufffd" for character in str(value)))


_WRITERS = {"csv": _write_csv, "json": _write_json, "table": _write_table}
