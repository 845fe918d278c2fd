"""`equity doctor` says whether a Bulk Data server is configured and answers, from its discovery pages alone."""

from __future__ import annotations

from pathlib import Path

from orchestration.cli.findings import Finding, findings
from tests.support.bulk_place import BulkPlace, bulk_place
from tests.support.bulk_server.faults import instead
from tests.support.bulk_server.server import GUIDE


def finding(place: BulkPlace) -> Finding:
    (found,) = [one for one in findings(place.settings) if one.what == "source ehr"]
    return found


def closed(place: BulkPlace) -> BulkPlace:
    place.source.key_file.chmod(0o600)  # type: ignore[union-attr]
    return place


def test_a_server_that_answers_is_fine_and_nothing_else_is_asked(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.definitions = [f"{GUIDE}/OperationDefinition/group-export|3.0.0"]
        found = finding(closed(place))
        assert found.state == "ok"
        assert found.words == (
            f"{place.server.origin} answers; group export, version 3 (named by the server), signed with RS384"
        )
        assert place.server.passed == {"discovery": 1, "metadata": 1}


def test_a_version_that_is_assumed_is_said_so(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        assert "version 2 (assumed)" in finding(closed(place)).words
        place.own = {"version": "4"}
        assert "version 4 (chosen)" in finding(place).words


def test_a_server_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.own = {"base_url": "http://127.0.0.1:9/fhir"}
        found = finding(closed(place))
        assert found.state == "wrong" and "no connection, 1 time(s)" in found.words


def test_an_address_without_a_fhir_server_is_wrong(tmp_path: Path) -> None:
    with bulk_place(tmp_path, secure=False) as place:
        place.server.script["metadata"].append(instead(404))
        found = finding(place)
        assert found.state == "wrong" and "CapabilityStatement" in found.words
        assert finding(place).state == "note"  # a server without any sign-in


def test_a_key_that_cannot_be_used_is_wrong(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.source.key_file.write_text("nothing", encoding="utf-8")  # type: ignore[union-attr]
        assert finding(place).state == "wrong"
        assert place.server.asked == []


def test_a_key_that_others_can_read_is_a_note(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.source.key_file.chmod(0o644)  # type: ignore[union-attr]
        found = finding(place)
        assert found.state == "note" and "chmod 600" in found.words
