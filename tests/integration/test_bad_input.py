"""Every kind of bad input through the whole command: set aside with its reason, or an error that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import DEMO_AS_OF, Settings
from orchestration.synthetic.registry import generate
from tests.integration.test_run import write_toml
from tests.support.small_run import MONTHS, Ended, run_job, settings_for

# Rows added to the files, in the columns' order, and why each cannot be used. `{p}` is a child of the registry.
ROWS = {
    "patients": [
        ("TWICE,2012-01-01,F,,,,", "patient_id stands on several rows that differ"),
        ("TWICE,2013-01-01,F,,,,", "patient_id stands on several rows that differ"),
        ("NODATE,first of May,F,,,,", "birth_date is not a date"),
        ("NOBODY,0001-01-01,F,,,,", "birth_date is before 1900"),
        ("FUTURE,2031-01-01,F,,,,", "birth_date is in the future"),
        ("RESERVED,2012-01-01,F,all,,,", "site_id is a reserved word (all, not_recorded)"),
    ],
    "encounters": [
        ("BAD1,{p},teleport,,2025-01-01,,", "encounter_class is not a known class"),
        ("BAD2,{p},ED,,1980-01-01,,", "starts_on is before birth"),
        ("BAD3,{p},ED,,2030-01-01,,", "starts_on is in the future"),
        ("BAD4,TWICE,ED,,2025-01-01,,", "patient_id has no patient row that is used"),
        ("BAD5,{p},ED,,2025-02-30,,", "starts_on is not a date"),
    ],
    "observations": [
        ("BAD1,{p},4548-4,2025-01-01,0,%,", "HbA1c is outside 3 to 20 %"),
        ("BAD2,{p},4548-4,2025-01-01,65,%,", "HbA1c is outside 3 to 20 %"),
        ("BAD3,{p},4548-4,2025-01-01,400,%,", "HbA1c is outside 3 to 20 %"),
        ("BAD4,{p},4548-4,1980-01-01,7,%,", "observed_on is before birth"),
        ("BAD5,{p},4548-4,2030-01-01,7,%,", "observed_on is in the future"),
        ("BAD6,{p},4548-4,2025-01-01,high,%,", "HbA1c value is not a number"),
        ("BAD8,{p},4548-4,2025-01-01,>14,%,", "HbA1c value is a limit, not a number; map it in a mapping file"),
        ('BAD9,{p},4548-4,2025-01-01,"7,4",%,', "HbA1c value is not a number"),
        ("BAD7,{p},4548-4,2025-01-01,7,mg/dL,", "HbA1c unit is neither % nor mmol/mol"),
    ],
    "addresses": [
        ("{p},9900100010,2020,2025-01-01,", "tract_geoid does not have 11 digits"),
        ("{p},99001000100,2000,2025-01-01,", "tract_vintage is neither 2010 nor 2020"),
    ],
}
USED = "GOOD,{p},59261-8,2026-06-01,65,mmol/mol,"  # 65 mmol/mol is 8.1 %
COLUMNS = {
    "patients": "patient_id,birth_date,sex,site_id,enrolled_on,left_on,death_date",
    "encounters": "encounter_id,patient_id,encounter_class,service,starts_on,ends_on,primary_dx",
    "observations": "observation_id,patient_id,code,observed_on,value,unit,resulted_on",
    "addresses": "patient_id,tract_geoid,tract_vintage,starts_on,ends_on",
}


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A whole run on 250 invented children and one more file per table with the rows above."""
    folder = tmp_path_factory.mktemp("spoiled")
    registry = folder / "registry"
    generate(registry, patients=250, as_of=DEMO_AS_OF, months=MONTHS, file_format="csv", faults=False)
    patients = f"read_csv('{registry}/patients*.csv', header = true, all_varchar = true)"
    child = duckdb.execute(f"select min(patient_id) from {patients}").fetchall()[0][0]
    for table, rows in ROWS.items():
        lines = [COLUMNS[table], *(row.format(p=child) for row, _ in rows)]
        lines += [USED.format(p=child)] if table == "observations" else []
        (registry / f"{table}_bad.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    # A quotation mark that is never closed, and bytes that are not UTF-8, in a file of their own each.
    (registry / "languages_cut.csv").write_text(f'patient_id,language,recorded_on\n{child},"e', encoding="utf-8")
    (registry / "languages_latin.csv").write_bytes(
        b"patient_id,language,recorded_on\n" + child.encode() + b",fran\xe7ais,2025-01-01\n"
    )
    settings = settings_for(registry, folder / "var")
    run_job(settings)
    yield settings


def test_each_bad_row_is_set_aside_with_its_reason_and_line(spoiled: Settings) -> None:
    (run,) = spoiled.quarantine_dir.iterdir()
    found = {
        (table, file, row): reason
        for table, file, row, reason in duckdb.execute(
            f"select table_name, source_file, source_row, reason from '{run}/*.parquet' "
            "where source_file like '%\\_bad.csv' escape '\\'"
        ).fetchall()
    }
    expected = {
        (table, f"registry/{table}_bad.csv", number): reason
        for table, rows in ROWS.items()
        for number, (_, reason) in enumerate(rows, start=1)
    }
    assert found == expected


def test_a_cut_file_and_other_bytes_are_set_aside_too(spoiled: Settings) -> None:
    (run,) = spoiled.quarantine_dir.iterdir()
    reasons = dict(
        duckdb.execute(
            f"select source_file, reason from '{run}/languages.parquet' where source_file not like '%languages.csv'"
        ).fetchall()
    )
    assert set(reasons) == {"registry/languages_cut.csv", "registry/languages_latin.csv"}
    assert "UTF-8" in reasons["registry/languages_latin.csv"]


def test_nothing_was_lost(spoiled: Settings) -> None:
    with duckdb.connect(str(spoiled.warehouse_path), read_only=True) as con:
        rows = con.execute("select table_name, rows_in, rows_used, rows_quarantined from fct_conservation").fetchall()
        used = con.execute("select count(*) from int_observation__checked where hba1c_tenths = 81").fetchall()
    assert rows
    assert all(rows_in == used + aside for _, rows_in, used, aside in rows)
    assert used[0][0] >= 1, "65 mmol/mol is a result, 65 % is none"


PATIENTS = "patient_id,birth_date,sex\nA,2012-01-01,F\n"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "a registry has a patients file"),
        ({"patients.csv": ""}, "patients.csv"),
        ({"patients.csv": "patient_id,sex\nA,F\n"}, "a patients file has the column birth_date"),
        ({"patients.csv": PATIENTS, "encounters.csv": "encounter_id\nE1\n"}, "an encounters file has the column"),
        ({"patients.csv": PATIENTS, "tracts.csv": "tract,poverty_share\n1,2\n"}, "the column tract_geoid"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_remedy(
    files: dict[str, str], says: str, in_folder: Path, equity: Callable[..., Ended]
) -> None:
    write_registry(in_folder, files)
    ended = equity("pull")
    assert ended.code == 1
    assert says.removeprefix("an encounters") in ended.err
    assert "found:" in ended.err
    assert "remedy:" in ended.err
    assert "Traceback" not in ended.err + ended.out


@pytest.mark.parametrize(
    ("patients", "says"),
    [
        ("patient_id,birth_date,sex\n", "found:  a table without rows"),
        ("patient_id,birth_date,sex\nA,2040-01-01,F\nB,soon,M\n", "birth_date is in the future (1)"),
        (PATIENTS, "`conditions` has codes that begin with E10"),
    ],
    ids=["no row", "no usable row", "nobody in the cohort"],
)
def test_nobody_to_measure_is_an_error_that_names_the_file(
    patients: str, says: str, in_folder: Path, equity: Callable[..., Ended]
) -> None:
    write_registry(in_folder, {"patients.csv": patients})
    ended = equity("run")
    assert ended.code == 1
    assert "registry/patients.csv" in ended.err
    assert says in ended.err
    assert not (in_folder / "var" / "releases" / "current").exists()


def write_registry(folder: Path, files: dict[str, str]) -> None:
    (folder / "registry").mkdir()
    tracts = "tract_geoid,child_population,poverty_share\n99001000100,500,0.2\n"
    for name, content in {"tracts.csv": tracts, **files}.items():
        (folder / "registry" / name).write_text(content, encoding="utf-8")
    write_toml(folder)
