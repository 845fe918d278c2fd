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


def area_key(expression: str, digits: int = 11) -> str:
    """The key of a tract (11 digits) or block group (12) as copies spoil it: the zero of states 01 to 09 comes back,
    the `.0` of a number goes.
    """
    plain = f"regexp_replace({expression}, '^([0-9]+)[.]0+$', '\\1')"
    return f"regexp_replace({plain}, '^([1-9][0-9]{{{digits - 2}}})$', '0\\1')"
