"""Every planted fault is in the files exactly as often as `truth.json` says, and no row has two."""

from __future__ import annotations

from orchestration.synthetic.truth import Truth
from tests.unit.synthetic.reading import Registry, read_text

EVERYWHERE = {
    "patients": {"identical_duplicate", "conflicting_duplicate", "in_future", "missing_date"},
    "addresses": {
        "identical_duplicate", "conflicting_duplicate", "unknown_patient", "short_tract", "wrong_vintage_tract",
    },
    "encounters": {
        "identical_duplicate", "conflicting_duplicate", "unknown_patient", "unknown_encounter_class", "before_birth",
        "in_future", "ends_before_start", "missing_date",
    },
    "observations": {
        "identical_duplicate", "conflicting_duplicate", "unknown_patient", "before_birth", "in_future", "missing_date",
        "hba1c_zero", "hba1c_wrong_unit", "hba1c_implausible",
    },
}  # fmt: skip


def test_counts_are_those_of_the_files(demo: tuple[Truth, Registry]) -> None:
    truth, registry = demo
    assert registry.faults == {table: dict(kinds) for table, kinds in truth.faults.items()}
    assert registry.n_with_two_faults == 0


def test_every_kind_is_there(demo: tuple[Truth, Registry]) -> None:
    truth, _ = demo
    for table, kinds in EVERYWHERE.items():
        assert kinds <= set(truth.faults[table])
    only_in_text = {"unparsable_date", "too_many_columns"}
    found = {kind for kinds in truth.faults.values() for kind in kinds}
    assert found >= only_in_text if truth.generator["file_format"] == "csv" else not found & only_in_text


def test_rows_are_usable_or_faulty_and_faults_are_few(demo: tuple[Truth, Registry]) -> None:
    truth, registry = demo
    for table, n_rows in truth.rows.items():
        assert n_rows == len(registry.usable[table]) + sum(registry.faults[table].values())
    assert 0.001 < truth.n_faults / sum(truth.rows.values()) < 0.01


def test_patients_of_faults_have_no_other_rows(demo: tuple[Truth, Registry]) -> None:
    truth, registry = demo
    known = set(registry.usable["patients"]["patient_id"])
    everyone = set(read_text(truth.directory, "patients")[0]["patient_id"])
    followed = set(registry.usable["encounters"]["patient_id"]) | set(registry.usable["addresses"]["patient_id"])
    assert everyone > known
    assert followed <= known
