"""Renders the quality page: one self-contained HTML file for data stewards and quality-improvement teams."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.errors import TransformError
from orchestration.quality import page_data

if TYPE_CHECKING:
    import duckdb

    from orchestration.settings import Settings

_TEMPLATES = Path(__file__).parent / "templates"


def render(con: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    """The page as HTML text without any outside reference; it reads the tables that `run_gate` wrote.

    No share or count on it gives away a count of children below `settings.disclosure.min_cell`. Raises TransformError
    when the gate has not judged this warehouse.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    results = page_data.rows(con, "select * from publish.gate_result") if _is_judged(con) else []
    if len(results) != 1:
        raise TransformError(
            "the quality page shows what the gate decided",
            where="publish.gate_result",
            found=f"{len(results)} results",
            remedy="run the whole job, so that the gate judges the data",
        )
    min_cell = settings.disclosure.min_cell
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    counts = page_data.verdict_counts(con)
    reasons = page_data.reasons(con)
    return environment.get_template("quality.html.j2").render(
        title=settings.title,
        is_demo=settings.demo,
        min_cell=min_cell,
        result=results[0],
        counts=counts,
        totals={verdict: sum(count[verdict] for count in counts) for verdict in page_data.VERDICTS},
        fields=page_data.completeness(con, min_cell),
        reasons=reasons[: page_data.MOST_REASONS],
        n_more_reasons=max(0, len(reasons) - page_data.MOST_REASONS),
        checks=page_data.rows(con, "select * from publish.gate_check order by position"),
        conservation=page_data.conservation(con, min_cell),
    )


def _is_judged(con: duckdb.DuckDBPyConnection) -> bool:
    found = con.execute(
        "select count(*) from information_schema.tables "
        "where table_catalog = current_database() and table_schema = 'publish' and table_name = 'gate_result'"
    ).fetchone()
    return found == (1,)
