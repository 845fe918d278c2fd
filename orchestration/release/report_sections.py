"""Puts rows into sections of the report: one picture, and the table that says the same in figures and more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from orchestration.release import charts, report_data
from orchestration.release import report_words as words
from orchestration.release.report_data import Row

BETTER = {"lower_is_better": "lower is better", "higher_is_better": "higher is better"}
_ROW_SENTENCE = re.compile(r"\s*One row per [^.]*\.")
KIND = {"outcome": "Outcome", "process": "Care received", "balancing": "Safety check"}


def described(measure: Row) -> Row:
    """A measure with its words: which way is better, what sort of measure, and where untested children stand."""
    untested = {
        "tested_only": "Children without a recent test are left out.",
        "untested_not_met": "Children without a recent test count as not reached.",
    }
    return {
        **measure,
        # What a row of the warehouse is, tells a reader of this page nothing.
        "description": _ROW_SENTENCE.sub("", measure["description"] or ""),
        "better": BETTER.get(measure["direction"] or "", ""),
        "sort": KIND.get(measure["family"] or "", measure["family"] or ""),
        "exclusions": re.sub(r"^None\b", "nobody", measure["exclusions"] or ""),
        "untested": untested.get(measure["untested_convention"] or "", ""),
    }


def largest_gaps(gaps: Sequence[Row], every: Sequence[Row]) -> list[Row]:
    """The ranked table of clear gaps, in figures."""
    known = {row["measure_id"]: row for row in every}
    return [_gap(gap, words.decimals(known.get(gap["measure_id"], {}))) for gap in report_data.largest(gaps, every)]


def gap_pictures(gaps: Sequence[Row], chosen: Sequence[Row]) -> list[Row]:
    """Per measure: every group against its reference group, as a picture and as a table."""
    pictures = []
    for measure in chosen:
        places = words.decimals(measure)
        rows = [gap for gap in gaps if gap["measure_id"] == measure["measure_id"] and not gap["is_missing_category"]]
        dots: list[charts.Dot] = []
        for label, reference, group in _by_grouping(rows):
            beside = f" – beside {words.plain(reference)}" if reference else ""
            dots.append(charts.Dot(f"{label}{beside}", is_heading=True))
            dots += _nothing(group, "difference")
            dots += [_dot(gap, "difference", places) for gap in group if not _why(gap, "difference")]
        title = f"{measure['title']}: gap of each group beside its reference group"
        axis = f"Worse by, in {rows[0]['unit'] if rows else measure['unit']}"
        pictures.append(
            {
                "measure": described(measure),
                "picture": charts.dots(dots, title=title, axis=axis, line=0.0) if rows else "",
                "rows": [_gap(gap, places) for gap in rows],
                "not_drawn": _not_drawn(rows, "difference"),
                "caution": _cautions(rows),
            }
        )
    return pictures


def measure_sections(every: Sequence[Row], year_rows: Sequence[Row]) -> list[Row]:
    """Per measure: everyone's value, every group's value with its interval, and why some are not shown."""
    sections = []
    for measure in every:
        places = words.decimals(measure)
        mine = [row for row in year_rows if row["measure_id"] == measure["measure_id"]]
        everyone = next((row for row in mine if row["stratifier"] == "overall"), None)
        rows = [row for row in mine if row["stratifier"] != "overall"]
        dots: list[charts.Dot] = []
        for label, _, group in _by_grouping([row for row in rows if not row["is_missing_category"]]):
            dots.append(charts.Dot(label, is_heading=True))
            dots += _nothing(group, "value")
            dots += [_dot(row, "value", places) for row in group if not _why(row)]
        line = everyone["value"] if everyone else None
        title = f"{measure['title']}: value of each group, with its interval"
        sections.append(
            {
                "measure": described(measure),
                "everyone": _value(everyone, places) if everyone else None,
                "picture": charts.dots(
                    dots, title=title, axis=str(measure["unit"]), line=line, from_zero=measure["kind"] != "mean"
                )
                if rows
                else "",
                "rows": [_value(row, places) for row in ([everyone] if everyone else []) + rows],
                "not_drawn": _not_drawn([row for row in rows if not row["is_missing_category"]], "value"),
                "caution": _cautions(rows),
                "held": words.clauses(row["quality_reasons"] for row in rows if row["quality_status"] == "hold"),
            }
        )
    return sections


def trends(strata: pa.Table, chosen: Sequence[Row], year_rows: Sequence[Row]) -> Row:
    """Per measure: quarters of the largest groups, as a picture and a table; with the key to the lines."""
    stratifier, groups = report_data.trend_groups(year_rows)
    quarters = report_data.by_quarter(strata, stratifier) if groups else []
    drawn = []
    for measure in chosen:
        places = words.decimals(measure)
        mine = [row for row in quarters if row["measure_id"] == measure["measure_id"]]
        per_group = [[row for row in mine if row["stratum"] == group["stratum"]] for group in groups]
        if not any(per_group):
            continue
        series = [
            charts.Series([(f"{row['period_ends_on']:%Y-%m-%d}", None if _why(row) else row["value"]) for row in rows])
            for rows in per_group
        ]
        title = f"{measure['title']} per quarter, for the largest groups"
        periods = list(dict.fromkeys((row["period_starts_on"], row["period_label"]) for row in mine))
        cells = {(row["period_starts_on"], row["stratum"]): _value(row, places) for row in mine}
        drawn.append(
            {
                "measure": described(measure),
                "picture": charts.lines(series, title=title, axis=str(measure["unit"])),
                "rows": [(label, [cells.get((day, group["stratum"])) for group in groups]) for day, label in periods],
            }
        )
    return {
        "grouping": groups[0]["stratifier_label"] if groups else "",
        "groups": [group["stratum_label"] or group["stratum"] for group in groups],
        "drawn": drawn,
    }


def _why(row: Row, shown: str = "value") -> str:
    return words.withheld(row, shown)


def _label(row: Row) -> str:
    return str(row["stratum_label"] or row["stratum"])


def _by_grouping(rows: Sequence[Row]) -> list[tuple[str, str, list[Row]]]:
    """(grouping's name, reference group's name or '', its rows) in the report's order of groupings."""
    found = []
    for stratifier in report_data.STRATIFIERS:
        group = [row for row in rows if row["stratifier"] == stratifier]
        if group:
            reference = next((row["reference_label"] for row in group if row.get("reference_label")), "")
            found.append((str(group[0]["stratifier_label"] or stratifier), str(reference), group))
    return found


