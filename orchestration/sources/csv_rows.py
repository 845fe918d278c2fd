"""Splits a CSV file that cannot be read strictly into records, and sets those aside that cannot be read.

DuckDB's own reject tables are not used here: one quotation mark that is never closed takes every following row with it,
mixed line ends stop the read, and blank lines shift the line numbers (seen with DuckDB 1.5.6 and 2.0.0). So a file that
fails comes here: each good record is copied, and in place of a bad one stands a placeholder that keeps its number.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

_BLOCK = 1 << 22
# How far a quoted value may run on before its quotation mark counts as one that is never closed.
_LONGEST_RECORD, _MOST_LINES = 1 << 20, 100
NOT_UTF8 = "the row is not UTF-8"
NOT_CLOSED = "a quotation mark is not closed"
BROKEN_QUOTE = "text follows a closing quotation mark"
TOO_LONG = f"the row is longer than {_LONGEST_RECORD:,} bytes"
_COLUMNS = "the row has"
CUT = "; the file ends in the middle of the line"


@dataclass
class Separated:
    """`rows` records in all; `rejects` are (record number counted from 1, reason) of those set aside."""

    rows: int = 0
    rejects: list[tuple[int, str]] = field(default_factory=list)


def separate(
    source: BinaryIO, clean: BinaryIO, *, columns: int, used: frozenset[int], delimiter: str, placeholder: str
) -> Separated:
    """Copy `source` (header first) to `clean`, with one record per record; blank lines are no records.

    In `clean`, a record that cannot be read is `placeholder` and empty columns. Bytes that are not UTF-8 matter in the
    `used` columns (positions from 0) only. `delimiter` is one ASCII character.
    """
    return _Splitter(clean, columns, used, delimiter, placeholder).run(source)


class _Splitter:
    def __init__(self, clean: BinaryIO, columns: int, used: frozenset[int], delimiter: str, placeholder: str) -> None:
        self.clean, self.columns, self.used, self.text_delimiter = clean, columns, used, delimiter
        self.delimiter = delimiter.encode()
        self.blank = placeholder.encode() + self.delimiter * (columns - 1) + b"\n"
        mark = re.escape(self.delimiter)
        value = rb'(?: *+"(?:[^"]++|"")*+"|(?! *")[^\r\n' + mark + rb"]*+)"
        # A line that is a whole record, and the beginning of one whose last value is quoted and still open.
        self.is_whole = re.compile(value + rb"(?:" + mark + value + rb"){%d}[\r\n]*+" % (columns - 1)).fullmatch
        self.is_open = re.compile(rb"(?:" + value + mark + rb')*+ *+"(?:[^"]++|"")*+').fullmatch
        self.result = Separated()
        self.is_header = True

    def run(self, source: BinaryIO) -> Separated:
        rest: list[bytes] = []
        for block, is_last in _blocks(source):
            rest = self._split([*rest, *block.splitlines(keepends=True)], is_last)
        return self.result

    def _split(self, lines: list[bytes], is_last: bool) -> list[bytes]:
        """Copy what is good in stretches and look at the rest; what may go on in the next block is given back."""
        at = 0
        for suspect in self._suspects(lines):
            if suspect < at:
                continue
            self._copy(lines[at:suspect])
            at = suspect
            if not lines[at].strip(b"\r\n"):
                at += 1
                continue
            taken, fault = self._record(lines, at, is_last)
            if taken == 0:
                return lines[at:]
            self._write(b"".join(lines[at : at + taken]), fault, is_cut=is_last and at + taken == len(lines))
            at += taken
        self._copy(lines[at:])
        return []

    def _suspects(self, lines: list[bytes]) -> list[int]:
        """Which lines are not plainly one good record each; among them the header and blank lines."""
        expected, delimiter, is_whole = self.columns - 1, self.delimiter, self.is_whole
        suspects = [
            number
            for number, line in enumerate(lines)
            if ((line.count(delimiter) != expected or b'"' in line) and not is_whole(line))
            or len(line) > _LONGEST_RECORD
        ]
        if self.columns == 1:
            suspects += [number for number, line in enumerate(lines) if not line.strip(b"\r\n")]
        if self.is_header:
            suspects += range(next((n for n, line in enumerate(lines) if line.strip(b"\r\n")), 0) + 1)
        try:
            b"".join(lines).decode("utf-8")
        except UnicodeDecodeError:
            suspects += [number for number, line in enumerate(lines) if not line.isascii()]
        return sorted(set(suspects))

    def _copy(self, lines: list[bytes]) -> None:
        if lines:
            self.result.rows += len(lines)
            ends = b"".join(lines).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            self.clean.write(ends if ends.endswith(b"\n") else ends + b"\n")

    def _write(self, record: bytes, fault: str, is_cut: bool) -> None:
        if self.is_header:
            self.is_header = False
            self.clean.write(self.delimiter.join(b"c%d" % number for number in range(self.columns)) + b"\n")
            return
        self.result.rows += 1
        if fault:
            is_short = is_cut and fault.startswith(_COLUMNS) and record.count(self.delimiter) < self.columns - 1
            cut = CUT if is_short and not record.endswith((b"\n", b"\r")) else ""
            self.result.rejects.append((self.result.rows, fault + cut))
            self.clean.write(self.blank)
        else:
            text = record.rstrip(b"\r\n").decode("utf-8", errors="replace")
            self.clean.write(text.encode() + b"\n")

    def _record(self, lines: list[bytes], at: int, is_last: bool) -> tuple[int, str]:
        """How many lines the record at `at` has (0: the block ends before one can say) and what is wrong with it."""
        record, taken = lines[at], 1
        while b'"' in record and self.is_open(record.rstrip(b"\r\n") if taken == 1 else record):
            # Only a line with a quotation mark can close it.
            end = min(at + _MOST_LINES, len(lines))
            more = next((n for n in range(at + taken, end) if b'"' in lines[n]), None)
            if more is None and end == len(lines) and not is_last:
                return 0, ""
            if more is None or sum(map(len, lines[at : more + 1])) > _LONGEST_RECORD:
                return 1, self._fault(lines[at])
            taken = more + 1 - at
            record = b"".join(lines[at : at + taken])
        fault = self._fault(record)
        if fault and taken > 1 and (not fault.startswith(_COLUMNS) or self._has_rows(lines[at + 1 : at + taken])):
            return 1, self._fault(lines[at])
        return taken, fault

    def _has_rows(self, lines: list[bytes]) -> bool:
        """Whether lines within a quoted value look like rows of their own: then the quotation mark was a stray one."""
        return any(self.is_whole(line) and line.count(b'"') % 2 == 0 for line in lines)

    def _fault(self, record: bytes) -> str:
        if len(record) > _LONGEST_RECORD:
            return TOO_LONG
        # Line ends, quotation marks and the delimiter are the same bytes in UTF-8 and in Latin-1, which takes any byte.
        text = record.decode("latin-1")
        try:
            values = next(csv.reader([text], delimiter=self.text_delimiter, strict=True, skipinitialspace=True))
        except csv.Error:
            return NOT_CLOSED if self.is_open(record.rstrip(b"\r\n")) else BROKEN_QUOTE
        if len(values) != self.columns:
            return f"{_COLUMNS} {len(values)} instead of {self.columns} columns"
        try:
            for position in self.used:
                values[position].encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            return NOT_UTF8
        return ""


def _blocks(source: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Whole lines, some megabytes at a time, and whether these are the last."""
    rest = b""
    chunk = source.read(_BLOCK)
    line_end = b"\n" if b"\n" in chunk else b"\r"
    while chunk:
        following = source.read(_BLOCK)
        data = rest + chunk
        cut = data.rfind(line_end) + 1 if following else len(data)
        if cut:
            yield data[:cut], not following
        rest, chunk = data[cut:], following
