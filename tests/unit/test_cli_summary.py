"""The last lines of `equity run`: suppressed is not zero, and a slice stands under each reason that it is held for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from rich.console import Console
from rich.table import Table

from orchestration.cli import summary
from orchestration.release.report_data import held_groups, held_reasons
from orchestration.settings import Disclosure, Settings

YEAR = dt.date(2025, 1, 1)


def unmapped(*values: tuple[str, dt.date, float | None]) -> str:
    rows = [
        {"field": field, "metric": "missing_unmapped", "site": "all", "grain": "year"}
        | {"period_starts_on": day, "value": value}
        for field, day, value in values
    ]
    return summary._unmapped(pa.Table.from_pylist(rows, schema=_QUALITY), 11, Path("quarantine"))


_QUALITY = pa.schema(
    [(name, pa.string()) for name in ("field", "metric", "site", "grain")]
    + [("period_starts_on", pa.date32()), ("value", pa.float64())]
)


def test_only_zeros_are_known_codes() -> None:
    assert unmapped() == unmapped(("payer", YEAR, 0.0)) == "Not mapped  every code is known"


def test_a_suppressed_share_of_unknown_codes_is_said() -> None:
    line = unmapped(("race_ethnicity", YEAR, None), ("payer", YEAR, 0.125))
    assert "race and ethnicity: " in line
    assert "fewer than 11 children" in line
    assert "insurance: 12.5% of children" in line
    assert "every code is known" not in line
    assert "unmapped_codes.csv" in line


def test_the_latest_year_counts_also_when_it_is_suppressed() -> None:
    assert "suppressed" in unmapped(("payer", dt.date(2024, 1, 1), 0.125), ("payer", YEAR, None))
    assert "12.5%" not in unmapped(("payer", dt.date(2024, 1, 1), 0.125), ("payer", YEAR, None))


def held(*rows: tuple[str, str, str]) -> pa.Table:
    """Measure, grouping and reasons of one slice each."""
    return pa.Table.from_pylist(
        [
            {"measure_id": measure, "measure_title": measure, "site": "a", "site_label": "North", "grain": "year"}
            | {"stratifier": by, "stratifier_label": by, "reasons": reasons}
            | {"period_starts_on": YEAR, "period_ends_on": dt.date(2025, 12, 31)}
            for measure, by, reasons in rows
        ]
    )


HBA1C, VISITS, PAYER = "HbA1c is known for 30 %", "Encounters were recorded in 0 %", "Insurance is recorded for 5 %"
HELD = held(
    ("hba1c_mean", "Everyone", HBA1C),
    ("hba1c_mean", "Insurance", f"{HBA1C}; {PAYER}"),
    ("ed_visits", "Everyone", VISITS),
    ("ed_visits", "Insurance", f"{VISITS}; {PAYER}"),
    ("bed_days", "Everyone", VISITS.replace("0", "50")),
)


def test_a_slice_counts_under_each_of_its_reasons_and_no_other() -> None:
    found = {entry["reason"]: (entry["n"], entry["groupings"]) for entry in held_reasons(HELD)}
    assert found == {
        "Encounters were recorded in 0 to 50 %": (3, ["Everyone", "Insurance"]),
        HBA1C: (2, ["Everyone", "Insurance"]),
        PAYER: (2, ["Insurance"]),
    }


def test_the_table_counts_slices_once_in_its_title() -> None:
    table = summary._held_table(HELD)
    assert isinstance(table, Table)
    assert str(table.title).startswith("Held: 5 slices")
    console = Console(width=200, record=True)
    console.print(table)
    lines = console.export_text().splitlines()
    assert next(line.split()[0] for line in lines if "HbA1c is known" in line) == "2"


def test_the_reports_groups_give_every_reason_of_their_slices() -> None:
    groups = {tuple(group["groupings"]): group for group in held_groups(HELD)}
    assert groups["Everyone",]["reasons"] == [HBA1C, "Encounters were recorded in 0 to 50 %"]
    assert groups["Insurance",]["reasons"] == [HBA1C, PAYER, VISITS]


def test_nothing_held_is_a_line() -> None:
    assert str(summary._held_table(HELD.slice(0, 0))) == "Held        nothing"


@pytest.mark.parametrize(("counts", "said"), [({"not_assessed": 8_400}, True), ({"published": 8_400}, False)])
def test_gaps_that_were_not_assessed_are_said(counts: dict[str, int], said: bool) -> None:
    manifest: dict[str, Any] = {"suppression": {"gaps": counts}}
    line = summary._suppressed(manifest, Settings())
    assert line.startswith("Suppressed  0 of 8,400 gaps")
    assert ("8,400 rows not assessed" in line and "reference group" in line) is said


@pytest.mark.parametrize("zeros", ["show", "suppress"])
def test_what_is_suppressed_says_by_which_rule(zeros: str) -> None:
    settings = Settings(disclosure=Disclosure(zeros=zeros))
    line = summary._suppressed({"suppression": {"strata": {"suppressed": 2, "published": 3}}}, settings)
    assert line.startswith("Suppressed  2 of 5 strata: a count from 1 to 10")
    assert ("nobody or everybody" in line) == (zeros == "suppress")
