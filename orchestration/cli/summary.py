"""What `equity run` ends with, read from the release itself, so that nothing is shown that was not published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.defs.resources.progress import Phase
from orchestration.quality_metrics import FIELDS
from orchestration.release import report_changes
from orchestration.release import report_data as data
from orchestration.release import report_words as words
from orchestration.release.columns import TABLES
from orchestration.release.store import find_release, show_release
from orchestration.release.table_files import read_parquet
from orchestration.settings import Settings
from orchestration.sources.unmapped import FILE_NAME

_SHOWN_GAPS, _SHOWN_HELD = 8, 6


def print_summary(settings: Settings, phases: Sequence[Phase], seconds: float, console: Console | None = None) -> None:
    """Largest gaps, held and suppressed, rows in and out, seconds by phase, and where the release is."""
    out = console or Console()
    path = find_release(settings)
    manifest = show_release(settings, path.name)
    tables = {name: read_parquet(path / "tables" / f"{name}.parquet") for name in TABLES}
    out.print()
    out.print(_gap_table(tables, settings.statistics.confidence))
    out.print()
    out.print(_held_table(tables["held"]))
    out.print()
    for line in (
        _changed(tables),
        _suppressed(manifest, settings),
        _conserved(settings),
        _unmapped(tables["quality"], settings.disclosure.min_cell, settings.quarantine_dir / manifest["run_id"]),
        _seconds(phases, seconds),
        f"Release     {path}",
        f"Report      {path / 'report' / 'index.html'}",
    ):
        out.print(Text(line), soft_wrap=True)


def verdict_table(settings: Settings) -> Table:
    """The gate's verdicts in the warehouse: how many slices, and the commonest reasons."""
    import duckdb

    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        rows = con.execute(
            "select verdict, stratifier, site, count(*) as slices, list(reasons) from publish.gate_verdict "
            "where verdict <> 'publish' group by all order by verdict, slices desc, stratifier, site"
        ).fetchall()
        total = con.execute("select count(*) from publish.gate_verdict where verdict = 'publish'").fetchone()
    table = _table("Verdicts", "verdict", "slices", "group by", "site", "why")
    table.add_row("publish", f"{total[0] if total else 0:,}", "", "", "")
    for verdict, stratifier, site, slices, reasons in rows:
        table.add_row(verdict, f"{slices:,}", stratifier, site, Text(" ".join(words.clauses(reasons)[:2])))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in ("slices", "times") else "left", overflow="fold")
    return table


def _gap_table(tables: dict[str, Any], confidence: float) -> Table | Text:
    year = data.latest_year(tables["strata"])
    measures = {row["measure_id"]: row for row in data.measures(tables)}
    gaps = data.largest(data.of_year(tables["gaps"], year), list(measures.values()))
    when = f"{year['period_label']}, all sites" if year else "no year is complete yet"
    if not gaps:
        return Text(f"Largest gaps, {when}: none that is clear and reliable")
    table = _table(
        f"Largest gaps, {when}", "times", "who, in what, against whom", f"worse by ({confidence:.0%} interval)"
    )
    for gap in gaps[:_SHOWN_GAPS]:
        places = words.decimals(measures[gap["measure_id"]])
        caution = ", with caution" if gap["quality_status"] == "warn" else ""
        who = f"{gap['stratum_label']}: {gap['measure_title']}, against {gap['reference_label']}{caution}"
        spread = words.interval(gap["difference_low"], gap["difference_high"], places)
        worse = f"{words.number(gap['difference'], places)} ({spread}) {gap['unit']}"
        table.add_row(f"{gap['ratio']:.1f}", Text(words.plain(who)), Text(words.plain(worse)))
    return table


def _held_table(held: Any) -> Table | Text:
    if not held.num_rows:
        return Text("Held        nothing")
    reasons = data.held_reasons(held)
    title = f"Held: {held.num_rows:,} slices, each under all of its reasons"
    table = _table(title, "slices", "where", "why")
    for entry in reasons[:_SHOWN_HELD]:
        where = f"{entry['site']}: by {words.listed(entry['groupings'], 1)}"
        table.add_row(f"{entry['n']:,}", Text(words.plain(where)), Text(entry["reason"]))
    if len(reasons) > _SHOWN_HELD:
        table.add_row("", f"{len(reasons) - _SHOWN_HELD} more, in the table `held`", "")
    return table


def _changed(tables: dict[str, Any]) -> str:
    found = report_changes.changes(tables)
    if found["is_first"]:
        return "Changed     nothing to compare with: the first release"
    if not found["is_compared"]:
        return f"Changed     not compared: the tables of {found['before']} cannot be read as these"
    since = f" since {found['before']}" if found["before"] else ""
    return f"Changed     {report_changes.in_words(found['counted'])}{since}"


def _suppressed(manifest: dict[str, Any], settings: Settings) -> str:
    shown, not_assessed = [], 0
    for table, counts in manifest["suppression"].items():
        shown.append(f"{counts.get('suppressed', 0):,} of {sum(counts.values()):,} {table}")
        not_assessed += counts.get("not_assessed", 0)
    small = f"a count from 1 to {settings.disclosure.min_cell - 1}"
    if settings.disclosure.hides_zeros:
        small += ", or that nobody or everybody of a group has an outcome,"
    line = f"Suppressed  {', '.join(shown)}: {small} would show, or could be worked out"
    if not_assessed:
        line += f"; {not_assessed:,} rows not assessed: held, or a gap without a reference group"
    return line


def _conserved(settings: Settings) -> str:
    import duckdb

    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        row = con.execute("select sum(rows_in), sum(rows_used), sum(rows_quarantined) from fct_conservation").fetchone()
    rows_in, used, set_aside = (int(value or 0) for value in row or (0, 0, 0))
    return f"Rows        {rows_in:,} in = {used:,} used + {set_aside:,} set aside ({settings.quarantine_dir})"


def _unmapped(quality: Any, min_cell: int, quarantine: Path) -> str:
    """Fields with codes that no seed knows, in the latest year: what a data steward maps next."""
    latest: dict[str, dict[str, Any]] = {}
    for row in quality.to_pylist():
        if (row["metric"], row["site"], row["grain"]) == ("missing_unmapped", "all", "year"):
            before = latest.get(row["field"])
            if before is None or row["period_starts_on"] > before["period_starts_on"]:
                latest[row["field"]] = row
    shown = [
        f"{FIELDS.get(field, field)}: {_children(row, min_cell)}"
        for field, row in sorted(latest.items())
        if row["value"] is None or row["value"] > 0
    ]
    if not shown:
        return "Not mapped  every code is known"
    return f"Not mapped  {', '.join(shown)} with a code that no seeds/*_map.csv knows ({quarantine / FILE_NAME})"


def _children(row: dict[str, Any], min_cell: int) -> str:
    """A suppressed share stands for a few children, or for all but a few."""
    return (
        f"suppressed (as fewer than {min_cell} children would show)"
        if row["value"] is None
        else f"{row['value']:.1%} of children"
    )


def _seconds(phases: Sequence[Phase], seconds: float) -> str:
    parts = [f"{phase.name} {phase.seconds:.1f}" for phase in phases if phase.seconds >= 0.05]
    between = seconds - sum(phase.seconds for phase in phases)
    return f"Seconds     {seconds:.1f} = " + " + ".join([*parts, f"between phases (Dagster) {between:.1f}"])
