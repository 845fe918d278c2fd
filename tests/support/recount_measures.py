"""Sums per measure, period and group, from what each single child contributes, in plain Python and pandas.

Part of an independent recount: it shares no code and no SQL with the pipeline, only the vocabularies in seeds/.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd

from tests.support.recount_people import RACE_COLUMNS, Child, Record, month_ends
from tests.support.recount_rows import Recount, seed
from tests.support.tiny_warehouse import Run

KEYS = ["measure_id", "grain", "period_starts_on", "site", "stratifier", "stratum", "stratifier_2", "stratum_2"]
SUMS = ["n_patients", "numerator", "denominator", "sum_yy", "sum_yd", "sum_dd"]
LENGTHS = {"month": 1, "quarter": 3, "year": 12}
ALL_GRAINS, NO_MONTHS = ("month", "quarter", "year"), ("quarter", "year")

# Tenths of a per cent (None when not tested) -> (numerator, denominator), or None when the child does not count.
Contribution = Callable[[int | None], tuple[int, int] | None]
STATES: dict[str, Contribution] = {
    "hba1c_below_7": lambda tenths: None if tenths is None else (int(tenths < 70), 1),
    "hba1c_below_7_of_all": lambda tenths: (int(tenths is not None and tenths < 70), 1),
    "hba1c_above_9": lambda tenths: None if tenths is None else (int(tenths > 90), 1),
    "hba1c_above_9_or_untested": lambda tenths: (int(tenths is None or tenths > 90), 1),
    "hba1c_mean": lambda tenths: None if tenths is None else (tenths, 1),
    "hba1c_tested": lambda tenths: (int(tenths is not None), 1),
}


def _bed_days(encounter: Record, run: Run) -> int:
    first: dt.date = encounter["starts_on"]
    last: dt.date = encounter["ends_on"] or run.as_of
    return max((last - first).days, 1)


def _counts(encounter: Record, child: Child, run: Run) -> Iterator[tuple[str, int]]:
    """Which rates an encounter counts for, and how much."""
    care = {row["value"]: row["encounter_class"] for row in seed("encounter_class_map")}[
        str(encounter["encounter_class"]).lower()
    ]
    group = {row["code"]: row["diagnosis_group"] for row in seed("diagnosis_groups")}.get(
        str(encounter["primary_dx"]).strip().upper()
    )
    days = (encounter["starts_on"] - child.diagnosed_on).days
    if care == "ED":
        yield "ed_visits", 1
    if care == "outpatient" and str(encounter["service"]).lower() == "diabetes":
        yield "clinic_visits", 1
    if care == "inpatient":
        yield "bed_days", _bed_days(encounter, run)
    if care == "inpatient" and group == "dka" and not -14 <= days <= 14:
        yield "dka_admissions", 1
    if care in ("ED", "inpatient") and group == "severe_hypoglycaemia":
        yield "severe_hypoglycaemia", 1


RATES = {
    "ed_visits": ALL_GRAINS,
    "dka_admissions": ALL_GRAINS,
    "bed_days": ALL_GRAINS,
    "severe_hypoglycaemia": ALL_GRAINS,
    "clinic_visits": NO_MONTHS,
}


def recount_measures(children: Sequence[Child], recount: Recount, run: Run) -> pd.DataFrame:
    """Columns KEYS and SUMS (integers), one row per group that holds somebody in the period."""
    blocks = _blocks(run)
    results, encounters = _by_patient(recount, "observations"), _by_patient(recount, "encounters")
    rows: list[dict[str, object]] = []
    for child in children:
        latest = {day: _latest_tenths(results.get(child.patient_id, []), day) for day in month_ends(run)}
        events = _events(child, encounters.get(child.patient_id, []), run)
        for (grain, starts_on), months in blocks.items():
            last = months[-1]
            if last in child.months["t1d_established"]:
                for measure_id, contribution in STATES.items():
                    counted = contribution(latest[last])
                    if counted is not None:
                        rows.append(_row(measure_id, grain, starts_on, child, last, *counted))
            there = [day for day in months if day in child.months["t1d"]]
            for measure_id, grains in RATES.items() if there else ():
                if grain in grains:
                    n_events = sum(events[measure_id, day] for day in there)
                    rows.append(_row(measure_id, grain, starts_on, child, there[-1], n_events, len(there)))
    return _summed(pd.DataFrame(rows))


def _blocks(run: Run) -> dict[tuple[str, dt.date], list[dt.date]]:
    """Months of each period; periods are counted back from the window's end, and months left over begin none."""
    ends, found = month_ends(run), {}
    for grain, length in LENGTHS.items():
        for at in range(len(ends) % length, len(ends), length):
            found[grain, ends[at].replace(day=1)] = ends[at : at + length]
    return found


