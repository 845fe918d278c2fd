"""Builds a warehouse of invented numbers as it stands before publication: for tests of releases, marts and reports.

It has what real ones have: suppressed and held slices, zeros, groups of nobody, missing reasons, and on request labels
that try to be markup or formulas. Protection and statistics are the project's own, the children are made up.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from tests.support import invented_vocabulary as vocabulary
from tests.support import over_time_frames
from tests.support.invented_vocabulary import GROUPS, MEASURES, STRATIFIERS, Measure, Period

CHILDREN = 24_000
_DERIVED = ("race_omb2024_aoic", "race_omb1997_hispanic_first")
CROSSING, CROSSED = "race_by_poverty", ("race_omb2024_multi", "poverty_quintile")
RUN_ID, AS_OF = "invented-run", dt.date(2026, 6, 30)
HELD = ("race_ethnicity", "south")
HELD_REASON = "Race and ethnicity recorded for 71 % of children; at least 80 % is needed"
WARNED = ("language", "all")
WARN_REASON = "Language: 11 % not recorded; with caution above 10 %"


def build(path: Path, *, grains: Sequence[str] = ("year",), measures: int = 10, hostile: bool = True) -> None:
    """A warehouse at `path` with dim_*, fct_*, raw.run, raw.pull and publish.*; the same rows each time."""
    from orchestration.disclosure.suppression import suppress
    from orchestration.statistics.analysis import analyse

    periods = vocabulary.periods(tuple(grains))
    dims = dimensions(periods, MEASURES[:measures], hostile=hostile)
    counts = pd.DataFrame(_counts(periods, MEASURES[:measures]))
    verdicts = pd.DataFrame(_verdicts(periods, MEASURES[:measures]))
    analysis = analyse(
        suppress(
            *(counts, dims["dim_measure"], dims["dim_stratifier"], dims["dim_period"]),
            pd.DataFrame(columns=["dimension", "stratifier", "stratum", "code"]),
            11,
        ),
        verdicts,
        measures=dims["dim_measure"],
        stratifiers=dims["dim_stratifier"],
        strata_labels=dims["dim_stratum"],
        periods=dims["dim_period"],
        confidence=0.95,
    )
    tables = {
        **{f"main.{name}": frame for name, frame in dims.items()},
        "main.fct_measure_stratum": counts,
        "publish.gate_verdict": verdicts,
        "publish.strata": analysis.strata,
        "publish.gaps": analysis.gaps,
        "publish.inequality": analysis.inequality,
        "publish.changes": analysis.changes,
        "publish.decomposition": analysis.decomposition,
        "publish.reference_register": analysis.reference_register,
    }
    with duckdb.connect(str(path)) as con:
        con.execute("create schema raw; create schema publish")
        for name, frame in tables.items():
            con.register("frame", frame)
            con.execute(f"create table {name} as select * from frame")
            con.unregister("frame")
        con.execute(_REST)
        over_time_frames.create_empty(con)


_REST = f"""
    create table raw.run as select '{RUN_ID}' as run_id, date '{AS_OF}' as as_of,
        date '2023-07-01' as window_starts_on, date '2026-06-30' as window_ends_on;
    create table raw.pull as from (values
        ('registry', 'patients', '/home/somebody/registry/patients.csv', 'x1', 'aa', 2407, 2405, 2, false),
        ('registry', 'encounters', 'registry/encounters.csv', 'x2', 'bb', 48259, 48133, 126, false))
        as t(source_name, table_name, source_file, extract_id, sha256, rows_in, rows_pulled, rows_quarantined, skipped);
    create table main.fct_conservation as from (values
        ('patients', 'registry', 2407, 2405, 2), ('encounters', 'registry', 48259, 48133, 126))
        as t(table_name, source_name, rows_in, rows_used, rows_quarantined);
    create table publish.follow_up_basis as select repeat('ee', 32) as registers;
    create table publish.gate_result as select '{RUN_ID}' as run_id, timestamp '2026-07-01 05:00:00' as decided_at,
        'default' as profile, true as structural_passed, 40::bigint as n_expectations, 3::bigint as n_failed,
        'ff' as data_fingerprint, 'dd' as thresholds_sha256;
