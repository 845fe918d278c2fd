"""Tables as text, for tests that are read like a specification: columns between bars, an empty field for no value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def read(text: str) -> list[dict[str, str | None]]:
    """Rows of one table: the first line names the columns. Raises ValueError for ragged lines."""
    lines = [[field.strip() for field in line.split("|")] for line in text.strip().splitlines() if line.strip()]
    header, rows = lines[0], lines[1:]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"a line has {len(row)} fields, but the table has {len(header)} columns: {' | '.join(row)}"
            )
    return [{name: field or None for name, field in zip(header, row, strict=True)} for row in rows]


def show(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The rows as a table of text with aligned columns, so that two tables can be compared by eye."""
    fields = [list(columns), *([("" if value is None else str(value)) for value in row] for row in rows)]
    widths = [max(len(line[at]) for line in fields) for at in range(len(columns))]
    return "\n".join(" | ".join(f.ljust(w) for f, w in zip(line, widths, strict=True)).rstrip() for line in fields)


def aligned(text: str) -> str:
    """A table of text as `show` writes it."""
    rows = read(text)
    return show(list(rows[0]), ([row[name] for name in rows[0]] for row in rows))


def merge(*tables: Mapping[str, Sequence[Mapping[str, object]]]) -> dict[str, list[Mapping[str, object]]]:
    """The rows of several registries in one."""
    merged: dict[str, list[Mapping[str, object]]] = {}
    for registry in tables:
        for name, rows in registry.items():
            merged.setdefault(name, []).extend(rows)
    return merged
