"""The Census client against a server that speaks as the API does: what lands, what is asked, and what goes wrong."""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
import time
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import EquityError, SettingsError, SourceError
from orchestration.settings import Settings
from orchestration.settings_area import CensusAcsSource
from orchestration.sources.pull import pull_source
from orchestration.sources.raw_zone import PulledFile
from tests.support.census_server import KEY, KEY_PAGE, CensusServer, Reply, serving
from tests.support.source_files import query

HAMILTON = ("39061",)
A, B = "39061000200", "39061000700"
HTML = {"content-type": "text/html"}


@pytest.fixture
def server() -> Iterator[CensusServer]:
    with serving(CensusServer()) as one:
        yield one


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CENSUS_API_KEY", KEY)


def settings_of(tmp_path: Path, server: CensusServer, **changes: Any) -> Settings:
    facts: dict[str, Any] = {"year": 2023, "counties": HAMILTON, "measures": ("poverty",), "base_url": server.url}
    source = CensusAcsSource(name="acs", **{**facts, **changes})
    return Settings(data_dir=tmp_path / "var", sources=(source,))


def pull(settings: Settings, said: list[str] | None = None) -> PulledFile:
    (file,) = pull_source(settings.sources[0], settings, (said if said is not None else []).append)
    return file


def rows(settings: Settings, measure: str) -> dict[tuple[str, str], tuple[float | None, float | None, Any, Any]]:
    found = query(
        settings,
        "select tract_geoid, category, try_cast(value as double), try_cast(moe as double), is_unreliable,"
        f" missing_reason from raw.tract_measures where measure = '{measure}'",
    )
    return {(tract, category): tuple(rest) for tract, category, *rest in found}


def test_shares_with_their_margins(tmp_path: Path, server: CensusServer) -> None:
    server.cells |= {
        (A, "B17020_001"): ("1000", "120", None, None),
        (A, "B17020_002"): ("436", "95", None, None),
        (B, "B17020_001"): ("2000", "-555555555", None, "*****"),
        (B, "B17020_002"): ("40", "38", None, None),
    }
    settings = settings_of(tmp_path, server)
    assert (pull(settings).rows_pulled, pull(settings).skipped) == (2, True)
    found = rows(settings, "poverty")
    moe = math.sqrt(95**2 - 0.436**2 * 120**2) / 1000
    assert found[A, ""] == (0.436, pytest.approx(moe), False, None)
    # A margin nearly as large as the estimate; the margin of a controlled total is 0.
    assert found[B, ""] == (0.02, pytest.approx(38 / 2000), True, None)
    assert query(settings, "select distinct tract_vintage, data_year, direction, release from raw.tract_measures") == [
        (2020, 2023, "higher_is_worse", "ACS 2019-2023")
    ]


def test_child_poverty_sums_its_ages(tmp_path: Path, server: CensusServer) -> None:
    for line, value in ((3, 20), (4, 30), (5, 0), (11, 100), (12, 50), (13, 0)):
        server.cells[A, f"B17020_{line:03d}"] = (str(value), "12", None, None)
    settings = settings_of(tmp_path, server, measures=("child_poverty",))
    pull(settings)
    value, moe, _, _ = rows(settings, "child_poverty")[A, ""]
    # Two estimates of zero, one among the poor and one among the others: each sum has its own margin for zero.
    poor, others = 12**2 * 3, 12**2 * 3
    assert value == 0.25
    assert moe == pytest.approx(math.sqrt(poor - 0.25**2 * (poor + others)) / 200)


def test_children_by_race_do_not_count_hispanic_children_twice(tmp_path: Path, server: CensusServer) -> None:
    none = ("0", "12", None, None)
    for table in "BCDEFGHI":
        for line in (3, 4, 5, 6, 18, 19, 20, 21):
            server.cells[A, f"B01001{table}_{line:03d}"] = none
    for line in (3, 4, 5, 6, 27, 28, 29, 30):
        server.cells[A, f"B01001_{line:03d}"] = ("100", "0", None, None)
    server.cells |= {
        (A, "B01001B_003"): ("300", "30", None, None),
        (A, "B01001H_018"): ("400", "30", None, None),
        (A, "B01001I_006"): ("120", "30", None, None),
        (A, "B03002_004"): ("900", "0", None, None),
        (A, "B03002_014"): ("100", "0", None, None),
        # Nobody of this race lives there: no share is needed to know that no child does.
        (A, "B03002_007"): none,
        (A, "B03002_017"): none,
    }
    settings = settings_of(tmp_path, server, measures=("children_by_race",))
    pull(settings)
    counts = {category: row[0] for (tract, category), row in rows(settings, "children_by_race").items() if tract == A}
    assert counts == {
        **dict.fromkeys(("aian", "asian", "multiple", "nhpi", "other"), 0),
        **{"black": 270, "hispanic": 120, "white": 400},
    }
    shares = rows(settings, "race_share_of_children")
    assert shares[A, "black"][0] == pytest.approx(270 / 800)
    assert shares[A, "white"][1] == pytest.approx(math.sqrt(30**2 + 12**2) / 800)


