"""`published.duckdb`: the tables with their meaning, in one file that older DuckDB reads."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.release.columns import TABLES
from orchestration.release.published_database import read_published_database, write_published_database
from orchestration.release.tables import Tables


@pytest.fixture(scope="module")
def database(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("o'clock") / "published.duckdb"
    write_published_database(tables, path)
    return path


def test_it_holds_the_same_rows_in_the_same_order(tables: Tables, database: Path) -> None:
    found = read_published_database(database)
    assert set(found) == set(TABLES)
    assert all(found[name].equals(tables[name]) for name in TABLES)


def test_every_table_and_column_says_what_it_is(database: Path) -> None:
    with duckdb.connect(str(database), read_only=True) as con:
        tables = dict(con.execute("select table_name, comment from duckdb_tables()").fetchall())
        columns = con.execute(
            "select table_name, column_name, comment from duckdb_columns() where not internal"
        ).fetchall()
    assert tables == {name: table.description for name, table in TABLES.items()}
    assert {(table, column): comment for table, column, comment in columns} == {
        (name, column): text for name, table in TABLES.items() for column, text in table.column_descriptions().items()
    }


def test_it_is_one_file_of_the_storage_version_that_duckdb_1_0_reads(database: Path) -> None:
    assert [path.name for path in database.parent.iterdir()] == ["published.duckdb"]
    # The file format's number stands after the checksum and the magic word; 64 is DuckDB 0.10 to 1.1.
    header = database.read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 64


def test_an_old_file_gives_way(tables: Tables, tmp_path: Path) -> None:
    path = tmp_path / "published.duckdb"
    for name in ("measures", "held"):
        write_published_database({name: tables[name]}, path)
    assert read_published_database(path) == {"held": tables["held"]}