def _nothing(group: Sequence[Row], shown: str) -> list[charts.Dot]:
    """One line that says why a whole grouping is not there; nothing when some of it is."""
    whys = list(dict.fromkeys(_why(row, shown) for row in group))
    return [] if "" in whys else [charts.Dot("every group", text=words.listed(whys))]


def _not_drawn(rows: Sequence[Row], shown: str) -> list[tuple[str, list[str]]]:
    """(word, groups) for the groups that a picture cannot show; they are named, so that nobody is left out unsaid."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if why := _why(row, shown):
            found.setdefault(why, []).append(_label(row))
    return list(found.items())


def _dot(row: Row, value: str, places: int) -> charts.Dot:
    low, high = ("ci_low", "ci_high") if value == "value" else (f"{value}_low", f"{value}_high")
    return charts.Dot(
        _label(row),
        row[value],
        row[low],
        row[high],
        words.number(row[value], places),
        is_caution=row["quality_status"] == "warn",
        is_reliable=row["reliability_status"] != "unreliable",
    )


def _value(row: Row, places: int) -> Row:
    why = _why(row)
    return {
        "grouping": row["stratifier_label"] or row["stratifier"],
        "label": _label(row),
        "is_missing": row["is_missing_category"],
        "value": why or words.number(row["value"], places),
        "interval": "–" if why else words.interval(row["ci_low"], row["ci_high"], places),
        "children": why or _count(row["n_patients"]),
        "status": words.status(row, "value"),
        "is_shown": not why,
    }


def _count(n: int | None) -> str:
    return "–" if n is None else words.ZERO if n == 0 else f"{n:,}"


def _gap(row: Row, places: int) -> dict[str, Any]:
    why = _why(row, "difference")
    return {
        "title": row["measure_title"] or row["measure_id"],
        "grouping": row["stratifier_label"] or row["stratifier"],
        "label": _label(row),
        "reference": row["reference_label"] or row["reference_stratum"] or "–",
        "unit": row["unit"],
        "difference": why or words.number(row["difference"], places),
        "interval": "–" if why else words.interval(row["difference_low"], row["difference_high"], places),
        "ratio": "–" if why or row["ratio"] is None else f"{row['ratio']:.2f}",
        "ratio_interval": "–" if why else words.interval(row["ratio_low"], row["ratio_high"], 2),
        "is_clear": report_data.is_clear(row),
        "status": words.status(row, "difference"),
        "is_shown": not why,
    }


def _cautions(rows: Sequence[Row]) -> list[str]:
    return words.clauses(row["quality_reasons"] for row in rows if row["quality_status"] == "warn")