def test_codes_are_missing_with_their_reason(tmp_path: Path, server: CensusServer) -> None:
    server.cells |= {
        (A, "B19013_001"): ("-666666666", "-222222222", "-", "**"),
        (B, "B19013_001"): ("250001", "-333333333", "250,000+", "***"),
    }
    settings = settings_of(tmp_path, server, measures=("median_income",))
    pull(settings)
    assert rows(settings, "median_income") == {
        (A, ""): (None, None, None, "too few sample observations to compute it"),
        (B, ""): (None, None, None, "the median lies in the lowest or highest, open-ended interval"),
    }


def test_every_measure_of_two_counties(tmp_path: Path, server: CensusServer) -> None:
    changes = {"counties": ("39061", "39017"), "measures": CensusAcsSource.model_fields["measures"].default}
    settings = settings_of(tmp_path, server, **changes)
    # Eight measures and, by race, eight counts and eight shares, for three tracts.
    assert pull(settings).rows_pulled == 3 * (8 + 8 + 8)
    queries = server.asked[1:]
    assert len(server.asked[1:]) == len(set(server.asked[1:])) == len(server.keys)
    variables = [name for path in queries for name in path.split("get=")[1].split("&")[0].split(",")]
    assert max(path.count(",") for path in queries) <= 50
    assert len(variables) == len(set(variables)) == 4 * len(server.labels)
    assert {name.removesuffix("A")[:-1] for name in variables} == set(server.labels)


def test_a_second_pull_asks_nothing_and_needs_no_key(
    tmp_path: Path, server: CensusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, server)
    pull(settings)
    before = list(server.asked)
    monkeypatch.delenv("CENSUS_API_KEY")
    assert pull(settings).skipped
    # Another limit is another reading of the same answers.
    assert not pull(settings_of(tmp_path, server, cv_limit=0.1)).skipped
    assert server.asked == before


def test_a_pull_goes_on_where_the_last_one_stopped(tmp_path: Path, server: CensusServer) -> None:
    settings = settings_of(tmp_path, server, measures=("children_by_race",), attempts=1)
    server.faults = [None, None, None, (500, {}, b"")]
    with pytest.raises(SourceError, match="status 500"):
        pull(settings)
    first = set(server.asked[:3])
    server.asked.clear()
    pull(settings)
    assert first & set(server.asked) == set()


def test_the_key_is_nowhere_but_in_the_request(
    tmp_path: Path, server: CensusServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    settings = settings_of(tmp_path, server, attempts=2)
    server.faults = [None, (400, {"content-type": "text/plain"}, f"error: {KEY} is odd".encode())]
    with pytest.raises(SourceError) as error:
        pull(settings, said)
    server.faults = [(503, {"retry-after": "0"}, b"")]
    pull(settings, said)
    assert server.keys == [KEY]
    assert KEY not in str(error.value) + " ".join(said) + caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_answers_are_closed_to_others_and_never_changed(tmp_path: Path, server: CensusServer) -> None:
    settings = settings_of(tmp_path, server)
    pull(settings)
    answers = [path for path in (settings.raw_dir / "acs" / "answers").glob("*.json") if "pull_" not in path.name]
    assert len(answers) == 2
    assert {path.stat().st_mode & 0o777 for path in answers} == {0o400}


@pytest.mark.parametrize(
    "header",
    ["0", format_datetime(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), usegmt=True)],
)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(tmp_path: Path, server: CensusServer, status: int, header: str) -> None:
    server.faults = [(status, {"retry-after": header}, b"")] * 2
    said: list[str] = []
    assert pull(settings_of(tmp_path, server), said).rows_pulled == 2
    assert said[:2] == [f"the census server: status {status}; asking again in 0 s"] * 2
    assert len(server.asked) == 4


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_it_is_not_asked_again_before_the_time_it_names(tmp_path: Path, server: CensusServer, form: str) -> None:
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=3)
    header = "2" if form == "seconds" else format_datetime(at.replace(microsecond=0), usegmt=True)
    server.faults = [(429, {"retry-after": header}, b"")]
    began = time.monotonic()
    assert pull(settings_of(tmp_path, server)).rows_pulled == 2
    assert time.monotonic() - began > 1.5


def test_without_a_time_the_wait_grows(tmp_path: Path, server: CensusServer) -> None:
    server.faults = [(0, {}, b"")]
    said: list[str] = []
    pull(settings_of(tmp_path, server), said)
    assert said[0] == "the census server: no answer (RemoteProtocolError); asking again in 1 s"


