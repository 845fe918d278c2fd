"""Files keep to the registry layout: columns, types, short ids, plain words."""

from __future__ import annotations

import json

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from orchestration.synthetic.layout import TABLES
from orchestration.synthetic.truth import Truth
from tests.unit.synthetic.reading import DATES, Registry, read_text


def test_columns_stand_as_the_layout_has_them(demo: tuple[Truth, Registry]) -> None:
    expected = {
        "patients": "patient_id birth_date sex site_id enrolled_on left_on death_date",
        "race_ethnicity": "patient_id source_system value standard capture_method recorded_on",
        "languages": "patient_id language recorded_on",
        "addresses": "patient_id tract_geoid tract_vintage starts_on ends_on",
        "coverage": "patient_id payer starts_on ends_on",
        "encounters": "encounter_id patient_id encounter_class service starts_on ends_on primary_dx",
        "conditions": "patient_id code onset_on",
        "observations": "observation_id patient_id code observed_on value unit resulted_on",
    }
    assert set(expected) == set(TABLES)
    for table, names in expected.items():
        assert list(read_text(demo[0].directory, table)[0].columns) == names.split()


def test_parquet_has_dates_and_text(demo: tuple[Truth, Registry]) -> None:
    if demo[0].generator["file_format"] == "csv":
        lines = (demo[0].directory / "encounters.csv").read_text().splitlines()
        assert lines[0].startswith("encounter_id,patient_id,")
        assert '"' not in lines[1]
        return
    for table in TABLES:
        schema = pq.read_schema(demo[0].directory / f"{table}.parquet")
        for name in schema.names:
            if name in DATES[table]:
                assert schema.field(name).type == pa.date32(), (table, name)
            elif name == "value" and table == "observations":
                assert schema.field(name).type == pa.float64()
            elif name != "tract_vintage":
                assert schema.field(name).type == pa.string(), (table, name)


def test_ids_are_short_and_unique(demo: tuple[Truth, Registry]) -> None:
    usable = demo[1].usable
    assert len(usable["patients"]) == 2400
    for table, column in (
        ("patients", "patient_id"),
        ("encounters", "encounter_id"),
        ("observations", "observation_id"),
    ):
        assert usable[table][column].is_unique
        assert usable[table][column].str.fullmatch("[PEO][0-9]{7,8}").all()


def test_truth_file_says_what_the_function_returns(demo: tuple[Truth, Registry]) -> None:
    truth = demo[0]
    written = json.loads((truth.directory / "truth.json").read_text())
    assert written["rows"] == truth.rows
    assert written["faults"] == truth.faults
    assert written["rates"] == list(truth.rates)
    assert written["generator"]["counties"] == ["99001"]
    assert "social construct" in written["statement"]
