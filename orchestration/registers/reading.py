"""Reads the registers of a folder into frames; every cell is checked by what its column says, nothing is guessed."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.errors import SettingsError
from orchestration.registers.columns import REGISTERS, Column, Register

if TYPE_CHECKING:
    import pandas as pd

_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_WORD = re.compile(r"\*|[A-Za-z0-9_.-]{1,64}")
_MOST_CHARACTERS = 400


@dataclass(frozen=True)
class Registers:
    """One frame per register (days as date, numbers as float64, empty text as ''), and a hash of what was read.

    The frames are indexed by the line on which a row stands; the index has the file's name.
    """

    aims: pd.DataFrame
    drivers: pd.DataFrame
    change_tests: pd.DataFrame
    chart_phases: pd.DataFrame
    chart_choices: pd.DataFrame
    sha256: str

    def frames(self) -> dict[str, pd.DataFrame]:
        """The frames by name."""
        return {name: getattr(self, name) for name in REGISTERS}


def read_registers(folder: Path | None) -> Registers:
    """The registers in `folder`; without a folder, or without a file in it, that register is empty.

    Raises SettingsError, naming the file and line, for a folder that is not there, columns that are missing or unknown,
    cells that are not what their column asks for, and rows that do not fit each other.
    """
    if folder is not None and not folder.is_dir():
        raise SettingsError(
            "`registers` is a folder that exists",
            where=str(folder),
            found="no such folder",
            remedy="create it, or take `registers` out of equity.toml",
        )
    from orchestration.registers.cross_checks import check_each_other

    digest = hashlib.sha256()
    frames = {}
    for name, register in REGISTERS.items():
        path = folder / f"{name}.csv" if folder is not None else None
        content = path.read_bytes() if path is not None and path.is_file() else b""
        digest.update(f"{name} {len(content)} ".encode() + content)
        frames[name] = _frame(register, path, content)
    check_each_other(frames)
    return Registers(**frames, sha256=digest.hexdigest())


def _frame(register: Register, path: Path | None, content: bytes) -> pd.DataFrame:
    import pandas as pd

    rows = _rows(register, path, content) if content else {}
    lines = pd.Index(list(rows), dtype="int64", name=None if path is None else str(path))
    columns = {column.name: [row[at] for row in rows.values()] for at, column in enumerate(register.columns)}
    frame = pd.DataFrame(columns, columns=list(columns), index=lines)
    for column in register.columns:
        if column.kind == "number":
            frame[column.name] = frame[column.name].astype("float64")
        elif column.kind == "day":
            frame[column.name] = pd.to_datetime(frame[column.name]).astype("datetime64[s]")
        else:
            frame[column.name] = frame[column.name].astype(object)
    return frame


def _rows(register: Register, path: Path | None, content: bytes) -> dict[int, list[object]]:
    where = f"{register.name}.csv" if path is None else str(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise wrong(where, "a register is a CSV file in UTF-8", "another encoding") from None
    lines = list(csv.reader(text.splitlines(keepends=True), strict=False))
    names = [column.name for column in register.columns]
    if not lines or sorted(lines[0]) != sorted(names):
        found = "another header: " + ", ".join(
            sorted(set(lines[0] if lines else []) ^ set(names)) or ["a column twice"]
        )
        raise wrong(where, f"the header is {', '.join(names)}", found)
    order = [lines[0].index(name) for name in names]
    rows: dict[int, list[object]] = {}
    seen: set[tuple[object, ...]] = set()
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        line = f"{where}, line {number}"
        if len(cells) != len(names):
            raise wrong(line, f"a line has {len(names)} cells", f"{len(cells)}")
        row = [_cell(column, cells[at].strip(), line) for column, at in zip(register.columns, order, strict=True)]
        key = tuple(row[: register.key])
        if key in seen:
            raise wrong(line, f"{', '.join(names[: register.key])} stand once", "the same as on an earlier line")
        seen.add(key)
        rows[number] = row
    return rows


def _cell(column: Column, text: str, line: str) -> object:
    if not text:
        if column.is_required:
            raise wrong(line, f"`{column.name}` is not empty", "an empty cell")
        return None if column.kind in ("day", "number") else ""
    if column.allowed and text not in column.allowed:
        raise wrong(line, f"`{column.name}` is one of {', '.join(column.allowed)}", text[:40])
    if column.kind == "day":
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise wrong(line, f"`{column.name}` is a day as YYYY-MM-DD", text[:40]) from None
    if column.kind == "number":
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise wrong(line, f"`{column.name}` is a number", text[:40])
        return number
    patterns = {"id": _ID, "word": _WORD}
    parts = text.split() if column.kind == "words" else [text]
    pattern = patterns.get("word" if column.kind == "words" else column.kind)
    if pattern and not all(pattern.fullmatch(part) for part in parts):
        raise wrong(line, f"`{column.name}` has letters, digits and underscores", text[:40])
    if len(text) > _MOST_CHARACTERS:
        raise wrong(line, f"`{column.name}` has at most {_MOST_CHARACTERS} characters", f"{len(text)}")
    return " ".join(text.split())


def wrong(where: str, rule: str, found: str) -> SettingsError:
    """The refusal of a register, for its reader and its checks."""
    return SettingsError(
        rule, where=where, found=found, remedy="correct the register; docs/charts_and_aims.md shows each"
    )
