"""`$export` in every version and at every level: what is asked, how it is asked, and what is kept of the answer."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, unquote

import pytest

from orchestration.errors import SourceError
from tests.support.bulk_place import CONDITIONS, CONTENT, PATIENTS, bulk_place
from tests.support.bulk_server.faults import instead
from tests.support.bulk_server.http import LoopbackServer
from tests.support.bulk_server.jobs import Content
from tests.support.bulk_server.server import BASE, GUIDE

FILTERS = ("Condition?code=E10,E11", "Condition?clinical-status=active")
BUNDLE = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [
    {"request": {"method": "DELETE", "url": "Patient/secret-1"}}]})  # fmt: skip


@pytest.mark.parametrize("version", ["1", "2", "3", "4"])
def test_every_version_gives_the_same_files(tmp_path: Path, version: str) -> None:
    with bulk_place(tmp_path, version=version) as place:
        place.own = {"version": version, "type_filters": FILTERS}
        export = place.fetch()
        assert place.lines(export) == {"Patient": list(PATIENTS), "Condition": list(CONDITIONS)}
        (job,) = place.server.jobs
        assert job.asked.path == f"{BASE}/Group/t1d/$export"
        assert job.asked.types == ("Condition", "Patient")
        assert job.asked.filters == FILTERS
        assert job.asked.output_format == "application/fhir+ndjson"
        assert job.deleted
        assert export.version == version
        assert not place.under_way()


def test_up_to_version_3_lists_are_joined_and_commas_within_a_filter_escaped(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.own = {"type_filters": FILTERS}
        place.fetch()
        (start,) = [one for one in place.server.asked if one.path.endswith("$export")]
        query = parse_qs(start.query)
        assert query["_type"] == ["Condition,Patient"]
        assert query["_typeFilter"] == ["Condition?code=E10%2CE11,Condition?clinical-status=active"]
        assert "," not in start.query and unquote(start.query).count("%2C") == 1


def test_version_4_repeats_parameters_instead(tmp_path: Path) -> None:
    with bulk_place(tmp_path, version="4") as place:
        place.own = {"version": "4", "type_filters": FILTERS}
        place.fetch()
        (start,) = [one for one in place.server.asked if one.path.endswith("$export")]
        parameters = json.loads(start.body)["parameter"]
        assert [one["valueString"] for one in parameters if one["name"] == "_type"] == ["Condition", "Patient"]
        assert [one["valueString"] for one in parameters if one["name"] == "_typeFilter"] == list(FILTERS)


@pytest.mark.parametrize(
    ("own", "path"),
    [
        ({"level": "patient", "group_id": None}, "/Patient/$export"),
        ({"level": "system", "group_id": None}, "/$export"),
        ({"level": "group", "group_id": "a.b-1"}, "/Group/a.b-1/$export"),
    ],
)
def test_levels(tmp_path: Path, own: dict[str, object], path: str) -> None:
    with bulk_place(tmp_path) as place:
        place.own = own
        place.fetch()
        assert place.server.jobs[0].asked.path == BASE + path


@pytest.mark.parametrize(
    ("speaks", "definitions", "instantiates", "kept_as", "n_asked"),
    [
        pytest.param("3", ["group-export|3.0.0", "group-export|4.0.0-ballot"], [], "3", 1, id="both"),
        pytest.param("4", ["group-export|4.0.0-ballot"], [], "4", 1, id="ballot only"),
        pytest.param("1", ["group-export|1.0.1"], [], "1", 1, id="version 1"),
        pytest.param("4", ["patient-export|2.0.0"], ["CapabilityStatement/bulk-data|4.0.0"], "4", 1, id="own level"),
        pytest.param("2", [], [], "2", 1, id="nothing said, published"),
        pytest.param("4", [], [], "4", 2, id="nothing said, ballot"),
        pytest.param("4", ["group-export|2.0.0"], [], "4", 2, id="said wrongly, then the other way"),
        pytest.param("3", ["group-export|4.0.0"], [], "2", 2, id="said wrongly the other way round"),
    ],
)  # fmt: skip
def test_the_version_is_what_the_server_says_else_what_it_takes(
    tmp_path: Path, speaks: str, definitions: list[str], instantiates: list[str], kept_as: str, n_asked: int
) -> None:
    with bulk_place(tmp_path, version=speaks) as place:
        place.server.definitions = [f"{GUIDE}/OperationDefinition/{one}" for one in definitions]
        place.server.instantiates = [f"{GUIDE}/{one}" for one in instantiates]
        assert place.fetch().version == kept_as
        assert place.server.passed["start"] == n_asked


def test_without_a_capability_statement_the_export_goes_on(tmp_path: Path) -> None:
    with bulk_place(tmp_path, version="4") as place:
        place.server.script["metadata"].append(instead(403))
        assert place.fetch().version == "4"


def test_a_refusal_is_explained_in_the_servers_codes_only(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.own = {"version": "2"}
        place.server.script["start"].append(instead(422, code="not-supported"))
        with pytest.raises(SourceError) as error:
            place.fetch()
        assert error.value.found == "HTTP 422 (1 × error/not-supported)"
        assert "version 2" in error.value.where and "t1d" not in str(error.value)
        assert "Example" not in str(error.value)


def test_pages_of_a_manifest_are_followed(tmp_path: Path) -> None:
    with bulk_place(tmp_path, version="4") as place:
        place.own = {"version": "4"}
        place.server.page_size = 1
        export = place.fetch()
        assert place.server.passed["page"] == 2
        assert place.lines(export) == {"Patient": list(PATIENTS), "Condition": list(CONDITIONS)}


def test_a_circle_of_pages_is_refused(tmp_path: Path) -> None:
    with bulk_place(tmp_path, version="4") as place:
        place.own = {"version": "4"}
        place.server.page_size = 1
        original = place.server._page
        place.server._page = lambda job, number: original(job, 0)  # type: ignore[method-assign]
        with pytest.raises(SourceError, match="lead in a circle"):
            place.fetch()


@pytest.mark.parametrize("compress", [True, False])
def test_files_are_kept_as_they_came(tmp_path: Path, compress: bool) -> None:
    with bulk_place(tmp_path) as place:
        place.server.compress = compress
        export = place.fetch()
        assert {file.name.endswith(".ndjson.gz") for file in export.files} == {compress}
        assert {file.name.endswith(".ndjson") for file in export.files} == {not compress}
        assert place.lines(export)["Condition"] == list(CONDITIONS)
        assert [file.lines for file in export.files] == [2, 1, 5]


def test_what_is_kept_is_closed_to_others_never_changes_and_names_no_secret(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        export = place.fetch()
        folder = place.kept.root / export.export_id
        assert {oct(one.stat().st_mode & 0o777) for one in (place.kept.root, folder)} == {"0o700"}
        assert {oct(one.stat().st_mode & 0o777) for one in folder.iterdir()} == {"0o400"}
        about = (folder / "export.json").read_text(encoding="utf-8")
        content = json.loads(about)
        assert content["transaction_time"] == place.server.jobs[0].transaction_time
        assert content["asked"]["types"] == ["Condition", "Patient"]
        assert sorted(one.name for one in folder.iterdir()) == sorted(
            ["export.json", *(file["name"] for file in content["files"])]
        )
        assert all(len(file["sha256"]) == 64 for file in content["files"])
        everything = about + "".join(
            path.read_text(encoding="utf-8") for path in place.kept.root.rglob("*.json")
        )  # fmt: skip
        assert not any(token in everything for token in place.server.authorization.tokens)
        assert "patient-777" not in everything


def test_the_next_export_is_of_what_changed_since(tmp_path: Path) -> None:
    later = Content((("Patient", PATIENTS[:1]),), deleted=(BUNDLE,))
    with bulk_place(tmp_path, CONTENT, later, version="3") as place:
        place.own = {"version": "3"}
        first = place.fetch()
        second = place.fetch()
        assert [job.asked.since for job in place.server.jobs] == [None, first.transaction_time]
        assert first.transaction_time.endswith("+00:00")  # a + survives the query
        assert [(file.kind, file.resource_type, file.lines) for file in second.files] == [
            ("output", "Patient", 1),
            ("deleted", "Bundle", 1),
        ]
        assert [export.export_id for export in place.kept.exports()] == [first.export_id, second.export_id]


def test_everything_is_asked_for_again_where_the_settings_say_so(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.fetch()
        place.own = {"mode": "full"}
        place.fetch()
        assert [job.asked.since for job in place.server.jobs] == [None, None]


def test_everything_is_asked_for_again_after_some_days(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.own = {"full_every_days": 40}
        place.fetch()  # holds what was there on 1 June
        place.fetch()
        place.time.sleep(11 * 86_400)
        place.fetch()
        assert [job.asked.since is None for job in place.server.jobs] == [True, False, True]


def test_everything_is_asked_for_again_when_the_question_changed(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.fetch()
        place.own = {"types": ("Condition", "Encounter", "Patient")}
        place.fetch()
        assert [job.asked.since for job in place.server.jobs] == [None, None]
        assert any("everything is exported anew" in line for line in place.said)
        place.own = {"types": ("Patient", "Encounter", "Condition")}  # the same in another order
        place.fetch()
        assert place.server.jobs[2].asked.since == place.server.jobs[1].transaction_time


def test_an_open_server_is_asked_without_a_token(tmp_path: Path) -> None:
    with bulk_place(tmp_path, secure=False, requires_token=False) as place:
        assert place.lines(place.fetch())["Patient"] == list(PATIENTS)
        assert all(request.token is None for request in place.server.asked)


def test_everything_goes_through_the_proxy_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # of the environment: not looked at
    with bulk_place(tmp_path) as place, LoopbackServer(place.server.answer) as proxy:
        place.fetch()
        assert proxy.asked == [] and place.server.asked
        place.server.asked.clear()
        place.own = {"proxy": proxy.origin}
        assert place.lines(place.fetch())["Patient"] == list(PATIENTS)
        assert proxy.asked and place.server.asked == []


def test_progress_is_in_plain_words(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.fetch()
        assert "the server prepares the export: 42 %; next look in 1 s" in place.said
        assert not any("Example" in line or "secret" in line for line in place.said)
