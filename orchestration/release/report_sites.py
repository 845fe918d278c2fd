"""The report's tables by site and period: years at every site, and quarters at all sites together.

They are tables only, and years only for single sites: pictures of every combination would make the page too heavy to
send. Everything else stands in the release's table `strata`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from orchestration.release import report_data
from orchestration.release import report_words as words
from orchestration.release.report_data import ALL_SITES, Row

# About 80 bytes each. Where single sites have more, their earlier years are left out.
MOST_CELLS = 40_000
MOST_QUARTERS = 12
_NEEDED = (
    *("measure_id", "grain", "period_starts_on", "period_label", "site", "site_label", "stratifier"),
    *("stratifier_label", "stratum", "stratum_label", "is_missing_category", "value", "ci_low", "ci_high"),
    *("disclosure_status", "reliability_status", "quality_status", "quality_reasons"),
)
_Period = tuple[str, dt.date]


def by_site(strata: pa.Table, every: Sequence[Row]) -> Row:
    """Per measure a table for each site, all sites first; and `left_out`: years that single sites do not have here."""
    rows = _chosen(strata)
    alone = [row for row in rows if row["site"] != ALL_SITES]
    years = sorted({row["period_starts_on"] for row in alone}, reverse=True)
    left_out = {day for day in years if sum(row["period_starts_on"] >= day for row in alone) > MOST_CELLS}
    quarters = sorted({row["period_starts_on"] for row in rows if row["grain"] == "quarter"})[-MOST_QUARTERS:]
    shown: dict[str, list[Row]] = {}
    for row in rows:
        day = row["period_starts_on"]
        if day in quarters if row["grain"] == "quarter" else row["site"] == ALL_SITES or day not in left_out:
            shown.setdefault(row["measure_id"], []).append(row)
    labels = {row["period_starts_on"]: row["period_label"] for row in alone}
    return {
        "measures": [
            {"measure": measure, "sites": _sites(shown[measure["measure_id"]], words.decimals(measure))}
            for measure in every
            if measure["measure_id"] in shown
        ],
        "left_out": [labels[day] for day in sorted(left_out)],
    }


def period_key(grain: str, starts_on: dt.date) -> str:
    """A period as the page's switch knows it."""
    return f"{grain} {starts_on:%Y-%m-%d}"


def _chosen(strata: pa.Table) -> list[Row]:
    """Periods that are over, in the report's groupings: years of every site, quarters of all sites together."""
    shown = pc.is_in(strata["stratifier"], value_set=pa.array(["overall", *report_data.STRATIFIERS]))
    year = pc.equal(strata["grain"], "year")
    quarter = pc.and_(pc.equal(strata["grain"], "quarter"), pc.equal(strata["site"], ALL_SITES))
    kept = strata.filter(pc.and_(pc.and_(shown, strata["is_complete_period"]), pc.or_(year, quarter)))
    found: list[Row] = kept.select(_NEEDED).to_pylist()
    return found


def _sites(rows: Sequence[Row], places: int) -> list[Row]:
    of_site: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["site"] != ALL_SITES):
        of_site.setdefault(row["site"], []).append(row)
    return [_site(site, own, places) for site, own in of_site.items()]


def _site(site: str, rows: Sequence[Row], places: int) -> Row:
    labels = {(row["grain"], row["period_starts_on"]): row["period_label"] for row in rows}
    periods = sorted(labels, key=lambda period: (period[0] != "year", period[1]))
    cells = {(_group(row), (row["grain"], row["period_starts_on"])): _cell(row, places) for row in rows}
    groupings: dict[str, tuple[str, dict[str, Row]]] = {}
    for row in rows:
        name = row["stratifier"]
        groups = groupings.setdefault(name, (str(row["stratifier_label"] or name), {}))[1]
        groups.setdefault(row["stratum"], row)
    return {
        "site": site,
        "label": rows[0]["site_label"] or site,
        "periods": [(period_key(*period), labels[period]) for period in periods],
        "groupings": [
            (label, name == "overall", [_line(row, cells, periods) for row in groups.values()])
            for name, (label, groups) in _in_order(groupings)
        ],
        "held": words.clauses(row["quality_reasons"] for row in rows if row["quality_status"] == "hold"),
    }


def _in_order(
    groupings: dict[str, tuple[str, dict[str, Row]]],
) -> Iterable[tuple[str, tuple[str, dict[str, Row]]]]:
    return ((name, groupings[name]) for name in ("overall", *report_data.STRATIFIERS) if name in groupings)


def _group(row: Row) -> tuple[str, str]:
    return row["stratifier"], row["stratum"]


def _line(row: Row, cells: dict[tuple[tuple[str, str], _Period], Row], periods: Sequence[_Period]) -> Row:
    return {
        "label": row["stratum_label"] or row["stratum"],
        "is_missing": row["is_missing_category"],
        "cells": [cells.get((_group(row), period)) for period in periods],
    }


def _cell(row: Row, places: int) -> Row:
    why = words.withheld(row, "value")
    interval = "" if why else words.interval(row["ci_low"], row["ci_high"], places)
    return {
        "text": why or words.number(row["value"], places),
        "interval": interval,
        "status": words.status(row, "value"),
        "is_shown": not why,
    }
