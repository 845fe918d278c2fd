"""`equity doctor` finds what would end a run, and says it in one line each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.cli.findings import Finding, findings
from orchestration.cli.findings_registers import FITTED, NOT_FITTED
from orchestration.defs.resources.run_lock import exclusive
from orchestration.settings import PROJECT_ROOT, Disclosure, IdentityMapSource, Settings, Source, demo_settings
from orchestration.settings_area import CensusAcsSource, GeocodeFilesSource
from orchestration.settings_fhir import FhirFilesSource
from orchestration.settings_omop import OmopSource, SyntheaSource
from orchestration.sources.layout import REGISTRY as LAYOUT
from orchestration.sources.omop.cdm import CDM
from tests.support.small_run import Ended, settings_for

REGISTRY = {f"{name}.csv": f"{','.join(LAYOUT[name].required_names)}\n" for name in ("patients", "encounters")}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "registry"
    folder.mkdir()
    for name, text in REGISTRY.items():
        (folder / name).write_text(text, encoding="utf-8")
    found = settings_for(folder, tmp_path / "var")
    columns = [found.sources[1].tract_column, *(one.column for one in found.sources[1].measures)]  # type: ignore[union-attr]
    (folder / "tracts.csv").write_text(",".join(columns) + "\n", encoding="utf-8")
    return found


def of(settings: Settings, what: str) -> Finding:
    (found,) = [finding for finding in findings(settings) if finding.what == what]
    return found


def test_nothing_is_wrong_with_a_sound_set_up(settings: Settings) -> None:
    assert [finding for finding in findings(settings) if finding.state == "wrong"] == []


def test_a_smallest_count_below_the_policy_is_a_note(settings: Settings) -> None:
    assert of(settings, "disclosure").state == "ok"
    smaller = settings.model_copy(update={"disclosure": Disclosure(min_cell=10)})
    finding = of(smaller, "disclosure")
    assert finding.state == "note"
    assert "min_cell 10 is below the 11" in finding.words


def test_absent_tables_are_a_note(settings: Settings) -> None:
    finding = of(settings, "source registry")
    assert finding.state == "note"
    assert "2 file(s) for encounters, patients" in finding.words
    assert "observations" in finding.words


def test_a_registry_that_is_not_there_is_wrong(settings: Settings) -> None:
    (settings.sources[0].path / "patients.csv").unlink()
    assert of(settings, "source registry").state == "wrong"


def test_a_tract_file_without_a_column_is_wrong(settings: Settings) -> None:
    settings.sources[1].path.write_text("tract_geoid,poverty_share\n", encoding="utf-8")
    finding = of(settings, "source tracts")
    assert finding.state == "wrong"
    assert "child_population" in finding.words


def test_a_tract_file_that_is_not_there_is_wrong(settings: Settings) -> None:
    settings.sources[1].path.unlink()
    assert of(settings, "source tracts").state == "wrong"


def test_an_omop_source_says_its_tables_and_what_it_lacks(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "omop"
    folder.mkdir()
    omop = settings.model_copy(update={"sources": (OmopSource(path=folder),)})
    assert of(omop, "source omop").state == "wrong"
    for table in ("person", "concept", "visit_occurrence"):
        (folder / f"{table}.csv").write_text(f"{','.join(CDM[table].columns)}\n", encoding="utf-8")
    finding = of(omop, "source omop")
    assert finding.state == "note"
    assert "concept, person, visit_occurrence" in finding.words and "no observation_period" in finding.words


def test_files_without_a_column_that_is_needed_are_wrong(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "omop"
    folder.mkdir()
    for table in ("person", "concept"):
        (folder / f"{table}.csv").write_text("x\n", encoding="utf-8")
    finding = of(settings.model_copy(update={"sources": (OmopSource(path=folder),)}), "source omop")
    assert finding.state == "wrong" and "concept_id" in finding.words
    (settings.sources[0].path / "encounters.csv").write_text("patient_id\n", encoding="utf-8")
    finding = of(settings, "source registry")
    assert finding.state == "wrong" and "encounter_id" in finding.words


def test_a_mapping_that_does_not_fit_its_files_is_wrong(settings: Settings, tmp_path: Path) -> None:
    folder = settings.sources[0].path
    (folder / "deaths.csv").write_text("patient_id,day\n", encoding="utf-8")
    columns = {"patient_id": "patient_id", "birth_date": "birth_date", "sex": "sex", "death_date": "deaths.day"}
    part = {"files": "patients.csv", "columns": columns}
    part["join"] = [{"name": "deaths", "file": "deaths.csv", "by": {"patient_id": "patient_id"}}]

    def finding(**changed: object) -> Finding:
        mapping = tmp_path / "mapping.yml"
        mapping.write_text(json.dumps({"version": 1, "tables": {"patients": part | changed}}), encoding="utf-8")
        source = settings.sources[0].model_copy(update={"mapping": mapping})
        return of(settings.model_copy(update={"sources": (source,)}), "source registry")

    assert finding().state == "note"
    for changed, named in (
        ({"columns": columns | {"sex": "gender"}}, "gender"),
        ({"columns": columns | {"sex": {"sql": "lower(gender)"}}}, "gender"),
        ({"columns": columns | {"death_date": "deaths.hour"}}, "hour"),
        ({"join": [part["join"][0] | {"where": "hour = 1"}]}, "hour"),  # type: ignore[operator]
    ):
        wrong = finding(**changed)
        assert wrong.state == "wrong" and named in wrong.words


def test_a_synthea_folder_without_its_files_is_wrong(settings: Settings, tmp_path: Path) -> None:
    synthea = settings.model_copy(update={"sources": (SyntheaSource(path=tmp_path),)})
    assert of(synthea, "source synthea").state == "wrong"


def test_an_identity_map_needs_its_columns(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    mapped = settings.model_copy(update={"sources": (IdentityMapSource(path=path),)})
    assert of(mapped, "source identities").state == "wrong"
    path.write_text("source_name,patient_id,person_id\n", encoding="utf-8")
    assert of(mapped, "source identities").state == "ok"
    path.write_text("source_name,patient_id\n", encoding="utf-8")
    assert "person_id" in of(mapped, "source identities").words


def with_source(settings: Settings, source: Source) -> Settings:
    return settings.model_copy(update={"sources": (*settings.sources, source)})


def test_a_census_source_needs_counties_and_a_key(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CENSUS_API_KEY", raising=False)
    source = CensusAcsSource(name="acs", year=2023)
    assert "for which counties" in of(with_source(settings, source), "source acs").words
    source = source.model_copy(update={"counties": ("39061",)})
    assert of(with_source(settings, source), "source acs") == Finding("wrong", "source acs", "no key in CENSUS_API_KEY")
    monkeypatch.setenv("CENSUS_API_KEY", "k3y")
    found = of(with_source(settings, source), "source acs")
    assert found.state == "ok" and "k3y" not in found.words
    assert found.words == "ACS 2019-2023, 1 county, tracts of 2020; not pulled yet"


def test_every_file_of_a_source_is_looked_for(settings: Settings, tmp_path: Path) -> None:
    source = GeocodeFilesSource(
        name="homes", path=tmp_path / "geocoded.csv", addresses=tmp_path / "list.csv", tract_vintage=2020
    )
    found = with_source(settings, source)
    for name in ("geocoded.csv", "list.csv"):
        assert of(found, "source homes").words.endswith(f"{name}: no such file")
        (tmp_path / name).touch()
    assert of(found, "source homes").state == "ok"


def test_an_unknown_profile_is_wrong(settings: Settings) -> None:
    unknown = settings.model_copy(update={"gate": settings.gate.model_copy(update={"profile": "no_such"})})
    assert of(unknown, "gate").state == "wrong"


def test_a_run_that_is_going_on_is_named(settings: Settings) -> None:
    assert of(settings, "run lock").words == "free"
    with exclusive(settings.data_dir):
        assert "process" in of(settings, "run lock").words
    assert of(settings, "run lock").words == "free"


def test_no_source_is_wrong(tmp_path: Path) -> None:
    assert of(Settings(data_dir=tmp_path), "sources").state == "wrong"


def test_the_demo_needs_nothing(tmp_path: Path) -> None:
    assert [finding for finding in findings(demo_settings(tmp_path)) if finding.state == "wrong"] == []


def test_exit_code_says_whether_a_run_would_fail(in_folder: Path, equity: Callable[..., Ended]) -> None:
    assert equity("doctor").code == 0
    (in_folder / "equity.toml").write_text('[[sources]]\ntype = "registry_files"\npath = "absent"\n', encoding="utf-8")
    ended = equity("doctor")
    assert ended.code == 1
    assert "absent" in ended.out


def with_fhir(settings: Settings, tmp_path: Path, **files: str) -> Settings:
    folder = tmp_path / "export"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.ndjson").write_text(text, encoding="utf-8")
    source = FhirFilesSource(name="ehr", path=folder)
    return settings.model_copy(update={"sources": (source, *settings.sources[1:])})


def test_a_folder_of_fhir_resources_is_ok(settings: Settings, tmp_path: Path) -> None:
    found = of(with_fhir(settings, tmp_path, Patient="{}", Encounter="{}"), "source ehr")
    assert (found.state, found.words) == ("ok", f"{tmp_path / 'export'}: 2 file(s), Encounter, Patient")


def test_fhir_files_without_patients_or_absent_are_wrong(settings: Settings, tmp_path: Path) -> None:
    without = with_fhir(settings, tmp_path, Encounter="{}")
    assert of(without, "source ehr").state == "wrong"
    (tmp_path / "export" / "Encounter.ndjson").unlink()
    assert of(without, "source ehr").state == "wrong"


def test_a_fhir_file_that_tells_no_type_is_a_note(settings: Settings, tmp_path: Path) -> None:
    found = of(with_fhir(settings, tmp_path, Patient="{}", other="{}"), "source ehr")
    assert found.state == "note"
    assert "other.ndjson" in found.words


def test_registers_are_held_against_the_last_run(settings: Settings, published: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "registers"
    shutil.copytree(PROJECT_ROOT / "seeds", folder)
    given = {"registers": folder}
    assert of(settings.model_copy(update=given), "registers").words.endswith(NOT_FITTED)
    assert of(published.model_copy(update=given), "registers").words.endswith(FITTED)
    aims = folder / "aims.csv"
    aims.write_text(aims.read_text(encoding="utf-8").replace("hba1c_above_9", "hba1c_above_99"), encoding="utf-8")
    finding = of(published.model_copy(update=given), "registers")
    assert finding.state == "wrong"
    assert "aims.csv, line 3" in finding.words and "hba1c_above_99" in finding.words


def test_registers_that_cannot_be_read_are_wrong(settings: Settings, tmp_path: Path) -> None:
    assert of(settings, "registers").state == "ok"
    folder = tmp_path / "registers"
    folder.mkdir()
    (folder / "aims.csv").write_text("aim,title\n1,2\n", encoding="utf-8")
    finding = of(settings.model_copy(update={"registers": folder}), "registers")
    assert finding.state == "wrong" and "aims.csv" in finding.words
    settings.references_path.parent.mkdir(parents=True, exist_ok=True)
    settings.references_path.write_text("nothing\n", encoding="utf-8")
    assert of(settings, "kept").state == "wrong"
