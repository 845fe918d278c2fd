"""One invented registry as flat files and as OMOP tables, each through the whole job: the release is the same."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.release.store import current_release
from orchestration.settings import DEMO_AS_OF, Settings
from orchestration.settings_omop import OmopSource
from orchestration.synthetic.omop import PROBLEM_LIST, write_omop
from orchestration.synthetic.registry import generate
from tests.support.small_run import run_job, settings_for

CHILDREN, MONTHS = 1_200, 24


def without_contradicting_visits(encounters: Path) -> int:
    """Take away visits that stand twice with different diagnoses; returns how many rows.

    In OMOP a diagnosis is a row of its own, so such a visit has two diagnoses there and contradicts nothing: the one
    kind of bad row that the two forms cannot say in the same way.
    """
    aside = encounters.with_suffix(".aside")
    encounters.rename(aside)
    with duckdb.connect() as con:
        con.execute(f"create table visits as from read_parquet('{aside}')")
        con.execute("create table whole as from visits")
        con.execute(
            "delete from visits where encounter_id in "
            "(select encounter_id from whole group by all having count(distinct coalesce(primary_dx, '')) > 1)"
        )
        con.execute(f"copy visits to '{encounters}' (format parquet)")
        removed = con.execute("select (select count(*) from whole) - (select count(*) from visits)").fetchone()
    aside.unlink()
    assert removed is not None
    return int(removed[0])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Settings]:
    folder = tmp_path_factory.mktemp("both")
    generate(folder / "flat", patients=CHILDREN, as_of=DEMO_AS_OF, months=MONTHS)
    assert without_contradicting_visits(folder / "flat/encounters.parquet") > 0
    write_omop(folder / "flat", folder / "omop", file_format="csv", as_of=DEMO_AS_OF)
    flat = settings_for(folder / "flat", folder / "var_flat")
    own = OmopSource(name="registry", path=folder / "omop", condition_types=(PROBLEM_LIST,))
    omop = flat.model_copy(update={"data_dir": folder / "var_omop", "sources": (own, *flat.sources[1:])})
    for settings in (flat, omop):
        run_job(settings)
    return flat, omop


def tables(settings: Settings) -> dict[str, pd.DataFrame]:
    release = current_release(settings)
    assert release is not None
    return {
        path.stem: pd.read_parquet(path).drop(columns="release_id")
        for path in sorted((release / "tables").glob("*.parquet"))
    }


def test_the_release_tables_are_the_same(both: tuple[Settings, Settings]) -> None:
    flat, omop = (tables(settings) for settings in both)
    assert list(flat) == list(omop) and {"strata", "gaps", "quality", "held", "measures"} <= set(flat)
    for name, table in flat.items():
        pd.testing.assert_frame_equal(omop[name], table, obj=name, check_exact=True)
    strata = flat["strata"].query("disclosure_status == 'published' and numerator > 10")
    assert {"clinic_visits", "ed_visits", "hba1c_mean", "bed_days"} <= set(strata["measure_id"])
    assert {"race_omb2024_aoic", "language", "payer", "poverty_quintile", "sex"} <= set(strata["stratifier"])


def test_rows_of_the_same_kinds_are_set_aside(both: tuple[Settings, Settings]) -> None:
    """But for what OMOP has no column for: days of recording, all but the latest language.

    And race is a column of `person`, so that a person who is set aside takes an answer along.
    """
    by_reason = []
    for settings in both:
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
            rows = con.execute("select table_name, reason, count(*) from quarantine group by all").fetchall()
        by_reason.append({(table, reason): count for table, reason, count in rows})
    flat, omop = by_reason
    apart = {
        ("race_ethnicity", "patient_id is not in the registry"),
        ("languages", "patient_id is not in the registry"),
        ("languages", "recorded_on is in the future"),
        ("race_ethnicity", "recorded_on is before birth"),
    }
    assert {key: n for key, n in flat.items() if key not in apart} == {
        key: n for key, n in omop.items() if key not in apart
    }
    assert apart <= set(flat) and len(omop) > 15


def test_what_still_goes_on_ends_on_the_last_day_of_the_data(both: tuple[Settings, Settings]) -> None:
    as_of: dt.date = DEMO_AS_OF
    with duckdb.connect() as con:
        folder = both[1].sources[0].path
        found = con.execute(
            f"select max(observation_period_end_date) from '{folder}/observation_period.csv' "
            f"where observation_period_start_date <= '{as_of}'"
        ).fetchone()
    assert found == (as_of,)
