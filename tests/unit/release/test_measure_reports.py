"""MeasureReports: valid FHIR, every number of the strata and no other, and a reason for each that is not there."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from orchestration.release.measure_report_codes import CDCREC, DATA_ABSENT_REASON, MeasureCodes
from orchestration.release.measure_reports import measure_report_findings, report_id, write_measure_reports
from orchestration.release.tables import Tables
from orchestration.settings import PROJECT_ROOT

NOW = dt.datetime(2026, 7, 1, 5, 0, tzinfo=dt.UTC)
COLUMNS = {
    "proportion": {"denominator": "denominator", "numerator": "numerator"},
    "rate": {"initial-population": "n_patients", "denominator": "denominator", "numerator": "numerator"},
    "mean": {"measure-population": "denominator"},
}
Row = dict[str, Any]


@pytest.fixture(scope="module")
def directory(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reports")
    write_measure_reports(tables["measures"], tables["strata"], path, created_at=NOW)
    return path


@pytest.fixture(scope="module")
def reports(directory: Path) -> dict[str, Row]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in directory.iterdir()}


@pytest.fixture(scope="module")
def yearly(tables: Tables) -> list[Row]:
    strata = tables["strata"]
    rows: list[Row] = strata.filter(pc.equal(strata["grain"], "year")).to_pylist()
    return rows


def code_of(concept: Row) -> str:
    return str(concept["coding"][0]["code"])


def reason_of(element: Row) -> str:
    (extension,) = element["extension"]
    assert extension["url"] == DATA_ABSENT_REASON
    return str(extension["valueCode"])


def numbers_of(part: Row) -> dict[str, Any]:
    """Each population's count and the score: a number, or the reason as text."""
    found = {code_of(p["code"]): p["count"] if "count" in p else reason_of(p["_count"]) for p in part["population"]}
    score = part["measureScore"]
    return {**found, "score": score["value"] if "value" in score else reason_of(score)}


def expected_of(row: Row, kind: str) -> dict[str, Any]:
    columns = {**COLUMNS[kind], "score": "value"}
    if row["quality_status"] == "hold":
        return dict.fromkeys(columns, "error")
    if row["disclosure_status"] == "suppressed":
        return dict.fromkeys(columns, "masked")
    nothing = "not-applicable" if row["reliability_status"] == "not_applicable" else "unknown"
    return {name: nothing if row[column] is None else row[column] for name, column in columns.items()}


def parts_of(report: Row) -> list[Row]:
    (group,) = report["group"]
    return [group, *(stratum for each in group["stratifier"] for stratum in each["stratum"])]


def test_every_report_is_valid_fhir_with_an_id_of_its_own(directory: Path, reports: dict[str, Row]) -> None:
    from fhir.resources.R4B.measurereport import MeasureReport

    for path in directory.iterdir():
        MeasureReport.model_validate_json(path.read_text(encoding="utf-8"))
    assert {report["id"] for report in reports.values()} == set(reports)
    assert all(re.fullmatch(r"[A-Za-z0-9.-]{1,64}", name) for name in reports)


def test_every_row_is_in_its_report_with_its_numbers_or_why_not(
    tables: Tables, reports: dict[str, Row], yearly: list[Row]
) -> None:
    kinds = {measure["measure_id"]: measure["kind"] for measure in tables["measures"].to_pylist()}
    expected: dict[str, list[dict[str, Any]]] = {}
    for row in yearly:
        name = report_id(row["measure_id"], row["period_starts_on"], row["site"])
        expected.setdefault(name, []).append(expected_of(row, kinds[row["measure_id"]]))
    assert {name: [numbers_of(part) for part in parts_of(report)] for name, report in reports.items()} == expected
    reasons = {value for rows in expected.values() for row in rows for value in row.values() if isinstance(value, str)}
    assert {"masked", "error", "not-applicable"} <= reasons
    assert any(value == 0 for rows in expected.values() for row in rows for value in row.values())


def test_a_withheld_row_has_no_number_even_if_the_table_did(tables: Tables, tmp_path: Path) -> None:
    strata = tables["strata"]
    place = strata.column_names.index("n_patients")
    leaking = strata.set_column(place, "n_patients", pa.array([7777777] * strata.num_rows, strata["n_patients"].type))
    write_measure_reports(
        tables["measures"],
        leaking.filter(pc.equal(leaking["disclosure_status"], "suppressed")),
        tmp_path,
        created_at=NOW,
    )
    assert list(tmp_path.iterdir())
    assert all("7777777" not in path.read_text(encoding="utf-8") for path in tmp_path.iterdir())


def test_groups_of_race_and_ethnicity_have_the_codes_of_the_vocabulary(reports: dict[str, Row]) -> None:
    with (PROJECT_ROOT / "seeds" / "race_categories.csv").open(encoding="utf-8", newline="") as file:
        codes = {row["cdcrec_code"] for row in csv.DictReader(file)}
    found, own, components = set(), set(), 0
    for report in reports.values():
        for stratum in parts_of(report)[1:]:
            components += "component" in stratum
            for named in stratum.get("component", [stratum]):
                coding = named["value"]["coding"][0]
                (found if coding["system"] == CDCREC else own).add(coding["code"])
    assert found and found <= codes
    assert own and not own & codes
    assert components


def test_the_same_tables_give_the_same_bytes(tables: Tables, directory: Path, tmp_path: Path) -> None:
    write_measure_reports(tables["measures"], tables["strata"], tmp_path, created_at=NOW)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in directory.iterdir()
    }


def test_a_definition_that_changes_is_another_version(tables: Tables) -> None:
    measure = tables["measures"].to_pylist()[0]
    same = MeasureCodes({**measure, "release_id": "another", "sort_order": 99})
    assert same.canonical == MeasureCodes(measure).canonical
    assert MeasureCodes({**measure, "exclusions": "another"}).canonical != same.canonical


def test_ids_of_sites_that_differ_only_in_signs_differ() -> None:
    day = dt.date(2025, 7, 1)
    names = [report_id("m", day, site) for site in ("a_b", "a-b", "A b", "ü" * 90, "x" * 90)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9.-]{1,64}", name) for name in names)


def test_a_missing_a_foreign_and_a_broken_file_are_found(tables: Tables, tmp_path: Path) -> None:
    write_measure_reports(tables["measures"], tables["strata"], tmp_path, created_at=NOW)
    assert measure_report_findings(tmp_path, tables["strata"]) == []
    first, second, *_ = sorted(tmp_path.iterdir())
    first.unlink()
    second.write_text("{", encoding="utf-8")
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    found = "\n".join(measure_report_findings(tmp_path, tables["strata"]))
    assert f"{first.name}: missing" in found
    assert f"{second.name}: not a MeasureReport" in found
    assert "other.json: not of a measure, year and site" in found
