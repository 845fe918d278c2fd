"""A server that misbehaves: what passes by itself is waited for, what does not is said, and nothing half is kept."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from email.utils import format_datetime
from pathlib import Path

import pytest

from orchestration.errors import SourceError
from orchestration.sources.fhir_bulk.export import last_full
from orchestration.sources.fhir_bulk.transport import ATTEMPTS
from tests.support.bulk_place import CONDITIONS, CONTENT, PATIENTS, BulkPlace, bulk_place
from tests.support.bulk_server import faults
from tests.support.bulk_server.faults import cut_at, damaged, instead, shortened
from tests.support.bulk_server.jobs import Content

EVERYTHING = {"Patient": list(PATIENTS), "Condition": list(CONDITIONS)}


def refused(place: BulkPlace) -> SourceError:
    """The error that a pull ends with: no export is kept, and nothing of the server's own words is in it."""
    with pytest.raises(SourceError) as caught:
        place.fetch()
    error = caught.value
    assert place.kept.exports() == []
    assert error.rule and error.where and error.found and error.remedy
    said = f"{error}{place.said}"
    assert not any(word in said for word in ("Example", "secret", "patient-777", "Bearer"))
    assert not any(token in said for token in place.server.authorization.tokens)
    return error


def test_slow_preparation_is_waited_for_as_the_server_asks(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.polls, place.server.retry_after = 30, "120"
        assert place.lines(place.fetch()) == EVERYTHING
        assert place.time.slept == [120.0] * 30


def test_retry_after_may_be_a_date(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.retry_after = format_datetime(place.time.now() + dt.timedelta(seconds=90), usegmt=True)
        place.fetch()
        assert place.time.slept == [90.0]


def test_without_retry_after_the_pauses_grow_up_to_a_bound(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.polls, place.server.retry_after = 15, ""
        place.fetch()
        slept = place.time.slept
        assert slept == sorted(slept) and slept[0] < slept[5] < slept[-1] == 300.0


@pytest.mark.parametrize(("told", "waited"), [("0", 1.0), ("86400", 3600.0), ("soon", 5.0)])
def test_pauses_are_bounded(tmp_path: Path, told: str, waited: float) -> None:
    with bulk_place(tmp_path) as place:
        place.server.retry_after = told
        place.fetch()
        assert place.time.slept == [waited]


@pytest.mark.parametrize("what", ["discovery", "token", "metadata", "start", "status", "file", "delete"])
def test_too_many_requests_are_repeated_when_the_server_says(tmp_path: Path, what: str) -> None:
    with bulk_place(tmp_path) as place:
        place.server.polls = 0
        place.server.script[what].append(instead(429, Retry_After="17"))
        assert place.lines(place.fetch()) == EVERYTHING
        assert place.time.slept == [17.0]


@pytest.mark.parametrize("what", ["discovery", "token", "metadata", "start", "status", "file", "delete"])
@pytest.mark.parametrize("status", [500, 503, 504])
def test_a_server_error_once_is_survived(tmp_path: Path, what: str, status: int) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script[what].append(instead(status))
        assert place.lines(place.fetch()) == EVERYTHING


def test_a_server_that_stays_broken_is_left_after_a_few_attempts(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["start"].extend([instead(503)] * 20)
        error = refused(place)
        assert place.server.passed["start"] == ATTEMPTS
        assert error.found == f"HTTP 503, {ATTEMPTS} time(s)"
        assert place.time.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.own = {"base_url": "http://127.0.0.1:9/fhir"}
        assert "no connection" in refused(place).found


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("fault", [cut_at(40), shortened(30)], ids=["dead connection", "truncated"])
def test_a_file_that_ends_too_early_is_fetched_again(tmp_path: Path, fault: faults.Fault, compress: bool) -> None:
    with bulk_place(tmp_path) as place:
        place.server.compress = compress
        place.server.script["file"].append(fault)
        assert place.lines(place.fetch()) == EVERYTHING
        assert sorted(place.server.downloads().values()) == [1, 1, 2]


def test_a_damaged_compressed_file_is_fetched_again(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["file"].append(damaged)
        assert place.lines(place.fetch()) == EVERYTHING


def test_a_file_that_stays_truncated_is_refused(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        # Without counts, only the file itself can tell.
        place.server.jobs_without_counts = True
        place.server.script["file"].extend([shortened(30)] * ATTEMPTS)
        error = refused(place)
        assert "its last line ends too early" in error.found
        assert error.where.startswith("the download of file 1 of 3 (output, Patient) at http://127.0.0.1:")


def test_a_wrong_count_is_refused(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.wrong_counts = {"Condition": 6}
        assert refused(place).found == f"5 lines where the manifest says 6, {ATTEMPTS} time(s)"


@pytest.mark.parametrize("body", [b"<html>Ann Example</html>", b"[1, 2]", b"id,name\n1,Ann Example\n"])
def test_something_else_than_ndjson_is_refused(tmp_path: Path, body: bytes) -> None:
    with bulk_place(tmp_path) as place:
        place.server.jobs_without_counts = True
        place.server.compress = False
        place.server.script["file"].extend([lambda right: right.but(body=body)] * ATTEMPTS)
        assert "something else than JSON objects" in refused(place).found


def test_an_encoding_nobody_asked_for_is_refused(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["file"].append(lambda right: right.but(headers={"Content-Encoding": "br"}))
        assert "encoding 'br'" in refused(place).found


OUTCOME = json.dumps(faults.outcome("not-found"))


@pytest.mark.parametrize("version", ["2", "4"])
def test_what_the_server_could_not_export_is_a_warning(tmp_path: Path, version: str) -> None:
    information = json.dumps(faults.outcome("informational", "information"))
    with bulk_place(tmp_path, Content(CONTENT.output, outcomes=(OUTCOME, OUTCOME, information))) as place:
        place.server.version = version
        export = place.fetch()
        assert export.outcomes == {"error/not-found": 2, "information/informational": 1}
        words = "2 × error/not-found, 1 × information/informational"
        assert f"warning: the server could not export everything: {words}" in place.said
        assert not any("Example" in line for line in place.said)


def test_information_from_the_server_is_no_warning(tmp_path: Path) -> None:
    information = json.dumps(faults.outcome("informational", "information"))
    with bulk_place(tmp_path, Content(CONTENT.output, outcomes=(information,))) as place:
        assert place.fetch().outcomes == {"information/informational": 1}
        assert not any(line.startswith("warning") for line in place.said)


@pytest.mark.parametrize(("own", "severity"), [({"on_server_errors": "refuse"}, "error"), ({}, "fatal")])
def test_what_the_server_could_not_export_ends_the_pull(tmp_path: Path, own: dict[str, str], severity: str) -> None:
    outcome = json.dumps(faults.outcome("exception", severity))
    with bulk_place(tmp_path, Content(CONTENT.output, outcomes=(outcome,)), CONTENT) as place:
        place.own = own
        assert f"1 × {severity}/exception" in refused(place).found
        assert place.server.jobs[0].deleted and not place.under_way()
        assert place.lines(place.fetch()) == EVERYTHING


def test_an_export_of_everything_without_patients_is_refused(tmp_path: Path) -> None:
    with bulk_place(tmp_path, Content((("Condition", CONDITIONS), ("Patient", ()))), CONTENT) as place:
        assert "has patients" in refused(place).rule
        assert place.lines(place.fetch()) == EVERYTHING
        assert place.server.jobs[1].asked.since is None


def test_exports_without_their_beginning_are_refused(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        first = place.fetch()
        second = place.fetch()
        shutil.rmtree(place.kept.root / first.export_id)
        assert place.fetch().export_id > second.export_id
        with pytest.raises(SourceError, match="begin with one of everything"):
            last_full(place.kept.exports())


def test_a_job_that_fails_is_given_up_and_the_next_pull_asks_anew(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.polls = 3
        place.server.script["status"].extend([lambda right: right, instead(500, code="processing")])
        assert refused(place).found == "HTTP 500 (1 × error/processing)"
        assert not place.under_way() and place.server.jobs[0].deleted
        assert place.lines(place.fetch()) == EVERYTHING
        assert len(place.server.jobs) == 2


def test_trouble_that_says_it_will_pass_is_waited_for(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["status"].extend([instead(500, code="transient"), instead(400, code="throttled")])
        assert place.lines(place.fetch()) == EVERYTHING
        assert len(place.server.jobs) == 1


def test_a_server_that_will_not_say_how_the_job_stands_keeps_its_job_for_two_pulls_more(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.polls = 0
        for number in (1, 2, 3):
            place.server.script["status"].extend([instead(502)] * 5)
            assert refused(place).found == "HTTP 502"
            assert place.under_way() == (number < 3)
        assert place.lines(place.fetch()) == EVERYTHING
        assert [job.deleted for job in place.server.jobs] == [True, True]


@pytest.mark.parametrize("status", [404, 410])
def test_a_job_that_the_server_lost_is_started_again(tmp_path: Path, status: int) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["status"].append(instead(status, code="not-found"))
        assert place.lines(place.fetch()) == EVERYTHING
        assert len(place.server.jobs) == 2
        assert any("does not know the export any more" in line for line in place.said)


def test_a_server_that_loses_every_job_is_left(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["status"].extend([instead(404)] * 20)
        assert "it lost 3 in a row" in refused(place).found
        assert len(place.server.jobs) == 3


def test_addresses_that_expired_are_read_anew(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["file"].extend([lambda right: right, instead(403)])
        assert place.lines(place.fetch()) == EVERYTHING
        assert sorted(place.server.downloads().values()) == [1, 1, 2]
        assert len(place.server.jobs) == 1


def test_addresses_that_stay_expired_end_the_pull(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["file"].extend([instead(410)] * 2)
        assert "they are refused" in refused(place).found


def test_a_pull_that_takes_too_long_leaves_the_export_for_the_next(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.own = {"longest_pull_hours": 1}
        place.server.polls, place.server.retry_after = 3, "1500"
        error = refused(place)
        assert "42 %" in error.found and "takes up the same export" in error.remedy
        assert place.under_way()
        assert place.lines(place.fetch()) == EVERYTHING
        assert len(place.server.jobs) == 1


def test_what_takes_a_month_is_given_up(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.own = {"longest_pull_hours": 0.5}
        place.server.polls, place.server.retry_after = 10_000, "3600"
        refused(place)
        place.time.sleep(29 * 86_400)
        refused(place)
        assert place.under_way()
        place.time.sleep(86_400)
        assert "within 30 days" in refused(place).rule
        assert not place.under_way() and place.server.jobs[0].deleted


def test_everything_is_not_what_changed(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.fetch()
        place.own = {"longest_pull_hours": 0.001}
        place.server.retry_after = "60"
        with pytest.raises(SourceError):
            place.fetch()
        place.own = {"mode": "full"}
        place.fetch()
        assert [job.asked.since is None for job in place.server.jobs] == [True, False, True]
        assert all(job.deleted for job in place.server.jobs)


def test_a_question_that_changed_gives_up_the_export_under_way(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.own = {"longest_pull_hours": 0.001}
        place.server.retry_after = "60"
        refused(place)
        place.own = {"types": ("Patient",)}
        assert set(place.lines(place.fetch())) == {"Patient"}
        assert [job.deleted for job in place.server.jobs] == [True, True]


@pytest.mark.parametrize(
    ("status", "warned", "asked_again"), [(405, False, False), (403, True, False), (503, True, True)]
)
def test_an_export_that_cannot_be_deleted_does_not_end_the_pull(
    tmp_path: Path, status: int, warned: bool, asked_again: bool
) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["delete"].extend([instead(status)] * (ATTEMPTS if status == 503 else 1))
        assert place.lines(place.fetch()) == EVERYTHING
        assert any(line.startswith("warning") for line in place.said) == warned
        place.server.passed.clear()
        place.fetch()
        assert place.server.passed["delete"] == 1 + asked_again


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"transactionTime": None}, "no `transactionTime` with a time zone"),
        ({"transactionTime": "2026-06-01"}, "no `transactionTime` with a time zone"),
        ({"requiresAccessToken": "false"}, "neither true nor false"),
        ({"output": [{"type": "Patient"}]}, "an entry of `output` without `url`"),
        ({"output": [{"url": "https://example.org/1"}]}, "an entry of `output` without `type`"),
        ({"output": [{"type": "../../x", "url": "https://example.org/1"}]}, "an entry of `output` without `type`"),
        ({"output": [{"type": "Patient", "url": "http://example.org/1"}]}, "another kind of address"),
        ({"output": [{"type": "Patient", "url": "file:///etc/passwd"}]}, "another kind of address"),
        ({"outputOrganizedBy": "Patient"}, "files that mix resource types"),
        ("[]", "something else than a JSON object"),
    ],
)
def test_a_manifest_that_says_too_little_is_refused(tmp_path: Path, change: object, found: str) -> None:
    with bulk_place(tmp_path) as place:
        place.server.polls = 0
        body = change.encode() if isinstance(change, str) else None
        place.server.script["status"].append(
            lambda right: right.but(body=body or json.dumps({**json.loads(right.body), **change}).encode())  # type: ignore[dict-item]
        )
        assert found in refused(place).found


def test_a_damaged_kept_file_is_noticed(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        export = place.fetch()
        path = place.kept.path(export, export.files[0])
        path.chmod(0o600)
        path.write_bytes(b"{}")
        with pytest.raises(SourceError, match="2 bytes instead of"):
            place.fetch()
