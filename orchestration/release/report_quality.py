"""The report's part on how well answers are recorded: completeness by site over time, and the gate's verdicts in words.

Made from the published tables `quality`, `strata` and `held` alone; the page on data quality beside it says more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from orchestration.release import report_data
from orchestration.release import report_words as words
from orchestration.release.report_data import Row

FIELD, METRIC = "race_ethnicity", "completeness"
MOST_PERIODS, MOST_SITES = 12, 60
_WORDS = {"publish": "good enough", "warn": "shown with caution", "hold": "held"}
_SLICE = ("measure_id", "grain", "period_starts_on", "site", "stratifier")
_LABELS = ("site_label", "stratifier_label", "quality_status", "quality_reasons")


def recorded(tables: dict[str, pa.Table]) -> Row:
    """`completeness` (periods, and per site a cell each), `verdicts` per grouping, and `reasons` in words."""
    slices = _slices(tables["strata"])
    held: list[Row] = tables["held"].to_pylist()
    # The gate's holds are those of its own table: a slice whose rows all fell away is held all the same.
    warned = [row for row in slices if row["quality_status"] == "warn"]
    judged = [row for row in slices if row["quality_status"] != "hold"] + held
    return {
        "completeness": completeness(tables["quality"]),
        "verdicts": _verdicts(judged),
        "reasons": [
            *({"verdict": "held", **entry} for entry in report_data.by_reason(held)),
            *({"verdict": "shown with caution", **entry} for entry in report_data.by_reason(warned)),
        ],
    }


def completeness(quality: pa.Table) -> Row:
    """Share of children with a usable answer on race and ethnicity: `periods`, `sites` with cells, and `threshold`.

    Quarters where there are some, else years, else months; the latest MOST_PERIODS.
    """
    chosen = quality.filter(pc.and_(pc.equal(quality["field"], FIELD), pc.equal(quality["metric"], METRIC))).to_pylist()
    grain = next((name for name in ("quarter", "year", "month") if any(row["grain"] == name for row in chosen)), "")
    rows = [row for row in chosen if row["grain"] == grain]
    labels = {row["period_starts_on"]: row["period_label"] or f"{row['period_starts_on']:%b %Y}" for row in rows}
    periods = sorted(labels)[-MOST_PERIODS:]
    sites = list(dict.fromkeys((row["site"], row["site_label"] or row["site"]) for row in rows))
    cells = {(row["site"], row["period_starts_on"]): row for row in rows}
    return {
        "grain": grain,
        "periods": [labels[day] for day in periods],
        "sites": [(label, [_cell(cells.get((site, day))) for day in periods]) for site, label in sites[:MOST_SITES]],
        "left_out": max(len(sites) - MOST_SITES, 0),
        "threshold": _threshold(next((row["threshold"] for row in rows if row["threshold"]), "")),
    }


def _cell(row: Row | None) -> Row:
    """A share in figures, or the word in its place; and the gate's word about it."""
    if row is None:
        return {"text": words.NOT_APPLICABLE, "verdict": "", "is_shown": False}
    verdict = _WORDS.get(row["verdict"] or "", "not judged")
    if row["disclosure_status"] == words.SUPPRESSED:
        return {"text": words.SUPPRESSED, "verdict": verdict, "is_shown": False}
    if row["value"] is None:
        return {"text": words.NOT_APPLICABLE, "verdict": "", "is_shown": False}
    return {"text": _percent(row["value"]), "verdict": verdict, "is_shown": True}


def _percent(share: float) -> str:
    return words.ZERO if share == 0 else f"{100 * share:.1f} %"


def _threshold(text: str) -> str:
    """`hold below 80 %, warn below 90 %` as a reader of the page says it."""
    return text.replace("hold ", "held ", 1).replace("warn ", "with caution ", 1)


def _slices(strata: pa.Table) -> list[Row]:
    """Each measure, grouping, site and period once, with the gate's word; a crossing is a grouping of its own."""
    needed = strata.select([*_SLICE, *_LABELS])
    found: list[Row] = needed.group_by([*_SLICE, *_LABELS]).aggregate([]).to_pylist()
    return [{**row, "reasons": row["quality_reasons"]} for row in found]


def _verdicts(judged: Sequence[Row]) -> list[dict[str, Any]]:
    """Per grouping: how many slices are shown, shown with caution and held."""
    found: dict[str, dict[str, Any]] = {}
    for row in judged:
        name = row["stratifier"]
        entry = found.setdefault(name, {"grouping": row["stratifier_label"] or name, **dict.fromkeys(_WORDS, 0)})
        entry[row.get("quality_status") or "hold"] += 1
    first = [name for name in ("overall", *report_data.STRATIFIERS) if name in found]
    others = sorted(found.keys() - set(first), key=lambda name: str(found[name]["grouping"]))
    return [found[name] for name in [*first, *others]]
