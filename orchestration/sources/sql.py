"""Text and names as SQL literals: what comes from a header, a file's name or the settings enters SQL through here."""

from __future__ import annotations

from pathlib import Path


def text(value: str) -> str:
    """`value` as an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """`value` as a quoted SQL identifier."""
    return '"' + value.replace('"', '""') + '"'


def file(path: Path) -> str:
    """`path` as the literal of exactly this file: DuckDB reads `[`, `*` and `?` in a file name as a pattern."""
    return text("".join(f"[{char}]" if char in "[*?" else char for char in str(path.absolute())))
