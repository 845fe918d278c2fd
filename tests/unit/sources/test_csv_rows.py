"""Splitting a broken CSV file: what is set aside, with which number and reason, and that nothing else is."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.sources import csv_rows
from orchestration.sources.csv_rows import BROKEN_QUOTE, CUT, NOT_CLOSED, NOT_UTF8, Separated, separate
from orchestration.sources.table_file import TableFile

SHORT, LONG = "the row has 2 instead of 3 columns", "the row has 4 instead of 3 columns"


def split(content: bytes, columns: int = 3, used: frozenset[int] | None = None) -> tuple[Separated, bytes]:
    clean = io.BytesIO()
    used = frozenset(range(columns)) if used is None else used
    result = separate(io.BytesIO(content), clean, columns=columns, used=used, delimiter=",", placeholder="BAD")
    return result, clean.getvalue()


@pytest.mark.parametrize(
    ("body", "rows", "rejects"),
    [
        pytest.param(b"1,x,y\n2,x,y\n", 2, [], id="nothing wrong"),
        pytest.param(b"1,x,y\n2,x\n3,x,y\n", 3, [(2, SHORT)], id="too few columns"),
        pytest.param(b"1,x,y\n2,x,y,z\n", 2, [(2, LONG)], id="too many columns"),
        pytest.param(b"1,x,y\n2,x", 2, [(2, SHORT + CUT)], id="cut mid-line"),
        pytest.param(b"1,x,y\n2,x,y", 2, [], id="no line end after the last row"),
        pytest.param(b"1,\xe9,y\n2,x,y\n", 2, [(1, NOT_UTF8)], id="not UTF-8"),
        pytest.param("1,é,y\n2,x,y,z\n".encode(), 2, [(2, LONG)], id="UTF-8 is fine"),
        pytest.param(b'1,"x"y,z\n2,x,y\n', 2, [(1, BROKEN_QUOTE)], id="text after a closing quotation mark"),
        pytest.param(b'1,"x,z\n2,x,y\n3,x,y\n', 3, [(1, NOT_CLOSED)], id="a stray quotation mark takes no other row"),
        pytest.param(b'1,"x,z\n2,x,y\n3,"q",y\n', 3, [(1, NOT_CLOSED)], id="nor when a quoted value follows"),
        pytest.param(b'1,"x,z\n2,"",y\n3,x,y\n', 3, [(1, NOT_CLOSED)], id="nor when an empty quoted value follows"),
        pytest.param(b'1,x,"y\n2,x,y\n3,x",z\n', 3, [(1, NOT_CLOSED)], id="rows between two stray quotation marks"),
        pytest.param(b'1,x"y,z\n2,x,y\n3,x\n', 3, [(3, SHORT)], id="a quotation mark inside"),
        pytest.param(b'1,"x\ny",z\n2,x\n', 2, [(2, SHORT)], id="a value over two lines is one row"),
        pytest.param(b'1,x,"m\nn",z\n2,x,y\n', 2, [(1, LONG)], id="over two lines, too many columns"),
        pytest.param(b"1,x,y\n\n\n2,x\n", 2, [(2, SHORT)], id="blank lines are no rows"),
        pytest.param(b"1,x,y\r\n2,x\n3,x,y\r", 3, [(2, SHORT)], id="mixed line ends"),
        pytest.param(b"", 0, [], id="header only"),
    ],
)  # fmt: skip
def test_what_is_set_aside(body: bytes, rows: int, rejects: list[tuple[int, str]]) -> None:
    result, clean = split(b"a,b,c\n" + body)
    assert result == Separated(rows, rejects)
    records = list(csv.reader(io.StringIO(clean.decode())))[1:]
    assert [number for number, record in enumerate(records, start=1) if record[0] == "BAD"] == [
        row for row, _ in rejects
    ]
    assert len(records) == rows


def test_bytes_in_columns_that_are_not_used_do_not_matter() -> None:
    content = b'a,b,c\n1,Jos\xe9,y\n2,"Mu\xf1oz, A",\xff\n3\n'
    result, clean = split(content, used=frozenset({0, 2}))
    assert result == Separated(3, [(2, NOT_UTF8), (3, "the row has 1 instead of 3 columns")])
    assert clean.decode().splitlines()[1] == "1,Jos\ufffd,y"


def test_a_value_may_not_run_on_for_ever() -> None:
    lines = b"".join(b'%d,"",y\n' % number for number in range(2, 3000))
    result, _ = split(b'a,b,c\n1,"x,z\n' + lines)
    assert result == Separated(2999, [(1, NOT_CLOSED)])


def test_blocks_are_joined_where_they_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b'a,b,c\n1,"x\ny",z\n2,x\n' + b"3,x,y\n" * 50 + b'4,"q\r\nr",\xff\n5,"x'
    whole = split(content)
    for size in (1, 2, 3, 7, 64):
        monkeypatch.setattr(csv_rows, "_BLOCK", size)
        assert split(content) == whole


TOKENS = [b"a", b"bb", b",", b",", b'"', b'""', b"\n", b"\r\n", b" ", b"\xe9", "é".encode(), b"x,y,z\n", b'"q",r,"s"\n']


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=14))
def test_what_is_kept_can_be_read_strictly_and_every_row_has_one_number(tokens: list[bytes]) -> None:
    content = b"a,b,c\n" + b"".join(tokens)
    result, clean = split(content)
    with TemporaryDirectory() as folder, duckdb.connect() as con:
        con.execute("set threads = 1")
        original, cleaned = Path(folder) / "original.csv", Path(folder) / "clean.csv"
        original.write_bytes(content)
        cleaned.write_bytes(clean)
        file = TableFile(original, "original.csv", "csv", ("a", "b", "c"), ("VARCHAR",) * 3)
        kept = con.execute(file.csv_relation(cleaned, placeholder="BAD")).fetchall()
        numbers = sorted([row[0] for row in kept] + [row for row, _ in result.rejects])
        assert numbers == list(range(1, result.rows + 1))
        if not result.rejects:
            try:
                strict = con.execute(file.relation()).fetchall()
            except duckdb.Error:
                return  # mixed line ends: what the split is for
            assert kept == strict
