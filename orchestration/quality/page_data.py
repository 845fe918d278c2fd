"""What the quality page shows, as plain lists: counts of slices, shares that may be shown, no small count of anybody.

Everything comes from the warehouse tables that the gate wrote or judged; layout and words stand in the template.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from orchestration.quality.verdicts import quality_table
from orchestration.quality_metrics import FIELDS, reveals_small_count

if TYPE_CHECKING:
    import duckdb

VERDICTS = ("publish", "warn", "hold")
MOST_PERIODS, MOST_SITES, MOST_REASONS = 12, 60, 200

_REASONS = """
    select v.verdict, v.reasons, count(*) as n_slices,
        list_sort(list(distinct stratifier.quality_field) filter (stratifier.quality_field <> '')) as fields,
        count(distinct v.stratifier) as n_groupings,
        string_agg(distinct site.site_label, ', ' order by site.site_label) as sites,
        min(period.period_starts_on) as starts_on, max(period.period_ends_on) as ends_on,
        count(distinct v.measure_id) as n_measures
    from publish.gate_verdict as v
    left join dim_stratifier as stratifier on stratifier.stratifier = v.stratifier
    left join dim_site as site on site.site = v.site
    left join dim_period as period on period.grain = v.grain and period.period_starts_on = v.period_starts_on
    where v.verdict <> 'publish'
    group by v.verdict, v.reasons
    order by v.verdict, count(*) desc, v.reasons
"""

_COUNTS = """
    select stratifier.label, v.verdict, count(*) as n
    from publish.gate_verdict as v inner join dim_stratifier as stratifier on stratifier.stratifier = v.stratifier
    group by stratifier.label, stratifier.sort_order, v.verdict
    order by stratifier.sort_order, stratifier.label
"""


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries."""
    found = con.execute(query)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def verdict_counts(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Per stratifier: label, publish, warn, hold (counts of slices) and total, in the stratifiers' order."""
    counts: dict[str, dict[str, Any]] = {}
    for row in rows(con, _COUNTS):
        counts.setdefault(row["label"], {"label": row["label"], **dict.fromkeys(VERDICTS, 0)})[row["verdict"]] = row[
            "n"
        ]
    return [{**count, "total": sum(count[verdict] for verdict in VERDICTS)} for count in counts.values()]


def reasons(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Why slices are held or carry a warning, most slices first; each with where and when it stands."""
    found = rows(con, _REASONS)
    for row in found:
        row["fields"] = [FIELDS[name] for name in row["fields"] or ()]
    return found


def completeness(con: duckdb.DuckDBPyConnection, min_cell: int) -> list[dict[str, Any]]:
    """Per field: label, periods and sites with one cell per period: value (None when hidden), is_hidden, verdict.

    Quarters, where the registry is followed for one; else the shortest period there is. The latest MOST_PERIODS.
    """
    table = quality_table(con)
    table = table[table["metric"] == "completeness"]
    grain = next((name for name in ("quarter", "month", "year") if (table["grain"] == name).any()), "")
    table = table[table["grain"] == grain]
    table = table.assign(is_hidden=reveals_small_count(table, min_cell))
    labels = rows(con, "select grain, period_starts_on, period_label from dim_period order by period_starts_on")
    periods = [(pd.Timestamp(row["period_starts_on"]), row["period_label"]) for row in labels if row["grain"] == grain]
    periods = [period for period in periods if (table["period_starts_on"] == period[0]).any()][-MOST_PERIODS:]
    sites = rows(con, "select site, site_label from dim_site order by sort_order, site")
    cells = {(row["field"], row["site"], row["period_starts_on"]): row for row in table.to_dict("records")}
    return [
        {
            "label": FIELDS[field],
            "threshold": str(table.loc[table["field"] == field, "threshold"].iloc[0]),
            "periods": [label for _, label in periods],
            "sites": [
                {
                    "label": site["site_label"],
                    "cells": [_cell(cells.get((field, site["site"], starts_on))) for starts_on, _ in periods],
                }
                for site in sites[:MOST_SITES]
            ],
            "n_more_sites": max(0, len(sites) - MOST_SITES),
        }
        for field in FIELDS
        if (table["field"] == field).any()
    ]


def _cell(row: dict[Any, Any] | None) -> dict[str, Any]:
    if row is None:
        return {"value": None, "is_hidden": False, "verdict": ""}
    return {
        "value": None if row["is_hidden"] else row["value"],
        "is_hidden": row["is_hidden"],
        "verdict": row["verdict"],
    }


def conservation(con: duckdb.DuckDBPyConnection, min_cell: int) -> list[dict[str, Any]]:
    """Per source and table: rows in, used and quarantined with the reasons, as text; no count below `min_cell`."""
    totals = rows(con, "select * from fct_conservation order by source_name, table_name")
    counted = rows(
        con,
        "select source_name, table_name, coalesce(reason, 'no reason given') as reason, count(*) as n "
        "from quarantine group by all order by n desc, reason",
    )
    result = []
    for total in totals:
        key = (total["source_name"], total["table_name"])
        counts = [(row["reason"], row["n"]) for row in counted if (row["source_name"], row["table_name"]) == key]
        used, quarantined = shown_parts(total["rows_used"], total["rows_quarantined"], min_cell)
        result.append(
            {
                **{"source": key[0], "table": key[1], "rows_in": shown_count(total["rows_in"], min_cell)},
                **{"rows_used": used, "rows_quarantined": quarantined, "reasons": pooled(counts, min_cell)},
            }
        )
    return result


def shown_count(n: int, min_cell: int) -> str:
    """A count of patients' rows as it may be shown."""
    return f"fewer than {min_cell}" if 0 < n < min_cell else f"{n:,}"


def shown_parts(used: int, quarantined: int, min_cell: int) -> tuple[str, str]:
    """Both parts of a known total: where one is small, the other would give it away and is not exact either."""
    small = f"all but fewer than {min_cell}"
    is_used_small, is_quarantined_small = 0 < used < min_cell, 0 < quarantined < min_cell
    return (
        small if is_quarantined_small and used and not is_used_small else shown_count(used, min_cell),
        small if is_used_small and quarantined and not is_quarantined_small else shown_count(quarantined, min_cell),
    )


def pooled(counts: list[tuple[str, int]], min_cell: int) -> list[tuple[str, str]]:
    """Reasons with their counts; small ones are pooled, with the next larger if need be, so that none can be derived.

    `counts` come largest first, and their total is known.
    """
    large = [count for count in counts if count[1] >= min_cell]
    small = [count for count in counts if count[1] < min_cell]
    while small and large and sum(n for _, n in small) < min_cell:
        small.insert(0, large.pop())
    shown = [(reason, f"{n:,}") for reason, n in large]
    if small:
        shown.append(("; ".join(reason for reason, _ in small), shown_count(sum(n for _, n in small), min_cell)))
    return shown