def _by_patient(recount: Recount, table: str) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for record in recount.usable[table]:
        found[str(record["patient_id"])].append(record)
    return found


def _latest_tenths(records: Sequence[Record], month_end: dt.date) -> int | None:
    """HbA1c of the latest day in the twelve months up to this one, the lowest of that day, in tenths of a per cent."""
    units = {row["code"]: row["default_unit"] for row in seed("hba1c_codes")}
    begins = (pd.Timestamp(month_end) - pd.DateOffset(months=11)).replace(day=1).date()
    found = []
    for record in records:
        day: dt.date = record["observed_on"]
        if record["code"] in units and begins <= day <= month_end:
            value = Decimal(str(record["value"]))
            if str(record["unit"] or units[str(record["code"])]).lower() == "mmol/mol":
                value = value * Decimal("0.0915") + Decimal("2.15")
            found.append((-day.toordinal(), int((value * 10).quantize(Decimal(1), ROUND_HALF_UP))))
    return min(found)[1] if found else None


def _events(child: Child, records: Sequence[Record], run: Run) -> Mapping[tuple[str, dt.date], int]:
    """Events by measure and month (its last day)."""
    found: dict[tuple[str, dt.date], int] = defaultdict(int)
    for record in records:
        day: dt.date = record["starts_on"]
        for end in month_ends(run):
            if (day.year, day.month) == (end.year, end.month):
                for measure_id, amount in _counts(record, child, run):
                    found[measure_id, end] += amount
    return found


def _row(
    measure_id: str, grain: str, starts_on: dt.date, child: Child, at: dt.date, y: int, d: int
) -> dict[str, object]:
    strata = {**child.fixed, **child.at_month[at], **{name: "|".join(child.races[name]) for name in RACE_COLUMNS}}
    return {
        "measure_id": measure_id,
        "grain": grain,
        "period_starts_on": starts_on,
        "site": child.site,
        "y": y,
        "d": d,
        **strata,
    }


def _summed(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.assign(overall="all", n_patients=1, numerator=rows.y, denominator=rows.d)
    rows = rows.assign(sum_yy=rows.y * rows.y, sum_yd=rows.y * rows.d, sum_dd=rows.d * rows.d)
    parts = [part for stratifier in seed("stratifiers") for part in _grouped(rows, stratifier)]
    return pd.concat(parts, ignore_index=True).groupby(KEYS, as_index=False)[SUMS].sum()


def _grouped(rows: pd.DataFrame, stratifier: Mapping[str, str]) -> Iterator[pd.DataFrame]:
    """One row per child and group, for all sites and for each, at the grains that the stratifier is given for."""
    name = stratifier["stratifier"]
    crossing = name == "race_by_poverty"
    grouped = rows.assign(
        stratifier=name,
        stratum=rows["race_omb2024_multi" if crossing else name].str.split("|"),
        stratifier_2="poverty_quintile" if crossing else "",
        stratum_2=rows["poverty_quintile"] if crossing else "",
    ).explode("stratum")
    yield grouped[grouped["grain"].isin(stratifier["grains"].split())].assign(site="all")
    yield grouped[grouped["grain"].isin(stratifier["site_grains"].split())]