"""


def quality_frame() -> pd.DataFrame:
    """The protected quality table: shown, suppressed, asked of and not asked of by the gate."""
    rows = [
        ("race_ethnicity", "all", "completeness", 0.93, 2400, "at least 0.8", "publish", "published"),
        ("race_ethnicity", "south", "completeness", 0.71, 480, "at least 0.8", "hold", "published"),
        ("language", "all", "missing_not_recorded", None, None, "", "warn", "suppressed"),
        ("sex", "all", "other_share", 0.0, 2400, "", "", "published"),
    ]
    columns = ["field", "site", "metric", "value", "n", "threshold", "verdict", "disclosure_status"]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame.assign(grain="year", period_starts_on=dt.date(2025, 7, 1), measure_id="", stratifier="", stratum="")
    return frame.astype({"n": "Int64"})


def dimensions(periods: Sequence[Period], measures: Sequence[Measure], *, hostile: bool) -> dict[str, pd.DataFrame]:
    """The five vocabularies, by table name."""
    sites = [
        (site, vocabulary.HOSTILE_SITE[1] if hostile and site == vocabulary.HOSTILE_SITE[0] else label, order)
        for site, label, _, order in vocabulary.SITES
    ]
    return {
        "dim_measure": pd.DataFrame(_measure_rows(measures, periods)),
        "dim_period": pd.DataFrame(
            [(p.grain, p.index, p.starts_on, p.ends_on, p.label, True) for p in periods],
            columns=["grain", "period_index", "period_starts_on", "period_ends_on", "period_label", "is_complete"],
        ),
        "dim_site": pd.DataFrame(sites, columns=["site", "site_label", "sort_order"]),
        "dim_stratifier": pd.DataFrame(
            [
                (
                    *(name, label, f"{label}.", kind, ordered, vocabulary.is_exclusive(name), name == CROSSING),
                    *("overall" if name == "overall" else "best", field, order),
                    "last" if kind == "area" else "",
                )
                for order, (name, label, kind, ordered, field) in enumerate(STRATIFIERS)
            ],
            columns=[
                *("stratifier", "label", "description", "kind", "is_ordered", "is_exclusive", "is_crossing"),
                *("reference_rule", "quality_field", "sort_order", "disadvantaged_end"),
            ],
        ),
        "dim_stratum": pd.DataFrame(
            [
                (name, group, _label(name, group, label, hostile), order + 90 * bool(reason), bool(reason), reason)
                for name, groups in {**GROUPS, CROSSING: GROUPS[CROSSED[0]]}.items()
                for order, (group, label, _, _, reason) in enumerate(groups)
            ],
            columns=["stratifier", "stratum", "label", "sort_order", "is_missing", "missing_reason"],
        ),
    }


def _label(stratifier: str, group: str, label: str, hostile: bool) -> str:
    return vocabulary.HOSTILE_LABELS.get((stratifier, group), label) if hostile else label


def _measure_rows(measures: Sequence[Measure], periods: Sequence[Period]) -> Iterator[dict[str, Any]]:
    shown = (
        *("measure_id", "title", "description", "kind", "family", "direction", "unit", "multiplier", "counts_what"),
        *("denominator_unit", "untested_convention"),
    )
    grains = ",".join(dict.fromkeys(period.grain for period in periods))
    for order, measure in enumerate(measures):
        yield {
            **{name: getattr(measure, name) for name in shown},
            "population": "Children with type 1 diabetes",
            "grains": grains,
            "exclusions": "",
            "steward": "Analytics",
            "citation": "Invented",
            "sort_order": order,
        }


@dataclass(frozen=True)
class _Cohort:
    """Invented children: which row of the counts each belongs to, and how much of a measure's spread each bears."""

    rows: list[tuple[str, str, str, str, str]]  # site, stratifier, stratum, stratifier_2, stratum_2
    members: sparse.csr_matrix  # rows, children
    bears: npt.NDArray[np.float64]


