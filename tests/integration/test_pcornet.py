"""PCORnet's tables through the example's mapping: both ways of asking for race, by a real pull and the real SQL."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from orchestration.sources.warehouse import prepare
from tests.support.source_files import AS_OF, pull_all
from tests.support.tiny_warehouse import build

# Patient, RACE, HISPANIC.
ANSWERS = {
    "white": ("05", "OT"), "white, two questions": ("05", "N"), "hispanic": ("OT", "Y"), "other": ("OT", "N"),
    "several": ("06", "N"), "refused": ("07", "R"), "nothing": ("NI", "NI"), "unknown": ("UN", "UN"),
    "asian and hispanic": ("02", "Y"), "native": ("01", "N"), "islander": ("04", "N"), "black": ("03", ""),
}  # fmt: skip
NOT_ASKED, UNKNOWN, DECLINED, UNMAPPED = 256, 257, 258, 259
AIAN, ASIAN, BLACK, HISP, NHPI, OTHER, WHITE = 1, 2, 4, 8, 32, 64, 128
CODES = {
    "white": WHITE, "white, two questions": WHITE, "hispanic": HISP, "other": OTHER, "several": UNMAPPED,
    "refused": DECLINED, "nothing": NOT_ASKED, "unknown": UNKNOWN, "asian and hispanic": ASIAN | HISP, "native": AIAN,
    "islander": NHPI, "black": BLACK,
}  # fmt: skip


def run(folder: Path, fields: str) -> tuple[Settings, dict[str, int]]:
    """The example on a few invented rows; the race code of each patient."""
    shutil.copytree(PROJECT_ROOT / "examples/pcornet", folder, dirs_exist_ok=True)
    mapping = folder / "mapping.yml"
    mapping.write_text(mapping.read_text().replace("fields: combined", f"fields: {fields}"))
    data = folder / "data"
    data.mkdir()
    people = "".join(
        f'"{name}",2012-05-01,F,{race},{hispanic},{"SPA" if hispanic == "Y" else "NI"}\n'
        for name, (race, hispanic) in ANSWERS.items()
    )
    for name, text in {
        "DEMOGRAPHIC": f"PATID,BIRTH_DATE,SEX,RACE,HISPANIC,PAT_PREF_LANGUAGE_SPOKEN\n{people}",
        # A row for each source of the death, as the key of the table has it.
        "DEATH": "PATID,DEATH_DATE,DEATH_SOURCE\nnative,2026-01-02,N\nnative,2026-01-01,L\nnative,,S\n",
        "ENCOUNTER": "ENCOUNTERID,PATID,ADMIT_DATE,ADMIT_TIME,DISCHARGE_DATE,ENC_TYPE,PAYER_TYPE_PRIMARY\n"
        "1,black,2025-01-01,08:00,2025-01-04,EI,21\n2,black,2025-02-01,,,AV,511\n3,black,2025-02-01,09:00,,AV,2\n"
        "4,black,2025-03-01,,,IS,\n5,white,2025-04-01,08:00,,AV,511\n6,white,2025-04-01,09:00,,AV,NI\n"
        "7,white,2025-05-01,,,AV,UN\n8,white,2025-06-01,,,AV,9999\n9,white,2025-07-01,,,AV,99\n",
        "DIAGNOSIS": "PATID,DX,DX_TYPE,DX_DATE,ADMIT_DATE\nblack,E10.9,10,,2025-01-01\nblack,250.01,09,,2025-01-01\n"
        "white,E10A0,10,2025-01-01,\n",
        "LAB_RESULT_CM": "LAB_RESULT_CM_ID,PATID,LAB_LOINC,SPECIMEN_DATE,RESULT_DATE,RESULT_NUM,RESULT_UNIT\n"
        "1,black,4548-4,2025-01-02,2025-01-03,7.5,PERCENT\n",
    }.items():
        (data / f"{name}.csv").write_text(text, encoding="utf-8")
    settings = load_settings(folder / "equity.toml").model_copy(update={"as_of": AS_OF})
    pull_all(settings)
    prepare(settings, "run-1", "tests")
    build(settings.warehouse_path, folder / "target")
    return settings, dict(ask(settings, "select patient_id, race_code from int_patient"))


def ask(settings: Settings, sql: str) -> list[tuple[str, int]]:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def combined(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, int]]:
    return run(tmp_path_factory.mktemp("combined"), "combined")


def test_one_question_for_race_and_ethnicity(combined: tuple[Settings, dict[str, int]]) -> None:
    assert combined[1] == CODES


def test_two_questions(tmp_path: Path) -> None:
    _, found = run(tmp_path, "separate")
    assert found == {**CODES, "hispanic": HISP | OTHER}


def test_the_other_tables(combined: tuple[Settings, dict[str, int]]) -> None:
    settings, _ = combined
    assert ask(
        settings,
        "select encounter_id, encounter_class, starts_on, ends_on from raw.encounters "
        "where patient_id = 'black' order by all",
    ) == [
        ("1", "inpatient", "2025-01-01", "2025-01-04"),
        ("1-ED", "ED", "2025-01-01", "2025-01-01"),
        ("2", "outpatient", "2025-02-01", None),
        ("3", "outpatient", "2025-02-01", None),
        ("4", "IS", "2025-03-01", None),
    ]
    assert ask(settings, "select payer, starts_on from raw.coverage order by all") == [
        ("sopt:2", "2025-01-01"), ("sopt:2", "2025-02-01"), ("sopt:5", "2025-04-01"),
    ]  # fmt: skip
    conditions = ask(
        settings, "select condition_code, cast(onset_on as varchar) from stg_registry__conditions order by 1"
    )
    assert conditions == [("E10.9", "2025-01-01"), ("E10.A0", "2025-01-01")]
    assert ask(settings, "select hba1c_tenths from int_observation__checked") == [(75,)]
    deaths = ask(
        settings, "select patient_id, cast(death_date as varchar) from int_patient where death_date is not null"
    )
    assert deaths == [("native", "2026-01-01")]
    assert ask(settings, "select distinct language from raw.languages") == [("SPA",)]
    assert ask(settings, "select reason from quarantine") == [("encounter_class is not a known class",)]
