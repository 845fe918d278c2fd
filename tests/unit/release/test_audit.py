"""Red team: one unsafe release for each way in which a hidden count can be worked out, and the attacker finds it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from orchestration.release.audit import audit_findings
from orchestration.release.tables import Tables

MIN_CELL = 11
Row = dict[str, Any]
YEAR = ("year", dt.date(2025, 7, 1), dt.date(2026, 6, 30))
MEASURES = pd.DataFrame(
    {
        "measure_id": ["share", "average", "rate"],
        "kind": ["proportion", "mean", "rate"],
        "population": ["everyone", "everyone", "everyone"],
        "denominator_unit": ["patients", "patients", "patient_months"],
    }
)


def row(
    stratifier: str, stratum: str, n: int | None, x: int | None, d: int | None, *, measure: str = "share",
    site: str = "all", period: tuple[str, dt.date, dt.date] = YEAR, second: tuple[str, str] | None = None,
) -> Row:  # fmt: skip
    return {
        "measure_id": measure, "grain": period[0], "period_starts_on": period[1], "period_ends_on": period[2],
        "site": site, "stratifier": stratifier, "stratum": stratum,
        "stratifier_2": second[0] if second else None, "stratum_2": second[1] if second else None,
        "n_patients": n, "numerator": x, "denominator": d,
    }  # fmt: skip


def tables(*rows: Row) -> Tables:
    frame = pd.DataFrame(rows).astype(dict.fromkeys(("n_patients", "numerator", "denominator"), "Int64"))
    return {
        "strata": pa.Table.from_pandas(frame, preserve_index=False),
        "measures": pa.Table.from_pandas(MEASURES, preserve_index=False),
    }


def hidden(stratifier: str, stratum: str, **where: Any) -> Row:
    return row(stratifier, stratum, None, None, None, **where)


def quarter(number: int) -> tuple[str, dt.date, dt.date]:
    start = pd.Timestamp(2025, 7, 1) + pd.DateOffset(months=3 * number)
    return "quarter", start.date(), (start + pd.DateOffset(months=3) - pd.DateOffset(days=1)).date()


SAFE = (
    row("overall", "all", 400, 120, 400),
    row("sex", "F", 190, 60, 190),
    hidden("sex", "M"),
    hidden("sex", "X"),
)
# Totals of each quarter of a year and of the year, and a grouping that nobody moves out of.
LASTING = (
    *(row("overall", "all", 400, 50, 4_800, measure="rate", period=quarter(number)) for number in range(4)),
    row("overall", "all", 400, 200, 4_800, measure="rate"),
    *(row("sex", "F", 200, 20, 2_400, measure="rate", period=quarter(number)) for number in range(4)),
    row("sex", "F", 200, 80, 2_400, measure="rate"),
)


def test_enough_hidden_beside_each_other_is_safe() -> None:
    assert audit_findings(tables(*SAFE), MIN_CELL) == []


def test_a_zero_that_is_pinned_is_nobody() -> None:
    rows = (*SAFE[:2], row("sex", "M", 210, 60, 210), hidden("sex", "X"))
    assert audit_findings(tables(*rows), MIN_CELL) == []


def test_a_zero_that_is_pinned_is_a_leak_where_zeros_are_hidden() -> None:
    """Of the ten children that the others leave, none or all have it: X has 0 of 20, F and M the rest."""
    total = (row("overall", "all", 400, 120, 400), row("sex", "F", 190, 60, 190))
    leak = tables(*total, row("sex", "M", 190, 60, 190), hidden("sex", "X"))
    assert audit_findings(leak, MIN_CELL) == []
    assert "share" in "".join(audit_findings(leak, MIN_CELL, hides_zeros=True))
    nobody = tables(*total, row("sex", "M", 210, 60, 210), hidden("sex", "X"))
    assert audit_findings(nobody, MIN_CELL, hides_zeros=True) == []
    assert audit_findings(tables(*SAFE), MIN_CELL, hides_zeros=True) == []


def test_quarters_of_groups_that_children_move_between_say_nothing_of_the_year() -> None:
    rows = [
        *LASTING,
        *(row("payer", "public", 100, 0, 1_200, measure="rate", period=quarter(number)) for number in range(4)),
        row("payer", "public", 100, 0, 1_200, measure="rate"),
        *(row("payer", "private", 100, 25, 1_200, measure="rate", period=quarter(number)) for number in range(3)),
        hidden("payer", "private", measure="rate", period=quarter(3)),
        row("payer", "private", 100, 80, 1_200, measure="rate"),
    ]
    assert audit_findings(tables(*rows), MIN_CELL) == []


LEAKS: dict[str, tuple[Row, ...]] = {
    "one group hidden beside its total": (*SAFE[:2], row("sex", "M", 203, 60, 203), hidden("sex", "X")),
    "two groups hidden that are few together": (
        SAFE[0], row("sex", "F", 390, 115, 390), hidden("sex", "M"), hidden("sex", "X"),
    ),
    "one site hidden beside all": (
        row("sex", "F", 60, 30, 60), row("sex", "F", 52, 26, 52, site="east"), hidden("sex", "F", site="west"),
    ),
    "a group of one site through the others": (
        row("overall", "all", 100, 50, 100, site="east"), row("sex", "F", 60, 30, 60, site="east"),
        row("sex", "F", 65, 33, 65), hidden("sex", "F", site="west"),
        hidden("sex", "M", site="east"), hidden("sex", "M", site="west"),
    ),
    "a crossing beside its second margin": (
        row("poverty_quintile", "q1", 100, 50, 100),
        row("race_by_poverty", "BLACK", 92, 46, 92, second=("poverty_quintile", "q1")),
        hidden("race_by_poverty", "WHITE", second=("poverty_quintile", "q1")),
    ),
    "a crossing beside its first margin": (
        row("race_omb2024_multi", "BLACK", 100, 50, 100),
        row("race_by_poverty", "BLACK", 92, 46, 92, second=("poverty_quintile", "q1")),
        hidden("race_by_poverty", "BLACK", second=("poverty_quintile", "q2")),
    ),
    "a quarter beside its year": (
        *LASTING, row("sex", "M", 150, 30, 1_800, measure="rate"),
        *(row("sex", "M", 150, 9 + number, 1_800, measure="rate", period=quarter(number)) for number in (2, 3)),
        row("sex", "M", 150, 3, 1_800, measure="rate", period=quarter(1)) | {"numerator": 5},
        hidden("sex", "M", measure="rate", period=quarter(0)),
    ),
    "a numerator that another measure's denominator gives away": (
        row("overall", "all", 400, 120, 400), row("sex", "F", 190, 60, 190), row("sex", "M", 205, 58, 205),
        hidden("sex", "X"), row("overall", "all", 400, 3_000, 400, measure="average"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_found(leak: str) -> None:
    (finding,) = audit_findings(tables(*LEAKS[leak]), MIN_CELL)
    assert "can be worked out to be small" in finding
    gone = [row for row in LEAKS[leak] if row["n_patients"] is None]
    assert any(f"{row['site']} / {row['stratifier']} / {row['stratum']}" in finding for row in gone)


def test_the_findings_name_groups_and_few_of_them() -> None:
    rows = [row("overall", "all", 400, 120, 400, site=f"s{site}") for site in range(9)]
    rows += [row("sex", "F", 395, 118, 395, site=f"s{site}") for site in range(9)]
    rows += [hidden("sex", "M", site=f"s{site}") for site in range(9)]
    (finding,) = audit_findings(tables(*rows), MIN_CELL)
    assert "s0 / sex / M" in finding and "and " in finding and "more" in finding
