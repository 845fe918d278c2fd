"""What the default profile says about one site's race and ethnicity records in one quarter, as a table.

Each row spoils one metric of otherwise sound data and states what every measure by race at that site then is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pytest

from orchestration.quality.gate import run_gate
from orchestration.settings import Settings
from tests.unit.quality import gate_warehouse


@dataclass(frozen=True)
class Case:
    metric: str
    value: float | None
    n: int
    verdict: str
    reason: str


# The slices that the spoiled metric belongs to.
SPOILED = "grain = 'quarter' and period_starts_on = date '2025-04-01' and starts_with(stratifier, 'race')"

# Of 50 children, 85 % leave 8 without an answer: a count so small is not said, so neither is the share.
CASES = (
    Case("completeness", 0.95, 400, "publish", ""),
    Case("completeness", 0.90, 400, "publish", ""),
    Case(
        "completeness",
        0.8975,
        400,
        "warn",
        "Race and ethnicity are recorded for 89.8 % of children at Site A; at least 90 % is wanted",
    ),
    Case(
        "completeness",
        0.80,
        400,
        "warn",
        "Race and ethnicity are recorded for 80 % of children at Site A; at least 90 % is wanted",
    ),
    Case(
        "completeness",
        0.74,
        400,
        "hold",
        "Race and ethnicity are recorded for 74 % of children at Site A; at least 80 % is needed",
    ),
    Case(
        "completeness",
        0.85,
        50,
        "warn",
        "Race and ethnicity are recorded for less than 90 % of children at Site A; at least 90 % is wanted",
    ),
    Case(
        "completeness",
        0.20,
        29,
        "warn",
        "Too few children at Site A to judge how race and ethnicity are recorded (at least 30 are needed)",
    ),
    Case("completeness", None, 400, "hold", "It was not measured how race and ethnicity are recorded at Site A"),
    Case("missing_unmapped", 0.0, 400, "publish", ""),
    Case("missing_unmapped", 0.01, 400, "publish", ""),
    Case(
        "missing_unmapped",
        0.04,
        400,
        "warn",
        "Race and ethnicity codes are not recognized for 4 % of the children at Site A; the limit is 1 %",
    ),
    Case(
        "missing_unmapped",
        0.02,
        400,
        "warn",
        "Race and ethnicity codes are not recognized for more than 1 % of the children at Site A; the limit is 1 %",
    ),
    Case(
        "missing_unmapped",
        0.10,
        400,
        "hold",
        "Race and ethnicity codes are not recognized for 10 % of the children at Site A; the limit is 5 %",
    ),
    Case(
        "other_share",
        0.25,
        400,
        "hold",
        "Race and ethnicity are recorded only as “Other” for 25 % of children at Site A; the limit is 20 %",
    ),
    Case(
        "conflict_share",
        0.50,
        400,
        "warn",
        "Sources disagree on race and ethnicity for 50 % of children at Site A; the limit is 5 %",
    ),
    Case("psi", 0.20, 400, "publish", ""),
    Case("psi", 0.90, 99, "publish", ""),
    Case(
        "psi",
        0.41,
        400,
        "hold",
        "The recorded mix of race and ethnicity at Site A changed sharply since the period before "
        "(stability index 0.41; the limit is 0.4)",
    ),
    Case("census_categories_off", 1, 400, "publish", ""),
    Case(
        "census_categories_off",
        3,
        400,
        "warn",
        "3 race and ethnicity categories at Site A differ from the catchment's children by more than 10 percentage "
        "points; the limit is 1",
    ),
    Case("modal_capture_share", 1.0, 400, "publish", ""),
)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """One site per case, judged at once: site 0 of the first case has only that metric spoiled, and so on."""
    with gate_warehouse.build(tmp_path_factory.mktemp("spec") / "warehouse.duckdb") as con:
        for position in range(len(CASES)):
            gate_warehouse.add_site(con, f"site_{position}", like="a", label="Site A")
        for position, case in enumerate(CASES):
            gate_warehouse.set_metric(con, case.value, metric=case.metric, n=case.n, site=f"site_{position}")
        run_gate(con, Settings(), "r1")
        yield con


@pytest.mark.parametrize(
    "position", range(len(CASES)), ids=[f"{case.metric} {case.value} of {case.n}" for case in CASES]
)
def test_what_a_metric_means_for_measures_by_race(position: int, verdicts: duckdb.DuckDBPyConnection) -> None:
    case = CASES[position]

    found = verdicts.execute(
        f"""
        select distinct verdict, reasons from publish.gate_verdict
        where site = 'site_{position}' and {SPOILED}
        """
    ).fetchall()

    assert found == [(case.verdict, case.reason)]


def test_no_other_slice_is_touched(verdicts: duckdb.DuckDBPyConnection) -> None:
    others = f"select count(*) from publish.gate_verdict where verdict <> 'publish' and not ({SPOILED})"

    assert verdicts.execute(others).fetchall() == [(0,)]
