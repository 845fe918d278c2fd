"""`equity query` reads the marts and nothing else, in three formats, and says plainly what a query lacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.support.small_run import Ended

Query = Callable[..., Ended]


@pytest.fixture
def query(in_folder: Path, equity: Callable[..., Ended]) -> Query:
    """`equity query` on a marts file with three rows: a text, a formula, a NULL."""
    marts = in_folder / "var" / "marts"
    marts.mkdir(parents=True)
    with duckdb.connect(str(marts / "r1.duckdb")) as con:
        con.execute(
            "create table dim_site as select * from (values (1, 'North', date '2026-06-30'), (2, '=1+1', null), "
            "(-3, null, null)) as t (sort_order, site_label, day)"
        )
    (marts / "current.duckdb").symlink_to("r1.duckdb")
    return lambda *arguments: equity("query", *arguments)


ALL = "select * from dim_site order by sort_order desc"


def test_json(query: Query) -> None:
    ended = query(ALL, "--format", "json")
    assert ended.code == 0
    assert json.loads(ended.out) == [
        {"sort_order": 2, "site_label": "=1+1", "day": None},
        {"sort_order": 1, "site_label": "North", "day": "2026-06-30"},
        {"sort_order": -3, "site_label": None, "day": None},
    ]


def test_json_without_rows_is_an_empty_list(query: Query) -> None:
    assert json.loads(query("select 1 where false", "--format", "json").out) == []


def test_csv_leaves_no_formula_to_a_spreadsheet(query: Query) -> None:
    assert query(ALL, "--format", "csv").out == "sort_order,site_label,day\n2,'=1+1,\n1,North,2026-06-30\n-3,,\n"


def test_the_table_tells_null_from_empty(query: Query) -> None:
    ended = query("select null as nothing, '' as empty, 'tin\x1b[31mted' as tinted")
    assert "NULL" in ended.out
    assert "\x1b" not in ended.out


def test_the_release_is_there_too(query: Query, in_folder: Path) -> None:
    release = in_folder / "var" / "releases" / "20260101T000000Z-0"
    release.mkdir(parents=True)
    with duckdb.connect(str(release / "published.duckdb")) as con:
        con.execute("create table strata as select 'White' as stratum")
    (release.parent / "current").symlink_to(release.name)
    both = "select stratum, (select count(*) from dim_site) as sites from strata"
    assert query(both, "--format", "csv").out == "stratum,sites\nWhite,3\n"
    assert {row.split(",")[0] for row in query("show tables", "--format", "csv").out.split()} == {
        "name",
        "dim_site",
        "strata",
    }


def test_a_long_table_says_that_there_is_more(query: Query) -> None:
    ended = query("select range from range(101)")
    assert "--format csv" in ended.out
    assert "--format csv" not in query("select range from range(100)").out


@pytest.mark.parametrize(
    "sql",
    [
        "selec 1",
        "select * from no_such_table",
        "select no_such_column from dim_site",
        "insert into dim_site values (4, 'x', null)",
        "create table marts.main.t as select 1",
        "select * from read_text('/etc/hostname')",
        "copy dim_site to 'out.csv'",
        "attach 'other.duckdb' as other",
        "set enable_external_access = true",
        "select cast(site_label as integer) from dim_site",
    ],
)
def test_what_cannot_be_answered_is_a_usage_error_without_a_value(sql: str, query: Query, in_folder: Path) -> None:
    ended = query(sql)
    assert ended.code == 2
    assert ended.err.startswith("equity: equity query: ")
    assert "Traceback" not in ended.err
    assert "North" not in ended.err
    assert not (in_folder / "out.csv").exists()


@pytest.mark.parametrize(
    ("sql", "words"),
    [("", "no statement"), (" ; -- nothing", "no statement"), ("select 1; select 2", "2 statements")],
)
def test_a_query_is_exactly_one_statement(sql: str, words: str, query: Query) -> None:
    ended = query(sql)
    assert ended.code == 2
    assert words in ended.err
    assert "remedy" in ended.err
    assert ended.out == ""


def test_a_semicolon_at_the_end_is_no_second_statement(query: Query) -> None:
    assert query("select 1 as one;", "--format", "csv").out == "one\n1\n"


def test_an_unknown_table_is_answered_with_those_that_there_are(query: Query) -> None:
    ended = query("select * from nosuch")
    assert "the tables are dim_site" in ended.err
    assert "pg_" not in ended.err


def test_the_table_rounds_to_six_digits_and_csv_does_not(query: Query) -> None:
    sql = "select 2.0::double / 3 as share, 123456789 as whole"
    shown = query(sql).out
    assert "0.666667" in shown
    assert "0.6666666" not in shown
    assert "123456789" in shown
    assert "0.6666666666666666" in query(sql, "--format", "csv").out


def test_without_marts_it_says_how_to_make_them(in_folder: Path, equity: Callable[..., Ended]) -> None:
    ended = equity("query", "select 1")
    assert ended.code == 1
    assert "equity run" in ended.err
