"""Selects from the five release tables what the report shows: the latest year, gaps, trends and counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from orchestration.release import report_words as words

Row = dict[str, Any]
ALL_SITES = "all"
RACE, POVERTY = "race_omb2024_multi", "poverty_quintile"
STRATIFIERS = (RACE, POVERTY, "language", "payer")
# Pictures of gaps and trends are drawn for these, where a release has them; else for its first few measures.
MAIN = ("hba1c_below_7", "hba1c_above_9", "clinic_visits", "ed_visits", "dka_admissions", "bed_days")
MOST_GAPS, MOST_TREND_GROUPS = 12, 4


def measures(tables: dict[str, pa.Table]) -> list[Row]:
    """Every measure in order of presentation."""
    found: list[Row] = tables["measures"].sort_by([("sort_order", "ascending")]).to_pylist()
    return found


def main_measures(every: Sequence[Row]) -> list[Row]:
    """The few measures that are drawn as gaps and over time."""
    return [row for row in every if row["measure_id"] in MAIN] or list(every[: len(MAIN)])


def latest_year(strata: pa.Table) -> Row | None:
    """The latest year that is over in the data: period_starts_on, period_ends_on and period_label; None without one."""
    years = _where(strata, grain="year", is_complete_period=True)
    if years.num_rows == 0:
        return None
    latest = years.filter(pc.equal(years["period_starts_on"], pc.max(years["period_starts_on"])))
    found: Row = latest.select(["period_starts_on", "period_ends_on", "period_label"]).slice(0, 1).to_pylist()[0]
    return found


def of_year(table: pa.Table, year: Row | None) -> list[Row]:
    """Rows of all sites together in that year, for everyone and for the groupings that the report shows."""
    if year is None:
        return []
    chosen = _where(table, site=ALL_SITES, grain="year", period_starts_on=year["period_starts_on"])
    shown = pc.is_in(chosen["stratifier"], value_set=pa.array(["overall", *STRATIFIERS]))
    rows: list[Row] = chosen.filter(shown).to_pylist()
    return rows


def years_of(table: pa.Table, stratifiers: set[str]) -> list[Row]:
    """Rows of all sites together in every year that is over, in those groupings."""
    years = _where(table, site=ALL_SITES, grain="year", is_complete_period=True)
    among = pa.array(sorted(stratifiers), pa.string())
    rows: list[Row] = years.filter(pc.is_in(years["stratifier"], value_set=among)).to_pylist()
    return rows


def is_clear(gap: Row) -> bool:
    """True when a gap may be called one: shown, reliable, of people whose group is known, and by AHRQ's rule real."""
    return (
        gap["disclosure_status"] == "published"
        and gap["reliability_status"] == "reliable"
        and gap["quality_status"] != "hold"
        and not gap["is_missing_category"]
        and bool(gap["is_meaningful"])
        and gap["difference"] is not None
        and gap["difference"] > 0
    )


def clear(gaps: Sequence[Row], every: Sequence[Row]) -> list[Row]:
    """The clear gaps of the year, largest ratio first; a measure's second convention is left out."""
    twice = {row["measure_id"] for row in every if row["untested_convention"] == "untested_not_met"}
    found = [gap for gap in gaps if gap["measure_id"] not in twice and gap["ratio"] is not None and is_clear(gap)]
    return sorted(found, key=lambda gap: -gap["ratio"])


def largest(gaps: Sequence[Row], every: Sequence[Row]) -> list[Row]:
    """The few clear gaps of the year that are listed, largest ratio first."""
    return clear(gaps, every)[:MOST_GAPS]


def year_labels(strata: pa.Table) -> dict[object, str]:
    """First day of each year of the release, with the year in words."""
    years = _where(strata, grain="year").select(["period_starts_on", "period_label"])
    years = years.group_by(["period_starts_on", "period_label"]).aggregate([])
    return {row["period_starts_on"]: str(row["period_label"]) for row in years.to_pylist()}


