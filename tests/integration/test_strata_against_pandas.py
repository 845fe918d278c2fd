"""What SQL counts equals a recount in plain Python and pandas: child by child, row by row, cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from tests.support import tiny_warehouse
from tests.support.recount_measures import KEYS, RATES, STATES, SUMS, recount_measures
from tests.support.recount_people import Child, recount_people
from tests.support.recount_rows import Recount, recount_rows
from tests.support.small_registry import RUN, small_registry

Registry = dict[str, list[tiny_warehouse.Row]]
EXCLUSIVE = [
    *("race_omb2024_multi", "race_omb2024_freq", "race_omb1997_hispanic_first", "language", "sex", "age_band"),
    *("payer", "poverty_quintile", "deprivation_quintile"),
]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return small_registry(n_patients=400, seed=7)


@pytest.fixture(scope="module")
def warehouse(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recount")
    path = folder / "warehouse.duckdb"
    tiny_warehouse.write(path, RUN, {"clinic": registry})
    tiny_warehouse.build(path, folder / "target")
    return path


@pytest.fixture(scope="module")
def rows(registry: Registry) -> Recount:
    return recount_rows(registry, RUN)


@pytest.fixture(scope="module")
def children(rows: Recount) -> list[Child]:
    return recount_people(rows, RUN)


@pytest.fixture(scope="module")
def expected(children: list[Child], rows: Recount) -> pd.DataFrame:
    return recount_measures(children, rows, RUN)


def query(path: Path, sql: str) -> pd.DataFrame:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql).df()


def strata(path: Path) -> pd.DataFrame:
    found = query(path, f"select {', '.join(KEYS + SUMS)} from fct_measure_stratum")
    return found.assign(period_starts_on=pd.to_datetime(found["period_starts_on"]).dt.date)


def differences(left: pd.DataFrame, right: pd.DataFrame, keys: list[str]) -> list[dict[Any, Any]]:
    """Rows in which the sums differ; a group that nobody was in may be absent from either side, or there with zeros."""
    both = left.merge(right, on=keys, how="outer", suffixes=("_left", "_right"))
    both = both.fillna({f"{name}_{side}": 0 for name in SUMS for side in ("left", "right")})
    differs = pd.concat([both[f"{name}_left"] != both[f"{name}_right"] for name in SUMS], axis=1).any(axis=1)
    found: list[dict[Any, Any]] = both[differs].head(20).to_dict("records")
    return found


def test_the_same_rows_are_set_aside_for_the_same_reasons(warehouse: Path, rows: Recount) -> None:
    found = query(warehouse, "select table_name, source_row, reason from quarantine")
    keys = list(zip(found["table_name"], found["source_row"], strict=True))
    set_aside = dict(zip(keys, found["reason"], strict=True))
    assert len(set_aside) == len(keys), "a row is set aside once, with one reason"
    assert set_aside.keys() ^ rows.reasons.keys() == set()
    wrong = {key: (reason, rows.reasons[key]) for key, reason in set_aside.items() if reason not in rows.reasons[key]}
    assert wrong == {}


def test_every_stratum_of_every_measure_holds_the_same_sums(warehouse: Path, expected: pd.DataFrame) -> None:
    counted = strata(warehouse)
    assert not counted.duplicated(KEYS).any()
    assert differences(expected, counted, KEYS) == []


def test_the_registry_reaches_every_measure_and_stratum(warehouse: Path, expected: pd.DataFrame) -> None:
    """What is compared is worth comparing: no measure is empty, and every way of missing a stratum occurs."""
    assert (expected.groupby("measure_id")["numerator"].sum() > 0).sum() == len(STATES) + len(RATES)
    assert set(query(warehouse, "select measure_id from dim_measure")["measure_id"]) == set(STATES) | set(RATES)
    missing = {"declined", "asked_unknown", "unmapped", "not_asked", "conflict", "not_recorded", "no_address"}
    missing |= {"tract_not_in_area_file", "area_value_missing"}
    assert missing | {"HISP+WHITE", "MULTI", "MENA", "OTHER", "q1", "q5", "age_18_20"} <= set(expected["stratum"])


@pytest.mark.parametrize("stratifier", EXCLUSIVE)
def test_yearly_cells_add_up_to_the_strata(warehouse: Path, stratifier: str) -> None:
    sums = ["n_patients", "sum_y", "sum_d", "sum_yy", "sum_yd", "sum_dd"]
    names = ", ".join(f"sum({name}) as {wanted}" for name, wanted in zip(sums, SUMS, strict=True))
    cells = query(
        warehouse,
        f"select measure_id, grain, period_starts_on, site, {stratifier} as stratum, {names}"
        " from fct_measure_cell inner join dim_cell using (cell_key) group by all",
    )
    counted = strata(warehouse).query("grain == 'year' and site != 'all' and stratifier == @stratifier")
    keys = ["measure_id", "grain", "period_starts_on", "site", "stratum"]
    cells = cells.assign(period_starts_on=pd.to_datetime(cells["period_starts_on"]).dt.date)
    assert len(cells) > 0
    assert differences(counted[keys + SUMS], cells, keys) == []


def test_children_s_spans_cover_exactly_their_months(warehouse: Path, children: list[Child]) -> None:
    spans = query(
        warehouse,
        "select patient_id, population, payer, age_band, site, deprivation_quintile,"
        " cast(unnest(range(starts_on, ends_on + 1, interval 1 month)) as date) as month_starts_on"
        " from fct_patient_span inner join dim_cell using (cell_key)",
    )
    found = [
        (patient.removeprefix("clinic:"), *rest, month.date().replace(day=1))
        for patient, *rest, month in spans.itertuples(index=False)
    ]
    wanted = [
        (
            child.patient_id,
            population,
            at["payer"],
            at["age_band"],
            child.site,
            at["deprivation_quintile"],
            day.replace(day=1),
        )
        for child in children
        for population, days in child.months.items()
        for day in days
        for at in [child.at_month[day]]
    ]
    assert sorted(found) == sorted(wanted)
