"""Renders the report: one self-contained HTML page for quality-improvement teams, made only from the release's tables.

What the tables withhold the page cannot show; it opens from disk, without a network. Its one script shows a measure
at a time; without it the page stands whole.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]

from orchestration.release import (
    charts,
    report_aims,
    report_changes,
    report_data,
    report_gap_charts,
    report_opening,
    report_quality,
    report_sections,
    report_sites,
)

_TEMPLATES = Path(__file__).parent / "templates"


def render(
    tables: dict[str, pa.Table],
    *,
    title: str,
    as_of: date,
    window: tuple[date, date],
    release_id: str,
    created_at: datetime,
    demo: bool,
) -> str:
    """The page as HTML text without any outside reference.

    `tables` are the tables of `orchestration.release.columns.TABLES`, already protected. `window` is the first and
    the last day of the data, `created_at` has a time zone, and `demo` marks invented data on the page.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    every = report_data.measures(tables)
    chosen = report_data.main_measures(every)
    year = report_data.latest_year(tables["strata"])
    year_rows = report_data.of_year(tables["strata"], year)
    gaps = report_data.of_year(tables["gaps"], year)
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        title=title,
        script=Markup(script),
        # Only this text may run: a label that became markup still could not.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        as_of=as_of,
        window=window,
        release_id=release_id,
        created_at=created_at.astimezone(UTC),
        is_demo=demo,
        year=year,
        counts=report_data.counts(tables, year_rows),
        measures=[report_sections.described(measure) for measure in every],
        opening_page=report_opening.opening(tables, every, year, year_rows, gaps),
        largest=report_sections.largest_gaps(gaps, every),
        gap_pictures=report_sections.gap_pictures(gaps, chosen),
        sections=report_sections.measure_sections(every, year_rows),
        trends=report_sections.trends(tables["strata"], chosen, year_rows),
        aims=report_aims.aim_sections(tables),
        key=list(zip(charts.GROUP_COLOURS, charts.GROUP_SHAPES, strict=True)),
        gap_charts=report_gap_charts.gap_charts(tables, every, gaps),
        by_site=report_sites.by_site(tables["strata"], every),
        period_key=report_sites.period_key("year", year["period_starts_on"]) if year else "",
        recorded=report_quality.recorded(tables),
        held=report_data.held_groups(tables["held"]),
        changes=report_changes.changes(tables),
    )
