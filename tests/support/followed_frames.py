"""Months of invented counts, taken through disclosure control, verdicts and estimates as a run does it, for charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from orchestration.disclosure.primary import protect
from orchestration.registers.columns import REGISTERS
from orchestration.registers.reading import read_registers
from orchestration.statistics.analysis import Analysis, analyse
from orchestration.statistics.follow_up import follow_up

MIN_CELL = 11
MEASURES = pd.DataFrame(
    [
        ("share", "proportion", "lower_is_better", 100.0, "patients", "patients", "outcome"),
        ("process", "proportion", "higher_is_better", 100.0, "patients", "patients", "process"),
        ("visits", "rate", "lower_is_better", 1200.0, "events", "patient_months", "outcome"),
        ("harm", "rate", "lower_is_better", 1200.0, "events", "patient_months", "balancing"),
        ("average", "mean", "lower_is_better", 0.1, "sum of tenths", "patients", "outcome"),
    ],
    columns=["measure_id", "kind", "direction", "multiplier", "counts_what", "denominator_unit", "family"],
).assign(population="children")
STRATIFIERS = pd.DataFrame(
    [
        ("overall", "overall", "overall", True),
        ("group", "person", "named:b", True),
        ("mixed", "person", "named:b", False),
    ],
    columns=["stratifier", "kind", "reference_rule", "is_exclusive"],
).assign(is_crossing=False, disadvantaged_end="", quality_field="")
LABELS = pd.DataFrame(
    [
        ("overall", "all", "Everyone", 0, False),
        *((name, stratum, f"Group {stratum}", order, False) for name in ("group", "mixed")
          for order, stratum in enumerate("abc")),
        ("group", "declined", "Chose not to answer", 90, True),
    ],
    columns=["stratifier", "stratum", "label", "sort_order", "is_missing"],
)  # fmt: skip
SITES = pd.DataFrame({"site": ["all", "north"]})


def periods(months: int = 36, grain: str = "month") -> pd.DataFrame:
    """Complete periods from July 2023 on."""
    frequency = {"month": "M", "quarter": "Q"}[grain]
    found = pd.period_range("2023-07", periods=months, freq=frequency)
    ends = found.end_time.normalize()
    return pd.DataFrame(
        {"grain": grain, "period_starts_on": found.start_time, "period_ends_on": ends, "is_complete": True}
    )


def counted(
    measure: str, stratum: str, numerators: Sequence[int], denominators: Sequence[int] | int, **given: Any
) -> pd.DataFrame:
    """One series of fct_measure_stratum, a period each; every patient of a rate has one event at most."""
    times = periods(len(numerators), given.pop("grain", "month"))
    n = [denominators] * len(numerators) if isinstance(denominators, int) else list(denominators)
    is_mean = measure == "average"
    rows = []
    for at, (y, d) in enumerate(zip(numerators, n, strict=True)):
        squares = y * y // d + 100 * d if is_mean else y
        rows.append({
            "measure_id": measure, "grain": times["grain"][at], "period_starts_on": times["period_starts_on"][at],
            "site": "all", "stratifier": "group", "stratum": stratum, "stratifier_2": "", "stratum_2": "",
            "n_patients": d, "numerator": y, "denominator": d, "sum_yy": squares, "sum_yd": y, "sum_dd": d, **given,
        })  # fmt: skip
    return pd.DataFrame(rows)


def published(*series: pd.DataFrame, held: Sequence[int] = (), months: int = 36) -> Analysis:
    """The series after disclosure control, verdicts (periods of `held`, by position, are held), estimates and gaps."""
    strata = pd.concat(series, ignore_index=True)
    keys = ["measure_id", "stratifier", "site", "grain", "period_starts_on"]
    verdicts = strata[keys].drop_duplicates()
    times = all_periods(months)
    withheld = set(periods(months)["period_starts_on"].iloc[list(held)])
    verdict = ["hold" if start in withheld else "publish" for start in verdicts["period_starts_on"]]
    return analyse(
        protect(strata, MEASURES, MIN_CELL),
        verdicts.assign(verdict=verdict, reasons=""),
        measures=MEASURES,
        stratifiers=STRATIFIERS,
        strata_labels=LABELS,
        periods=times,
        confidence=0.95,
    )


def all_periods(months: int = 36) -> pd.DataFrame:
    """Months, quarters and years of the window."""
    found = periods(months)
    quarters = periods(months // 3, "quarter")
    starts = pd.date_range("2023-07-01", periods=months // 12, freq="12MS")
    years = pd.DataFrame({"grain": "year", "period_starts_on": starts})
    years["period_ends_on"] = years["period_starts_on"] + pd.DateOffset(years=1) - pd.DateOffset(days=1)
    return pd.concat([found, quarters, years.assign(is_complete=True)], ignore_index=True)


def followed(analysis: Analysis, months: int = 36, **registers: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Charts and aims of the published frames, with the given registers and empty ones else."""
    empty = read_registers(None).frames()
    return follow_up(
        analysis.strata,
        analysis.gaps,
        registers={**empty, **registers},
        measures=MEASURES,
        stratifiers=STRATIFIERS,
        strata_labels=LABELS,
        periods=all_periods(months),
        sites=SITES,
        confidence=0.95,
    )


def register(name: str, *rows: dict[str, Any]) -> pd.DataFrame:
    """Rows of a register as its reader gives them; what is not said is empty."""
    columns = REGISTERS[name].columns
    full = [{column.name: row.get(column.name, "") for column in columns} for row in rows]
    frame = pd.DataFrame(full, columns=[column.name for column in columns])
    for column in columns:
        if column.kind == "day":
            frame[column.name] = pd.to_datetime(frame[column.name].replace("", None)).astype("datetime64[s]")
    return frame


def aim(**given: Any) -> dict[str, Any]:
    """An aim on group a beside b in `share`: 20 points to become 10 by the end of the third year."""
    return {
        "aim_id": "narrow", "title": "Narrow it", "population": "children", "measure_id": "share",
        "stratifier": "group", "stratum": "a", "site": "all", "grain": "month", "baseline_starts_on": "2023-07-01",
        "baseline_ends_on": "2024-06-30", "baseline_value": 20.0, "gap_target": 10.0, "group_targets": "a=35 b=25",
        "by_when": "2026-12-31", "owner": "A team", "process_measure_id": "", "balancing_measure_id": "", **given,
    }  # fmt: skip