MISTAKES: list[tuple[Reply, str]] = [
    ((400, {"content-type": "text/plain"}, b"error: unknown variable 'B17020_001E'"), "unknown variable 'B17020_001E'"),
    ((200, HTML, KEY_PAGE), "a page about the key"),
    ((302, {"location": "/data/missing_key.html"}, b""), "a page about the key"),
    ((301, {"location": "https://elsewhere.example/"}, b""), "status 301"),
    ((403, HTML, b"no"), "a page about the key"),
    ((204, {}, b""), "no data for these places"),
    ((404, HTML, b"<html>"), "status 404"),
    ((200, {"content-type": "application/json"}, b'[["B17020_001E"'), "JSON that cannot be read"),
    ((429, {"retry-after": "86400"}, b""), "it asks to wait for 86400 s"),
]


@pytest.mark.parametrize(("reply", "found"), MISTAKES)
def test_what_asking_again_would_not_mend(tmp_path: Path, server: CensusServer, reply: Reply, found: str) -> None:
    server.faults = [None, reply]
    with pytest.raises(SourceError) as error:
        pull(settings_of(tmp_path, server))
    assert found in error.value.found
    assert error.value.remedy and "/data/2023/acs/acs5" in error.value.where
    assert len(server.asked) == 2


def test_a_wrong_key_is_found_out(tmp_path: Path, server: CensusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CENSUS_API_KEY", "wrong")
    with pytest.raises(SourceError, match="api_key_variable"):
        pull(settings_of(tmp_path, server))


def test_a_server_that_stays_busy(tmp_path: Path, server: CensusServer) -> None:
    server.faults = [(503, {"retry-after": "0"}, b"")] * 9
    with pytest.raises(SourceError, match="status 503, 3 times"):
        pull(settings_of(tmp_path, server, attempts=3))
    assert len(server.asked) == 3
    assert not (tmp_path / "var" / "raw" / "acs" / "current.json").exists()


@pytest.mark.parametrize(
    ("label", "found"),
    [("Estimate!!Total:!!At or above poverty level", "At or above"), (None, "no such variable")],
)
def test_a_line_that_moved_is_found_out(tmp_path: Path, server: CensusServer, label: str | None, found: str) -> None:
    server.labels.pop("B17020_002")
    if label:
        server.labels["B17020_002"] = label
    with pytest.raises(SourceError) as error:
        pull(settings_of(tmp_path, server))
    assert "B17020_002E" in error.value.rule and "below poverty level" in error.value.rule
    assert found in error.value.found
    assert server.keys == []


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'[["B17020_001E","state","county","tract"],["1","39","061","000200"]]', "documented table"),
        (b'{"error": "x"}', "documented table"),
    ],
)
def test_answers_of_another_shape(tmp_path: Path, server: CensusServer, content: bytes, found: str) -> None:
    server.faults = [None, (200, {"content-type": "application/json"}, content)]
    with pytest.raises(SourceError, match=found):
        pull(settings_of(tmp_path, server))


def test_answers_about_other_tracts(tmp_path: Path, server: CensusServer) -> None:
    settings = settings_of(tmp_path, server, measures=("children_by_race",))
    get = ",".join(f"{line}{part}" for line in sorted(server.labels)[:12] for part in ("E", "M", "EA", "MA"))
    header = [*get.split(","), "state", "county", "tract"]
    one_tract = json.dumps([header, [*["1"] * 48, "39", "061", "000200"]]).encode()
    server.faults = [None, (200, {"content-type": "application/json"}, one_tract)]
    with pytest.raises(SourceError, match="other tracts than in the answers before"):
        pull(settings)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"counties": ()}, "neither"),
        ({"counties": ("09001",), "year": 2023}, "09001"),
        ({"counties": ("09110",), "year": 2021}, "09110"),
    ],
)
def test_counties_that_cannot_be_asked_for(
    tmp_path: Path, server: CensusServer, changes: dict[str, Any], found: str
) -> None:
    with pytest.raises(SettingsError) as error:
        pull(settings_of(tmp_path, server, **changes))
    assert found in error.value.found and error.value.remedy
    assert server.asked == []


def test_the_catchment_s_counties_are_asked_for(tmp_path: Path, server: CensusServer) -> None:
    settings = settings_of(tmp_path, server, counties=()).model_copy(update={"catchment_counties": HAMILTON})
    assert pull(settings).rows_pulled == 2


def test_without_a_key_nothing_is_asked_of_the_data(
    tmp_path: Path, server: CensusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CENSUS_API_KEY", " ")
    with pytest.raises(EquityError, match="CENSUS_API_KEY"):
        pull(settings_of(tmp_path, server))
    assert server.keys == []


@pytest.mark.parametrize("url", ["http://api.census.gov/data", "ftp://x"])
def test_the_key_goes_over_closed_lines_only(tmp_path: Path, server: CensusServer, url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        settings_of(tmp_path, server, base_url=url)
