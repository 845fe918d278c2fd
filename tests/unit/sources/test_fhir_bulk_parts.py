"""Small parts of the Bulk Data client that decide something on their own."""

from __future__ import annotations

import datetime as dt
import gzip
import json

import pytest

from orchestration.errors import SourceError
from orchestration.sources.fhir_bulk.addresses import origin_of, resolved, shown
from orchestration.sources.fhir_bulk.lines import Lines, NotWhole
from orchestration.sources.fhir_bulk.outcomes import in_words, issues_of
from orchestration.sources.fhir_bulk.polling import in_plain_words
from orchestration.sources.fhir_bulk.scopes import not_granted, version_of
from orchestration.sources.fhir_bulk.waiting import retry_after

NOW = dt.datetime(2026, 7, 1, 8, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("0", 1.0),
        ("999999999999", 3600.0),
        ("-5", None),
        ("1.5", None),
        ("Wed, 01 Jul 2026 08:01:30 GMT", 90.0),
        ("Wed, 01 Jul 2026 07:00:00 GMT", 1.0),
        ("Wed, 01 Jul 2026 10:00:30 +0200", 30.0),
        ("next week", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("42%", "42 %"),
        ("Exported 100.0 % of Ann Example", "100 %"),
        ("1234% of nothing", "in progress"),
        ("QUEUED", "queued"),
        ("Processing Patient/123", "processing"),
        ("Ann Example", "in progress"),
        ("", "in progress"),
    ],
)
def test_progress_says_nothing_of_anybody(header: str, words: str) -> None:
    assert in_plain_words(header) == words


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/x", "https://a.example:443/y?z=1", True),
        ("https://A.example/x", "https://a.example/x", True),
        ("https://a.example/x", "http://a.example/x", False),
        ("https://a.example/x", "https://a.example:8443/x", False),
        ("https://a.example/x", "https://a.example.evil.example/x", False),
        ("https://a.example/x", "https://a.example@evil.example/x", False),
        ("https://[::1]/x", "https://[::1]:443/x", True),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    assert (origin_of(one) == origin_of(other)) == same


def test_a_message_shows_the_origin_only() -> None:
    assert shown("https://a.example:443/Patient/123?name=Ann") == "https://a.example"
    assert shown("https://a.example:8443/Patient/123") == "https://a.example:8443"


@pytest.mark.parametrize(
    ("reference", "url"),
    [("/files/1", "https://a.example/files/1"), ("2", "https://a.example/jobs/2"), ("https://b.example/3",) * 2],
)
def test_addresses_may_be_relative(reference: str, url: str) -> None:
    assert resolved("https://a.example/jobs/1", reference, "x") == url


@pytest.mark.parametrize(
    "reference",
    [
        "http://b.example/1",
        "//user@b.example/1",
        "ftp://b.example/1",
        "https://",
        "",
        "https://b.example:99999/1",
        "https://[b/1",
    ],
)
def test_unusable_addresses(reference: str) -> None:
    with pytest.raises(SourceError, match="begins with https") as error:
        resolved("https://a.example/jobs/1", reference, "x")
    assert "b.example" not in str(error.value)


def fed(content: bytes, size: int) -> Lines:
    lines = Lines()
    for start in range(0, len(content), size):
        lines.feed(content[start : start + size])
    return lines


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda text: gzip.compress(text[:9]) + gzip.compress(text[9:])])
@pytest.mark.parametrize(
    ("text", "count"),
    [
        (b'{"a": 1}\n{"a": 2}\n', 2),
        (b'{"a": 1}\r\n\r\n  \n{"a": 2}', 2),
        (b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n', 2),
        (b"\n", 0),
    ],
)
def test_lines_are_counted_however_they_arrive(pack: object, text: bytes, count: int, size: int) -> None:
    assert callable(pack)
    assert fed(pack(text), size).finish() == count


@pytest.mark.parametrize("text", [b"", b"{", b"x"])
def test_the_shortest_files(text: bytes) -> None:
    lines = fed(text, 1)
    if text:
        with pytest.raises(NotWhole):
            lines.finish()
    else:
        assert lines.finish() == 0


@pytest.mark.parametrize(
    ("supported", "version"), [(["system/*.rs"], "v2"), (["system/*.read"], "v1"), ([], "v1"), (["openid"], "v1")]
)
def test_scope_version_from_what_is_offered(supported: list[str], version: str) -> None:
    assert version_of([], supported) == version


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ("system/*.*", ()),
        ("system/*.rs", ()),
        ("system/Patient.read system/Encounter.rs", ()),
        ("system/Patient.cruds system/Encounter.s", ("Encounter",)),
        ("user/Patient.rs system/Encounter.rs", ("Patient",)),
        ("system/PatientX.rs system/Encounter.rs", ("Patient",)),
    ],
)
def test_what_is_not_granted(granted: str, missing: tuple[str, ...]) -> None:
    assert not_granted(("Patient", "Encounter"), granted) == missing


@pytest.mark.parametrize(
    ("issue", "said"),
    [
        ({"severity": "error", "code": "not-found", "diagnostics": "Ann Example"}, "1 × error/not-found"),
        ({"severity": "Ann", "code": "Example"}, "1 × other/other"),
        ({"severity": ["error"], "code": {"a": 1}}, "1 × other/other"),
        ({}, "1 × other/other"),
        ("Ann Example", ""),
    ],
)
def test_an_outcome_is_told_in_the_standards_words_only(issue: object, said: str) -> None:
    assert in_words(issues_of(json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode())) == said


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"resourceType": "OperationOutcome", "issue": "Ann"}', b"\xff"])
def test_what_is_no_outcome_says_nothing(body: bytes) -> None:
    assert issues_of(body) == []
