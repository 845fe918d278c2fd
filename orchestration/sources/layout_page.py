"""Writes docs/registry_layout.md from the layout, so that the page and the code cannot differ.

`python -m orchestration.sources.layout_page > docs/registry_layout.md`
"""

from __future__ import annotations

from orchestration.sources.layout import REGISTRY, Table

_START = """# Registry layout

The files that a `registry_files` source reads as they are. An export that looks otherwise needs a
[mapping](mapping.md).

- Each table is `<table>.csv`, `<table>.csv.gz` or `<table>.parquet`, or several files `<table>_<anything>.csv` (or
  `.csv.gz`, `.parquet`), or a folder `<table>/` with such files. A table is in one format.
- Only `patients` is needed. Another table may be absent and then has no rows; the pull says so.
- CSV is UTF-8, with a header, commas, and `"` around values that hold a comma, a quotation mark or a line end. An empty
  value is a missing one.
- Identifiers are text. Dates are ISO 8601 (`2024-05-31`), also as a timestamp, of which the date counts.
- A column that may be left out may also be empty. Columns that are not listed here do not enter the raw zone.
- A row that cannot be read (too few or too many columns, a quotation mark that is never closed, bytes that are not
  UTF-8 in a column listed here) is set aside with its file, row and reason. Rows count from 1, the header and blank
  lines not among them.
- Parquet columns may have types; CSV columns are text.
"""


def render() -> str:
    """The page as Markdown."""
    return "\n".join([_START, *(_section(table) for table in REGISTRY.values())])


def _section(table: Table) -> str:
    rows = "\n".join(
        f"| `{column.name}` | {'yes' if column.is_optional else 'no'} | {column.meaning} |" for column in table.columns
    )
    needed = "" if table.is_required else " The files may be absent."
    return (
        f"## {table.name}\n\nOne row per {table.grain}.{needed}\n\n"
        f"| column | may be left out | meaning |\n|---|---|---|\n{rows}\n"
    )


if __name__ == "__main__":
    print(render(), end="")
