"""What `equity run` ends with, read from the release itself, so that nothing is shown that was not published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.defs.resources.progress import Phase
from orchestration.release.store import find_release, show_release
from orchestration.settings import Settings

_SHOWN_REASONS = 6

# One row per measure: the largest gap of the latest complete year that the numbers can carry, all sites together.
_LARGEST_GAPS = """
    with latest as (
        select max(period_starts_on) as period_starts_on from gaps where grain = 'year' and is_complete_period
    )
    select gaps.measure_title, gaps.stratifier_label, gaps.stratum_label, gaps.stratum_2_label, gaps.reference_label,
        gaps.difference, gaps.difference_low, gaps.difference_high, gaps.unit, gaps.excess, gaps.quality_status,
        gaps.period_label, measures.counts_what
    from gaps inner join latest using (period_starts_on) inner join measures using (measure_id)
    where gaps.grain = 'year' and gaps.site = 'all' and gaps.disclosure_status = 'published'
        and gaps.reliability_status = 'reliable' and not gaps.is_missing_category and gaps.difference_low > 0
    qualify row_number() over (partition by measure_id order by gaps.difference desc, gaps.stratifier, gaps.stratum) = 1
    order by measures.sort_order
"""
_HELD = "select reasons, count(*) as slices from held group by reasons order by slices desc, reasons"


def print_summary(settings: Settings, phases: Sequence[Phase], seconds: float, console: Console | None = None) -> None:
    """Largest gaps, held and suppressed, rows in and out, seconds by phase, and where the release is."""
    out = console or Console()
    path = find_release(settings)
    manifest = show_release(settings)
    gaps, held = _rows(path, _LARGEST_GAPS), _rows(path, _HELD)
    out.print()
    out.print(_gap_table(gaps))
    out.print(_held_table(held))
    out.print(Text(_suppressed(manifest, settings.disclosure.min_cell)), soft_wrap=True)
    out.print(Text(_conserved(settings)), soft_wrap=True)
    out.print(Text(_seconds(phases, seconds)), soft_wrap=True)
    out.print(Text(f"Release  {path}"), soft_wrap=True)
    out.print(Text(f"Report   {path / 'report' / 'index.html'}"), soft_wrap=True)


def verdict_table(settings: Settings) -> Table:
    """The gate's verdicts in the warehouse: how many slices, and the commonest reasons."""
    import duckdb

    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        rows = con.execute(
            "select verdict, reasons, count(*) as slices from publish.gate_verdict group by all "
            "order by verdict, slices desc, reasons"
        ).fetchall()
    table = Table(title="Verdicts", title_justify="left", title_style="bold", show_edge=False)
    table.add_column("verdict")
    table.add_column("slices", justify="right")
    table.add_column("why")
    for verdict, reasons, slices in rows:
        table.add_row(verdict, f"{slices:,}", Text(reasons or ""))
    return table


def _gap_table(gaps: Sequence[dict[str, Any]]) -> Table:
    title = "Largest gaps, all sites" + (
        f", {gaps[0]['period_label']}" if gaps else ": none that the numbers can carry"
    )
    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    for name in ("measure", "group", "compared with"):
        table.add_column(name, overflow="fold")
    table.add_column("worse by (interval)", justify="right")
    table.add_column("had the gap closed", justify="right")
    for gap in gaps:
        group = " and ".join(part for part in (gap["stratum_label"], gap["stratum_2_label"]) if part)
        caution = " (with caution)" if gap["quality_status"] == "warn" else ""
        table.add_row(
            Text(gap["measure_title"]),
            Text(f"{group} [{gap['stratifier_label']}]{caution}"),
            Text(gap["reference_label"] or ""),
            f"{gap['difference']:.1f} ({gap['difference_low']:.1f} to {gap['difference_high']:.1f}) {gap['unit']}",
            _excess(gap),
        )
    return table


def _excess(gap: dict[str, Any]) -> str:
    if gap["excess"] is None or gap["counts_what"] == "sum of tenths":
        return ""
    what = "children" if gap["counts_what"] == "patients" else gap["counts_what"]
    return f"about {gap['excess']:,.0f} {what}"


def _held_table(held: Sequence[dict[str, Any]]) -> Table:
    slices = sum(row["slices"] for row in held)
    title = f"Held: {slices:,} slices (measure, group by, site, period)" if held else "Held: nothing"
    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    table.add_column("slices", justify="right")
    table.add_column("why", overflow="fold")
    for row in held[:_SHOWN_REASONS]:
        table.add_row(f"{row['slices']:,}", Text(row["reasons"] or ""))
    if len(held) > _SHOWN_REASONS:
        rest = sum(row["slices"] for row in held[_SHOWN_REASONS:])
        table.add_row(f"{rest:,}", f"{len(held) - _SHOWN_REASONS} more reasons, in the table `held`")
    return table


def _suppressed(manifest: dict[str, Any], min_cell: int) -> str:
    parts = []
    for table, counts in manifest["suppression"].items():
        total = sum(counts.values())
        parts.append(f"{counts.get('suppressed', 0):,} of {total:,} {table}")
    return f"Suppressed (a count from 1 to {min_cell - 1} would show)  {', '.join(parts)}"


def _conserved(settings: Settings) -> str:
    import duckdb

    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        row = con.execute("select sum(rows_in), sum(rows_used), sum(rows_quarantined) from fct_conservation").fetchone()
    rows_in, used, set_aside = (int(value or 0) for value in row or (0, 0, 0))
    return (
        f"Rows  {rows_in:,} in = {used:,} used + {set_aside:,} set aside with their reason ({settings.quarantine_dir})"
    )


def _seconds(phases: Sequence[Phase], seconds: float) -> str:
    parts = [f"{phase.name} {phase.seconds:.1f}" for phase in phases if phase.seconds >= 0.05]
    between = seconds - sum(phase.seconds for phase in phases)
    return f"Seconds  {seconds:.1f} = " + " + ".join([*parts, f"between phases (Dagster) {between:.1f}"])


def _rows(path: Path, query: str) -> list[dict[str, Any]]:
    import duckdb

    with duckdb.connect(str(path / "published.duckdb"), read_only=True) as con:
        result = con.execute(query)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
