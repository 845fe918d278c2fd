"""Disclosure control on a real run's counts: what the attacker gets with small counts hidden only, and in the end."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from orchestration.defs.analyse import MEMBERS
from orchestration.disclosure.links import System, linked_cells
from orchestration.disclosure.primary import protect
from orchestration.disclosure.suppression import suppress
from orchestration.release.audit import audit_findings
from orchestration.release.tables import Tables
from orchestration.settings import Settings

MIN_CELL = 11


@pytest.fixture(scope="module")
def counts(published: Settings) -> dict[str, pd.DataFrame]:
    """The counts of a small run and what is needed to protect them."""
    names = {"strata": "fct_measure_stratum", "measures": "dim_measure", "stratifiers": "dim_stratifier"}
    with duckdb.connect(str(published.warehouse_path), read_only=True) as con:
        frames = {name: con.execute(f"from {table}").df() for name, table in names.items()}
        return {**frames, "periods": con.execute("from dim_period").df(), "members": con.execute(MEMBERS).df()}


@pytest.fixture(scope="module")
def system(counts: dict[str, pd.DataFrame]) -> System:
    return linked_cells(**counts)


def as_released(counts: dict[str, pd.DataFrame], protected: pd.DataFrame) -> Tables:
    ends = counts["periods"][["grain", "period_starts_on", "period_ends_on"]]
    strata = protected.merge(ends, on=["grain", "period_starts_on"])
    columns = ["measure_id", "grain", "period_starts_on", "period_ends_on", "site", "stratifier", "stratum"]
    columns += ["stratifier_2", "stratum_2", "n_patients", "numerator", "denominator"]
    return {
        "strata": pa.Table.from_pandas(strata[columns], preserve_index=False),
        "measures": pa.Table.from_pandas(counts["measures"], preserve_index=False),
    }


def test_small_counts_hidden_alone_are_worked_out(counts: dict[str, pd.DataFrame]) -> None:
    protected = protect(counts["strata"], counts["measures"], MIN_CELL)
    assert "can be worked out" in "".join(audit_findings(as_released(counts, protected), MIN_CELL))


def test_nothing_is_worked_out_of_what_is_published(counts: dict[str, pd.DataFrame]) -> None:
    protected = suppress(**counts, min_cell=MIN_CELL)
    assert audit_findings(as_released(counts, protected), MIN_CELL) == []
    alone = protect(counts["strata"], counts["measures"], MIN_CELL)["disclosure_status"]
    assert (protected["disclosure_status"].eq("suppressed") >= alone.eq("suppressed")).all()
    hidden = protected["disclosure_status"].eq("suppressed")
    assert protected.loc[hidden, ["n_patients", "numerator", "denominator", "sum_yy"]].isna().all(axis=None)
    shown = ["n_patients", "numerator", "denominator"]
    assert (protected.loc[~hidden, shown] == counts["strata"].loc[~hidden, shown]).all(axis=None)


def test_zeros_are_not_worked_out_either_where_they_are_hidden(counts: dict[str, pd.DataFrame]) -> None:
    strata, measures = counts["strata"], counts["measures"]
    shown = suppress(**counts, min_cell=MIN_CELL)
    assert audit_findings(as_released(counts, shown), MIN_CELL, hides_zeros=True) != []
    protected = suppress(**counts, min_cell=MIN_CELL, hides_zeros=True)
    assert audit_findings(as_released(counts, protected), MIN_CELL, hides_zeros=True) == []
    hidden = protected["disclosure_status"].eq("suppressed")
    assert hidden.sum() > shown["disclosure_status"].eq("suppressed").sum()
    kind = strata["measure_id"].map(measures.set_index("measure_id")["kind"])
    assert not ((strata["numerator"] == 0) & (strata["denominator"] > 0) & (kind != "mean") & ~hidden).any()


def test_every_equation_holds_and_every_row_is_in_the_system(system: System, counts: dict[str, pd.DataFrame]) -> None:
    assert abs(system.equations @ system.value).max() == 0
    assert (system.value >= 0).all()
    assert set(system.row_of) == set(range(len(counts["strata"])))
    assert np.diff(system.equations.indptr).min() >= 1


@pytest.mark.parametrize(
    ("stratifier", "site"),
    [("sex", "all"), ("race_by_poverty", "all"), ("race_omb2024_aoic", "all"), ("sex", "site_a")],
)
def test_a_group_of_any_kind_stands_in_sums(
    stratifier: str, site: str, system: System, counts: dict[str, pd.DataFrame]
) -> None:
    """No group can be shown without the equations knowing it; a stratifier of another name is found in the same way."""
    strata = counts["strata"]
    rows = np.flatnonzero(strata["stratifier"].eq(stratifier) & strata["site"].eq(site) & strata["grain"].eq("year"))
    unknowns = system.unknown_of[np.isin(system.row_of, rows)]
    assert system.is_in_sums[unknowns].all()


def test_groups_that_a_team_follows_are_hidden_last(counts: dict[str, pd.DataFrame]) -> None:
    wanted = pd.DataFrame({"measure_id": ["hba1c_mean"], "stratifier": ["poverty_quintile"], "stratum": ["q1"]})

    def shown(frame: pd.DataFrame) -> int:
        rows = frame["measure_id"].eq("hba1c_mean") & frame["stratum"].eq("q1") & frame["stratum_2"].eq("")
        return int((rows & frame["disclosure_status"].eq("published")).sum())

    usual, followed = (suppress(**counts, min_cell=MIN_CELL, wanted=groups) for groups in (None, wanted))
    assert shown(followed) >= shown(usual)


def test_what_the_release_before_hid_stays_hidden_and_what_it_showed_is_not_relied_on(
    counts: dict[str, pd.DataFrame],
) -> None:
    strata = counts["strata"]
    plain = suppress(**counts, min_cell=MIN_CELL)["disclosure_status"]
    # The release before, as it is read: NULL for an empty text, and days in another type.
    before = strata.assign(disclosure_status=plain, stratifier_2=strata["stratifier_2"].replace("", None))
    again = suppress(**counts, min_cell=MIN_CELL, before=before)["disclosure_status"]
    assert again.equals(plain)
    shown = np.flatnonzero(plain.eq("published") & strata["n_patients"].gt(50))[::7]
    assert shown.size
    other = plain.copy()
    other.iloc[shown] = "suppressed"
    other.iloc[::2] = "not_assessed"
    followed = suppress(**counts, min_cell=MIN_CELL, before=before.assign(disclosure_status=other))
    assert followed.loc[other.eq("suppressed"), "disclosure_status"].eq("suppressed").all()
    assert audit_findings(as_released(counts, followed), MIN_CELL) == []
