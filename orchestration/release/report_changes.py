"""The report's part on what changed since the release before: gaps one by one, the rest counted and listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from orchestration.release.change_notes import FIRST, GAP_CHANGES, NOT_COMPARED

Row = dict[str, Any]
_WORDS = {
    "gap opened": "gaps that opened",
    "gap newly clear": "gaps that are clear now and were not",
    "gap widened": "gaps that widened",
    "gap narrowed": "gaps that narrowed",
    "gap no longer clear": "gaps that are not clear any more",
    "gap closed": "gaps that closed",
    "gap turned round": "gaps that turned round",
    "newly held": "slices held now",
    "newly released": "slices not held any more",
    "newly suppressed": "values suppressed now",
    "newly shown": "values shown now that were suppressed",
    "new period": "new periods",
    "period left": "periods that are no longer in the window",
    "new measure": "new measures",
    "measure left": "measures that are no longer given",
    "definition changed": "changes of a measure's definition",
    "new grouping": "new groupings",
    "grouping left": "groupings that are no longer given",
    "reference changed": "gaps measured against another group",
}
# Listed one by one; the others are too many, and stand in the table of the release.
_LISTED = ("new measure", "measure left", "definition changed", "new grouping", "grouping left")
MOST_LISTED = 20


def changes(tables: Mapping[str, pa.Table]) -> Row:
    """`before` (None for the first release), `is_compared`, (words, how many) per kind, and the rows that are listed.

    Gaps are those of all sites together; of every site they stand in the table `change_notes`.
    """
    rows: list[Row] = tables["change_notes"].to_pylist()
    counted = {change: sum(row["change"] == change for row in rows) for change in _WORDS}
    gaps = [row for row in rows if row["change"] in GAP_CHANGES and row["site"] == "all"]
    return {
        "before": next((row["release_before"] for row in rows), None),
        "is_first": any(row["change"] == FIRST for row in rows),
        "is_compared": not any(row["change"] == NOT_COMPARED for row in rows),
        "counted": [(_WORDS[change], number) for change, number in counted.items() if number],
        "gaps": [_gap(row) for row in gaps[:MOST_LISTED]],
        "gaps_left_out": max(len(gaps) - MOST_LISTED, 0),
        "listed": [_listed(row) for row in rows if row["change"] in _LISTED][:MOST_LISTED],
    }


def in_words(counted: Sequence[tuple[str, int]]) -> str:
    """`gaps that opened: 2, new periods: 1` as one line; nothing changed when there is none."""
    return ", ".join(f"{words}: {number:,}" for words, number in counted) or "nothing changed"


def _gap(row: Row) -> Row:
    groups = [row["stratum_label"], row["stratum_2_label"]]
    return {
        "change": row["change"].removeprefix("gap ").capitalize(),
        "measure": row["measure_title"] or row["measure_id"],
        "group": " and ".join(group for group in groups if group),
        "grouping": row["stratifier_label"] or row["stratifier"],
        "before": row["before"],
        "after": row["after"],
    }


def _listed(row: Row) -> Row:
    return {
        "change": row["change"].capitalize(),
        "what": row["measure_title"] or row["stratifier_label"] or row["measure_id"] or row["stratifier"],
        "before": row["before"],
        "after": row["after"],
    }
