"""The raw zone: an extract is there whole or not at all, and only its owner may look into it."""

import datetime as dt
from pathlib import Path

import pytest

from orchestration.errors import SourceError
from orchestration.sources.raw_zone import DATA, Extract, RawZone


@pytest.fixture
def zone(tmp_path: Path) -> RawZone:
    return RawZone(tmp_path / "raw" / "registry")


def extract(extract_id: str = "e1", size: int = 4) -> Extract:
    return Extract(
        source="registry", table="patients", extract_id=extract_id, source_file="registry/patients.csv", sha256="ab",
        mapping_sha256="", joined_sha256={}, part=1, rows_in=2, rows_pulled=2, rows_quarantined=0, rows_left_out=0,
        extracted_at=dt.datetime(2026, 6, 30, 12), columns={"patient_id": "VARCHAR"}, bytes=size,
    )  # fmt: skip


def land(zone: RawZone, extract_id: str = "e1") -> None:
    with zone.locked(), zone.landing("patients", extract_id) as folder:
        (folder / DATA).write_bytes(b"rows")
        zone.commit(folder, extract(extract_id))


def test_an_extract_is_found_as_it_was_written(zone: RawZone) -> None:
    assert zone.find("patients", "e1") is None
    land(zone)
    assert zone.find("patients", "e1") == extract()
    assert zone.data_path(extract()).read_bytes() == b"rows"
    zone.activate([extract(), extract()], ["e1"])
    assert zone.active() == [extract()]
    assert zone.newly_landed() == {"e1"}


def test_folders_are_closed_to_others(zone: RawZone) -> None:
    land(zone)
    folders = [zone.root.parent, zone.root, zone.root / "patients", zone.root / "patients" / "e1"]
    assert {oct(folder.stat().st_mode & 0o777) for folder in folders} == {"0o700"}


def test_a_failed_landing_leaves_nothing(zone: RawZone) -> None:
    with pytest.raises(RuntimeError), zone.locked(), zone.landing("patients", "e1") as folder:
        (folder / DATA).write_bytes(b"half")
        raise RuntimeError
    assert list((zone.root / "patients").iterdir()) == []


def test_what_a_killed_pull_left_is_cleared(zone: RawZone) -> None:
    left = zone.root / "patients" / ".writing-e9"
    left.mkdir(parents=True)
    (left / DATA).write_bytes(b"half")
    with zone.locked():
        assert not left.exists()


def test_one_pull_at_a_time(zone: RawZone) -> None:
    with zone.locked(), pytest.raises(SourceError, match="one pull of a source at a time"), zone.locked():
        pass
    with zone.locked():
        pass


def test_a_damaged_extract_is_an_error_when_used_and_replaced_when_pulled(zone: RawZone) -> None:
    land(zone)
    zone.activate([extract()], ["e1"])
    data = zone.data_path(extract())
    data.chmod(0o600)
    data.write_bytes(b"ro")
    with pytest.raises(SourceError, match="2 bytes instead of 4"):
        zone.active()
    assert zone.find("patients", "e1") is None
    with pytest.raises(SourceError, match="a file is missing"):
        zone.active()
    land(zone)
    assert zone.active() == [extract()]


def test_a_damaged_list_is_an_error(zone: RawZone) -> None:
    land(zone)
    (zone.root / "current.json").write_text("[", encoding="utf-8")
    with pytest.raises(SourceError, match="the raw zone is whole"):
        zone.active()
