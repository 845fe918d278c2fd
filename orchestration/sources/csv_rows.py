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
_LONGEST_RECORD, _MOST_LINES = 1 << 20, 200
NOT_UTF8 = "the row is not UTF-8"
NOT_CLOSED = "a quotation mark is not closed"
BROKEN_QUOTE = "text follows a closing quotation mark"
TOO_LONG = f"the row is longer than {_LONGEST_RECORD:,} bytes"
CUT = "; the file ends in the middle of the line"


@dataclass
class Separated:
    """`rows` records in all; `rejects` are (record number counted from 1, reason) of those set aside."""

    rows: int = 0
    rejects: list[tuple[int, str]] = field(default_factory=list)


def separate(source: BinaryIO, clean: BinaryIO, *, columns: int, delimiter: str, placeholder: str) -> Separated:
    """Copy `source` (header first) to `clean`, with one record per record; blank lines are no records.

    In `clean`, a record that cannot be read is `placeholder` and empty columns.
    """
    return _Splitter(clean, columns, delimiter, placeholder).run(source)


class _Splitter:
    def __init__(self, clean: BinaryIO, columns: int, delimiter: str, placeholder: str) -> None:
        self.clean, self.columns, self.text_delimiter = clean, columns, delimiter
        self.delimiter = delimiter.encode()
        self.blank = placeholder.encode() + self.delimiter * (columns - 1) + b"\n"
        mark = re.escape(self.delimiter)
        # A beginning of a record whose last value is quoted and still open.
        self.is_open = re.compile(
            rb'(?: *+(?:"(?:[^"]++|"")*+"|(?!")[^\r\n' + mark + rb"]*+)" + mark + rb')*+ *+"(?:[^"]++|"")*+'
        ).fullmatch
        self.result = Separated()
        self.is_header = True

    def run(self, source: BinaryIO) -> Separated:
        rest: list[bytes] = []
        for block, is_last in _blocks(source):
            lines = [*rest, *block.splitlines(keepends=True)]
            if not rest and not self.is_header and not is_last and self._copied_whole(block):
                continue
            rest = self._split(lines, is_last)
        return self.result

    def _copied_whole(self, block: bytes) -> bool:
        """The common case, quickly: a block without quotation marks in which every line has its columns."""
        if b'"' in block:
            return False
        block = block.replace(b"\r\n", b"\n")
        lines = [line for line in block.split(b"\n") if line]
        expected, delimiter = self.columns - 1, self.delimiter
        if b"\r" in block or max(map(len, lines), default=0) > _LONGEST_RECORD:
            return False
        if any(line.count(delimiter) != expected for line in lines):
            return False
        try:
            block.decode("utf-8")
        except UnicodeDecodeError:
            return False
        self.result.rows += len(lines)
        self.clean.write(b"\n".join(lines) + b"\n" if lines else b"")
        return True

    def _split(self, lines: list[bytes], is_last: bool) -> list[bytes]:
        """Take record after record; what may go on in the next block is given back."""
        at = 0
        while at < len(lines):
            if not lines[at].strip(b"\r\n"):
                at += 1
                continue
            taken, fault = self._record(lines, at, is_last)
            if taken == 0:
                return lines[at:]
            self._write(b"".join(lines[at : at + taken]), fault, is_cut=is_last and at + taken == len(lines))
            at += taken
        return []

    def _write(self, record: bytes, fault: str, is_cut: bool) -> None:
        if self.is_header:
            self.is_header = False
            self.clean.write(self.delimiter.join(b"c%d" % number for number in range(self.columns)) + b"\n")
            return
        self.result.rows += 1
        if fault:
            cut = CUT if is_cut and not record.endswith((b"\n", b"\r")) and fault.startswith("the row has") else ""
            self.result.rejects.append((self.result.rows, fault + cut))
            self.clean.write(self.blank)
        else:
            self.clean.write(record.rstrip(b"\r\n") + b"\n")

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
        return (1, self._fault(lines[at]) or fault) if fault and taken > 1 else (taken, fault)

    def _fault(self, record: bytes) -> str:
        if len(record) > _LONGEST_RECORD:
            return TOO_LONG
        try:
            text = record.decode("utf-8")
        except UnicodeDecodeError:
            return NOT_UTF8
        if '"' not in text:
            found = text.count(self.text_delimiter) + 1
        else:
            try:
                values = next(csv.reader([text], delimiter=self.text_delimiter, strict=True, skipinitialspace=True))
            except csv.Error:
                return NOT_CLOSED if self.is_open(record.rstrip(b"\r\n")) else BROKEN_QUOTE
            found = len(values)
        return "" if found == self.columns else f"the row has {found} columns, the header {self.columns}"


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
