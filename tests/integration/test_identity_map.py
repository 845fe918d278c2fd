"""Several EHR sources at once: who is one person is what the identity map says, and nobody else is."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.errors import SettingsError, SourceError
from orchestration.release.store import current_release
from orchestration.settings import (
    DEMO_AS_OF,
    IdentityMapSource,
    RegistryFilesSource,
    Settings,
    load_settings,
)
from orchestration.sources.warehouse import prepare
from orchestration.synthetic.registry import generate
from tests.support.small_run import MONTHS, run_job, settings_for
from tests.support.source_files import AS_OF, pull_all
from tests.support.tiny_warehouse import build

CHILDREN = 400
# Tables whose every second row is in the other system's extract.
SHARED_OUT = ("encounters", "observations", "conditions", "coverage", "addresses")


def split(flat: Path, first: Path, second: Path, identities: Path) -> None:
    """The registry as two systems have it: every child in both, its records here and there, under other numbers."""
    for folder in (first, second):
        folder.mkdir()
    with duckdb.connect() as con:
        for path in sorted(flat.glob("*.parquet")):
            con.execute(
                f"create or replace view rows as select *, row_number() over () as n from read_parquet('{path}')"
            )
            halves = {first: "true", second: "true" if path.stem == "patients" else "false"}
            if path.stem in SHARED_OUT:
                halves = {first: "n % 2 = 0", second: "n % 2 = 1"}
            for folder, condition in halves.items():
                number = "'S' || patient_id" if folder == second else "patient_id"
                con.execute(
                    f"copy (select * exclude (n) replace ({number} as patient_id) from rows where {condition}"
                    f" order by n) to '{folder / path.name}' (format parquet)"
                )
        con.execute(
            "copy (select system as source_name, prefix || patient_id as patient_id,"
            " 'person ' || patient_id as person_id"
            f" from '{flat}/patients.parquet'"
            " cross join (values ('registry', ''), ('second', 'S')) as systems (system, prefix)"
            f" order by 1, 2) to '{identities}' (format csv, header)"
        )


@pytest.fixture(scope="module")
def whole_and_split(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Settings]:
    folder = tmp_path_factory.mktemp("identities")
    generate(folder / "flat", patients=CHILDREN, as_of=DEMO_AS_OF, months=MONTHS, faults=False)
    split(folder / "flat", folder / "first", folder / "second", folder / "identities.csv")
    whole = settings_for(folder / "flat", folder / "var_whole")
    sources = (
        RegistryFilesSource(name="registry", path=folder / "first"),
        RegistryFilesSource(name="second", path=folder / "second"),
        IdentityMapSource(path=folder / "identities.csv"),
        *whole.sources[1:],
    )
    parts = whole.model_copy(update={"data_dir": folder / "var_parts", "sources": sources})
    for settings in (whole, parts):
        run_job(settings)
    return whole, parts


def test_a_registry_in_two_systems_gives_the_same_release_once_its_records_are_linked(
    whole_and_split: tuple[Settings, Settings],
) -> None:
    """But for the completeness of birth dates, which is counted over records: there are twice as many."""
    whole, parts = (current_release(settings) for settings in whole_and_split)
    assert whole is not None and parts is not None
    for path in sorted((whole / "tables").glob("*.parquet")):
        expected, found = (
            pd.read_parquet(each).drop(columns="release_id") for each in (path, parts / "tables" / path.name)
        )
        if path.stem == "quality":
            own = expected["field"] == "birth_date"
            shown = expected.loc[own, "n"].notna()
            assert shown.any() and (found.loc[own, "n"][shown] == 2 * expected.loc[own, "n"][shown]).all()
            expected, found = expected[~own], found[~own]
        pd.testing.assert_frame_equal(found, expected, obj=path.stem, check_exact=True)


def test_every_record_and_every_row_of_the_map_is_accounted_for(whole_and_split: tuple[Settings, Settings]) -> None:
    with duckdb.connect(str(whole_and_split[1].warehouse_path), read_only=True) as con:
        rows = con.execute(
            "select source_name, table_name, rows_in, rows_used from fct_conservation "
            "where table_name in ('patients', 'identity_map') order by all"
        ).fetchall()
        assert con.execute("select count(*) from int_patient").fetchone() == (CHILDREN,)
    assert rows == [
        ("identities", "identity_map", 2 * CHILDREN, 2 * CHILDREN),
        ("registry", "patients", CHILDREN, CHILDREN),
        ("second", "patients", CHILDREN, CHILDREN),
    ]


PATIENTS = {
    "a": "1,2012-05-01,F\n2,2012-05-01,F\n3,2012-05-01,F\n4,2012-05-01,F\n007,2012-05-01,F\n",
    "b": "1,2012-05-01,F\n2,2012-05-02,F\n3,2012-05-01,F\n4,2012-05-01,F\n7,2012-05-01,F\n",
}
RACE = {
    "a": "1,ehr,black,self\n3,ehr,black,self\n3,ehr,white,self\n4,ehr,asian,unknown\n",
    "b": "1,ehr,white,proxy\n3,ehr,white,self\n4,ehr,declined,self\n",
}
MAP = "source_name,patient_id,person_id\na,1,x1\nb,1,x1\na,2,x2\nb,2,x2\na,3,x3\nb,3,x3\na,4,x4\nb,4,x4\na,007,x7\n"


def two_systems(folder: Path, identities: str | None) -> Settings:
    sources: list[RegistryFilesSource | IdentityMapSource] = []
    for name in PATIENTS:
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "patients.csv").write_text(f"patient_id,birth_date,sex\n{PATIENTS[name]}")
        (folder / name / "race_ethnicity.csv").write_text(
            f"patient_id,source_system,value,capture_method\n{RACE[name]}"
        )
        sources.append(RegistryFilesSource(name=name, path=folder / name))
    if identities is not None:
        (folder / "identities.csv").write_text(identities)
        sources.append(IdentityMapSource(path=folder / "identities.csv"))
    return Settings(data_dir=folder / "var", as_of=AS_OF, sources=tuple(sources))


def built(settings: Settings, folder: Path) -> duckdb.DuckDBPyConnection:
    pull_all(settings)
    prepare(settings, "run-1", "tests")
    build(settings.warehouse_path, folder / "target")
    return duckdb.connect(str(settings.warehouse_path), read_only=True)


def test_without_a_map_the_same_number_in_two_systems_is_two_people(tmp_path: Path) -> None:
    with built(two_systems(tmp_path, None), tmp_path) as con:
        people = con.execute("select source_name, patient_id, race_code from int_patient order by 1, 2").fetchall()
    assert [(source, number) for source, number, _ in people] == [
        (source, number) for source in "ab" for number in sorted(("1", "2", "3", "4", "007" if source == "a" else "7"))
    ]
    assert not any(race == 260 for _, _, race in people)


def test_linked_records_that_disagree_are_a_conflict_or_set_aside(tmp_path: Path) -> None:
    unusable = "b,99,x9\na,1,x1\nb,,x1\nnowhere,1,x1\nb,007,x8\n"
    with built(two_systems(tmp_path, MAP + unusable), tmp_path) as con:
        people = dict(con.execute("select patient_id, race_code from int_patient").fetchall())
        aside = con.execute(
            "select table_name, source_name, source_row, reason from quarantine order by all"
        ).fetchall()
    black, white, asian, conflict, not_asked = 4, 128, 2, 260, 256
    assert people == {
        "x1": conflict,  # one family, two systems, two races: nobody decides by who wrote last
        "x3": black | white,  # one system knows more than the other, and nothing is contradicted
        "x4": asian,  # an answer outranks that there was none elsewhere
        "x7": not_asked,
        "7": not_asked,  # 007 in one system is not 7 in the other
    }
    nobody = "no source has a patient of that source_name and patient_id"
    assert aside == [
        ("identity_map", "identities", 10, nobody),
        ("identity_map", "identities", 11, "record_source and patient_id repeats an earlier row"),
        ("identity_map", "identities", 12, "patient_id is missing"),
        ("identity_map", "identities", 13, nobody),
        ("identity_map", "identities", 14, nobody),
        ("patients", "a", 2, "birth_date differs between linked records"),
        ("patients", "b", 2, "birth_date differs between linked records"),
    ]


def test_a_map_that_gives_a_record_to_two_people_stops_the_pull(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="gives a record to one person") as failed:
        pull_all(two_systems(tmp_path, MAP + "a,1,x5\na, 1 ,x6\n"))
    assert "1 record(s)" in str(failed.value) and "x5" not in str(failed.value)


def test_a_map_without_its_columns_says_which(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has the column person_id"):
        pull_all(two_systems(tmp_path, "source_name,patient_id,person\na,1,x1\n"))


def test_one_map_at_most(tmp_path: Path) -> None:
    one = '[[sources]]\ntype = "identity_map"\nname = "{}"\npath = "map.csv"\n'
    (tmp_path / "equity.toml").write_text(one.format("first") + one.format("second"))
    with pytest.raises(SettingsError, match="one identity map at most"):
        load_settings(tmp_path / "equity.toml")