def _cohort() -> _Cohort:
    """The same children in every build; whoever is counted in a group is counted in everything that it is part of."""
    rng = np.random.default_rng(2_026)

    def drawn(groups: Sequence[tuple[str, str, float, float, str]]) -> npt.NDArray[np.str_]:
        sizes = np.floor(CHILDREN * np.array([share for _, _, share, _, _ in groups])).astype(int)
        sizes[sizes.argmax()] += CHILDREN - sizes.sum()
        return rng.permutation(np.repeat([group for group, *_ in groups], sizes))

    of = {name: drawn(groups) for name, groups in GROUPS.items() if name not in _DERIVED}
    race, quintile = of[CROSSED[0]], of[CROSSED[1]]
    site = drawn([(name, "", share, 0.0, "") for name, _, share, _ in vocabulary.SITES if name != "all"])
    # Who is several counts in two groups; the older standard has no place for some.
    several = {"MULTI": ("BLACK", "WHITE")}
    older = np.where(race == "MENA", "WHITE", race)
    rows, members = [], []
    for place in ("all", *np.unique(site)):
        here = (site == place) | (place == "all")
        for name, groups in GROUPS.items():
            for group, *_ in groups:
                if name == "race_omb2024_aoic":
                    inside = (race == group) | np.isin(race, [key for key, into in several.items() if group in into])
                else:
                    inside = (older if name == "race_omb1997_hispanic_first" else of[name]) == group
                rows.append((place, name, group, "", ""))
                members.append(here & inside)
    for group, *_ in GROUPS[CROSSED[0]]:
        for fifth, *_ in GROUPS[CROSSED[1]]:
            rows.append(("all", CROSSING, group, CROSSED[1], fifth))
            members.append((race == group) & (quintile == fifth))
    borne = [{group: share for group, _, _, share, _ in GROUPS[name]} for name in CROSSED]
    bears = np.mean([[borne[0][group] for group in race], [borne[1][group] for group in quintile]], axis=0)
    return _Cohort(rows, sparse.csr_matrix(np.array(members, dtype=np.int64)), bears)


def _counts(periods: Sequence[Period], measures: Sequence[Measure]) -> Iterator[dict[str, Any]]:
    cohort = _cohort()
    names = ("n_patients", "numerator", "denominator", "sum_yy", "sum_yd", "sum_dd")
    for measure in measures:
        for period in periods:
            key = zlib.crc32(f"{measure.measure_id}{period.label}".encode())
            closing = 1 - 0.15 * period.index / max(len(periods), 1)
            level = measure.level * (1 + measure.spread * cohort.bears * closing)
            months = {"year": 12, "quarter": 3, "month": 1}[period.grain]
            y, d = _of_children(measure, level, months, np.random.default_rng(key))
            sums = cohort.members @ np.stack([np.ones_like(d), y, d, y * y, y * d, d * d], axis=1)
            for (site, name, group, name_2, group_2), row in zip(cohort.rows, sums.tolist(), strict=True):
                yield {
                    "measure_id": measure.measure_id,
                    "grain": period.grain,
                    "period_starts_on": period.starts_on,
                    "site": site,
                    "stratifier": name,
                    "stratum": group,
                    "stratifier_2": name_2,
                    "stratum_2": group_2,
                    **dict(zip(names, row, strict=True)),
                }


def _of_children(
    measure: Measure, level: npt.NDArray[np.float64], months: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """What each child adds to the numerator and to the denominator."""
    if measure.kind == "rate":
        return rng.poisson(level * months / 12), np.full(level.size, months)
    tested = np.ones(level.size, dtype=np.int64)
    if measure.untested_convention == "tested_only":
        tested = (rng.random(level.size) >= 0.08).astype(np.int64)
    if measure.kind == "mean":
        return np.round(rng.normal(level, 15)).astype(np.int64) * tested, tested
    return (rng.random(level.size) < level).astype(np.int64) * tested, tested


def _verdicts(periods: Sequence[Period], measures: Sequence[Measure]) -> Iterator[dict[str, Any]]:
    for measure in measures:
        for period in periods:
            for site, *_ in vocabulary.SITES:
                for name, _, _, _, field in STRATIFIERS:
                    held, warned = (field, site) == HELD, (field, site) == WARNED
                    yield {
                        "measure_id": measure.measure_id,
                        "stratifier": name,
                        "site": site,
                        "grain": period.grain,
                        "period_starts_on": period.starts_on,
                        "verdict": "hold" if held else "warn" if warned else "publish",
                        "reasons": HELD_REASON if held else WARN_REASON if warned else "",
                    }