def trend_groups(year_rows: Sequence[Row]) -> tuple[str, list[Row]]:
    """The grouping and the largest groups in it that trends are drawn for, in the order of the tables."""
    for stratifier in (RACE, POVERTY):
        sizes: dict[str, tuple[int, Row]] = {}
        for row in year_rows:
            if row["stratifier"] == stratifier and not row["is_missing_category"] and row["n_patients"] is not None:
                before = sizes.get(row["stratum"])
                if before is None or row["n_patients"] > before[0]:
                    sizes[row["stratum"]] = (row["n_patients"], row)
        if sizes:
            biggest = sorted(sizes, key=lambda stratum: -sizes[stratum][0])[:MOST_TREND_GROUPS]
            return stratifier, [sizes[stratum][1] for stratum in sizes if stratum in biggest]
    return RACE, []


def by_quarter(strata: pa.Table, stratifier: str) -> list[Row]:
    """Rows of all sites together for every quarter that is over, in one grouping."""
    rows: list[Row] = _where(
        strata, site=ALL_SITES, grain="quarter", stratifier=stratifier, is_complete_period=True
    ).to_pylist()
    return rows


def counts(tables: dict[str, pa.Table], year_rows: Sequence[Row]) -> dict[str, int | None]:
    """What the release holds, in a few numbers; `children` is None when it is not shown."""
    strata, gaps = tables["strata"], tables["gaps"]
    everyone = [row["n_patients"] for row in year_rows if row["stratifier"] == "overall"]
    return {
        "measures": tables["measures"].num_rows,
        "sites": sum(site != ALL_SITES for site in pc.unique(strata["site"]).to_pylist()),
        "children": max((n for n in everyone if n is not None), default=None),
        "suppressed_values": _where(strata, disclosure_status=words.SUPPRESSED).num_rows,
        "suppressed_gaps": _where(gaps, disclosure_status=words.SUPPRESSED).num_rows,
        "held": tables["held"].num_rows,
    }


def held_groups(held: pa.Table) -> list[Row]:
    """What is held, by site and grouping: which measures, how many periods and slices, and the reasons in words."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in held.to_pylist():
        site, by = row["site_label"] or row["site"], row["stratifier_label"] or row["stratifier"]
        groups.setdefault((site, by), []).append(row)
    alike: dict[tuple[str, str], Row] = {}
    for (site, grouping), rows in groups.items():
        entry: Row = {
            "measures": list(dict.fromkeys(row["measure_title"] or row["measure_id"] for row in rows)),
            "periods": _periods(rows),
            "from": min(row["period_starts_on"] for row in rows),
            "to": max(row["period_ends_on"] or row["period_starts_on"] for row in rows),
            "reasons": words.clauses(row["reasons"] for row in rows),
        }
        # Groupings of the same records are mostly held alike, and then stand together.
        group = alike.setdefault((site, repr(entry)), {"site": site, "groupings": [], "n": 0, **entry})
        group["groupings"].append(grouping)
        group["n"] += len(rows)
    return list(alike.values())


def held_reasons(held: pa.Table) -> list[Row]:
    """What is held, by site and reason."""
    return by_reason(held.to_pylist())


def by_reason(slices: Sequence[Row]) -> list[Row]:
    """Slices by site and reason: which groupings and how many slices, most first.

    A slice that is held for several reasons counts under each of them. Reasons that differ only in figures are one.
    """
    found: dict[tuple[str, str], list[tuple[Row, str]]] = {}
    for row in slices:
        for reason in words.split(row["reasons"]):
            found.setdefault((row["site_label"] or row["site"], words.without_figures(reason)), []).append(
                (row, reason)
            )
    entries: list[Row] = [
        {
            "site": site,
            "reason": " ".join(words.clauses(reason for _, reason in pairs)),
            "groupings": list(dict.fromkeys(row["stratifier_label"] or row["stratifier"] for row, _ in pairs)),
            "n": len(pairs),
        }
        for (site, _), pairs in found.items()
    ]
    return sorted(entries, key=lambda entry: -entry["n"])


def _periods(rows: Sequence[Row]) -> str:
    found: list[str] = []
    for grain in ("year", "quarter", "month"):
        n = len({row["period_starts_on"] for row in rows if row["grain"] == grain})
        if n:
            found.append(f"{n} {grain}{'s' if n > 1 else ''}")
    return words.listed(found)


def _where(table: pa.Table, **wanted: str | bool | dt.date) -> pa.Table:
    for name, value in wanted.items():
        column = table[name]
        table = table.filter(pc.equal(column, pa.scalar(value, column.type)))
    return table
