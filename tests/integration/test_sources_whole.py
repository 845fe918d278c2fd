"""A pull lands whole or not at all, skips what is there, and keeps or replaces what was active by its mode."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.errors import SourceError
from orchestration.settings import PROJECT_ROOT
from orchestration.sources import content, landing, reading
from tests.support.source_files import PATIENTS, Place

CONDITIONS = "patient_id,code,onset_on\np1,E10.9,2020-01-01\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.write("patients.csv", PATIENTS)
    place.write("conditions.csv", CONDITIONS)
    return place


def ids(place: Place) -> list[str]:
    return [row[0] for row in place.rows("patients", "patient_id")]


def skipped(place: Place) -> list[bool]:
    return [file.skipped for file in place.pull()]


def test_content_that_was_pulled_is_skipped(place: Place) -> None:
    assert skipped(place) == [False, False]
    assert place.rows("pull", "table_name, skipped") == [("conditions", False), ("patients", False)]
    folder = place.zone.data_path(place.zone.active()[0]).parent
    before = folder.stat().st_mtime_ns
    os.utime(place.data / "patients.csv")
    assert skipped(place) == [True, True]
    assert folder.stat().st_mtime_ns == before
    assert place.said[1] == "registry/patients.csv: already pulled (patients, 2 rows)"
    assert place.rows("pull", "table_name, skipped") == [("conditions", True), ("patients", True)]
    place.write("patients.csv", PATIENTS + "p3,2012-01-01,F\n")
    assert skipped(place) == [False, True]
    assert ids(place) == ["p1", "p2", "p3"]


def test_a_renamed_file_is_not_pulled_again(place: Place) -> None:
    place.pull()
    (place.data / "patients.csv").rename(place.data / "patients_2024.csv")
    assert skipped(place) == [True, True]
    assert "registry/patients_2024.csv: already pulled as registry/patients.csv (patients, 2 rows)" in place.said


def test_the_same_content_under_two_names_counts_once(place: Place) -> None:
    place.write("patients_copy.csv", PATIENTS)
    assert skipped(place) == [False, True, False]
    assert ids(place) == ["p1", "p2"]
    assert place.rows("pull", "count(*)") == [(2,)]


def test_a_snapshot_is_what_is_there_now(place: Place) -> None:
    place.write("patients_b.csv", PATIENTS.replace("p1", "p8").replace("p2", "p9"))
    place.pull()
    (place.data / "patients_b.csv").unlink()
    (place.data / "conditions.csv").unlink()
    place.pull()
    assert ids(place) == ["p1", "p2"]
    assert place.rows("conditions") == []


def test_append_keeps_what_was_pulled_before(place: Place) -> None:
    place.mode = "append"
    place.pull()
    place.write("patients.csv", "patient_id,birth_date,sex\np3,2012-01-01,F\nbroken\n")
    (place.data / "conditions.csv").unlink()
    place.pull()
    assert ids(place) == ["p1", "p2", "p3"]
    assert place.rows("conditions", "code") == [("E10.9",)]
    rows = place.rows("patients", "_source_file, _source_row")
    assert len(set(rows)) == 3
    new_name = next(file for file, _ in rows if file != "registry/patients.csv")
    assert new_name.startswith("registry/patients.csv@")
    assert place.rows("rejects", "source_file, source_row") == [(new_name, 2)]
    place.pull()
    assert ids(place) == ["p1", "p2", "p3"]


def test_append_does_not_double_what_a_changed_mapping_pulls_anew(place: Place) -> None:
    place.mode = "append"
    columns = "{patient_id: patient_id, birth_date: birth_date, sex: {constant: SEX}}"
    for sex in ("F", "M"):
        yaml = f"version: 1\ntables: {{patients: {{files: patients.csv, columns: {columns}}}}}"
        place.map(yaml.replace("SEX", sex))
        assert skipped(place) == [False]
        assert place.rows("patients", "patient_id, sex") == [("p1", sex), ("p2", sex)]


def test_one_bad_file_leaves_everything_as_it_was(place: Place) -> None:
    place.pull()
    active = place.zone.active()
    place.write("patients.csv", PATIENTS + "p3,2012-01-01,F\n")
    place.write("conditions.csv", "patient_id,code\np1,E10.9\n")
    with pytest.raises(SourceError, match="column onset_on"):
        place.pull()
    assert place.zone.active() == active
    assert ids(place) == ["p1", "p2"]
    assert list(place.zone.root.glob("*/.writing-*")) == []
    place.write("conditions.csv", CONDITIONS)
    place.pull()
    assert ids(place) == ["p1", "p2", "p3"]


def test_a_file_that_changes_while_it_is_pulled_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def hash_then_change(path: Path) -> str:
        sha256 = content.sha256_of(path)
        with path.open("a") as file:
            file.write("p3,2012-01-01,F\n")
        return sha256

    monkeypatch.setattr(landing, "sha256_of", hash_then_change)
    with pytest.raises(SourceError, match="stays as it is while it is pulled"):
        place.pull()
    assert not place.zone.has_been_pulled()


KILLED = """
import os, signal, sys
from pathlib import Path
from orchestration.sources import landing
from orchestration.sources.raw_zone import RawZone
from tests.support.source_files import Place

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "while the rows are written":
    landing._write_rejects = die
elif sys.argv[2] == "before an extract has its place":
    RawZone.commit = die
else:
    RawZone.activate = die
Place(Path(sys.argv[1])).pull()
"""


@pytest.mark.parametrize(
    "moment", ["while the rows are written", "before an extract has its place", "before they become the active ones"]
)
def test_a_killed_pull_leaves_nothing_half(place: Place, moment: str) -> None:
    place.pull()
    active = place.zone.active()
    place.write("patients.csv", PATIENTS + "p3,2012-01-01,F\nbroken\n")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(place.root), moment], cwd=PROJECT_ROOT, check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert place.zone.active() == active
    assert ids(place) == ["p1", "p2"]
    place.pull()
    assert ids(place) == ["p1", "p2", "p3"]
    assert list(place.zone.root.glob("*/.writing-*")) == []
    assert place.rows("rejects", "source_row") == [(4,)]


def test_rows_that_do_not_fit_into_memory_stay_in_the_closed_folder(tmp_path: Path) -> None:
    with reading.connect(tmp_path) as con:
        assert con.execute("select current_setting('temp_directory')").fetchone() == (str(tmp_path / "spill"),)
