"""A geocoder's output becomes addresses of a registry; what it could not place says why, and is never placed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.errors import SourceError
from orchestration.settings import RegistryFilesSource, Settings
from orchestration.settings_area import GeocodeFilesSource
from orchestration.sources.pull import pull_source
from orchestration.sources.raw_zone import PulledFile
from tests.support import tiny_warehouse
from tests.support.source_files import query

T = "39061000200"
DEGAUSS = "patient_id,starts_on,ends_on,address,precision,score,geocode_result,lat,lon,census_tract_id\n"
LIST = "address_id,patient_id,starts_on,ends_on\na1,p1,2020-01-01,2021-01-01\na2,p2,2020-02-02,\na2,p3,2020-03-03,\n"
SECRET = "221b Baker St"


def settings_of(tmp_path: Path, content: str, **changes: Any) -> Settings:
    path = tmp_path / "geocoded.csv"
    path.write_text(content, encoding="utf-8")
    source = GeocodeFilesSource(name="homes", **{"path": path, "tract_vintage": 2020, **changes})
    return Settings(data_dir=tmp_path / "var", sources=(RegistryFilesSource(path=tmp_path), source))


def listed(tmp_path: Path, content: str = LIST) -> Path:
    path = tmp_path / "addresses.csv"
    path.write_text(content, encoding="utf-8")
    return path


def pull(settings: Settings, said: list[str] | None = None) -> PulledFile:
    (file,) = pull_source(settings.sources[1], settings, (said if said is not None else []).append)
    return file


def landed(settings: Settings, columns: str) -> list[tuple[Any, ...]]:
    only = settings.model_copy(update={"sources": settings.sources[1:]})
    return query(only, f"select {columns} from raw.addresses order by _source_row")


def rejects(settings: Settings) -> list[tuple[Any, ...]]:
    only = settings.model_copy(update={"sources": settings.sources[1:]})
    return query(only, "select source_row, reason from raw.rejects order by all")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (f"range,0.93,geocoded,39.1,-84.5,{T}", "matched"),
        (f"street,0.5,geocoded,39.1,-84.5,{T}", "matched"),
        (f"street,0.499,geocoded,39.1,-84.5,{T}", "low_score"),
        (f"street,NA,geocoded,39.1,-84.5,{T}", "low_score"),
        (f"zip,0.9,geocoded,39.1,-84.5,{T}", "imprecise"),
        (f"intersection,0.9,geocoded,39.1,-84.5,{T}", "imprecise"),
        (f"zip,0.9,imprecise_geocode,NA,NA,{T}", "imprecise"),
        (f"range,0.9,po_box,39.1,-84.5,{T}", "po_box"),
        (f"range,0.9,cincy_inst_foster_addr,39.1,-84.5,{T}", "institution"),
        (f"range,0.9,non_address_text,39.1,-84.5,{T}", "not_an_address"),
        (f"range,0.9,something_new,39.1,-84.5,{T}", "unknown_result"),
        ("range,0.9,geocoded,39.1,-84.5,NA", "no_tract"),
        (f"range,0.93,geocoded,39.1,-84.5,{T}.0", "matched"),
        ("range,0.93,geocoded,39.1,-84.5,390610002", "no_tract"),
        ("range,0.93,geocoded,39.1,-84.5,390610002001", "no_tract"),
        ("range,0.93,geocoded,39.1,-84.5,1400000US39061000200", "no_tract"),
        ("NA,NA,NA,NA,NA,NA", "no_match"),
    ],
)
def test_only_precise_matches_of_homes_have_a_tract(tmp_path: Path, answer: str, status: str) -> None:
    settings = settings_of(tmp_path, DEGAUSS + f'p1,2020-01-01,,"{SECRET}, Cincinnati",{answer}\n')
    assert pull(settings).rows_pulled == 1
    tract = T if status == "matched" else None
    columns = "patient_id, tract_geoid, tract_vintage, starts_on, ends_on, registry_source, geocode_status"
    assert landed(settings, columns) == [("p1", tract, "2020", "2020-01-01", None, "registry", status)]


def test_precision_and_score_stand_on_the_row_and_the_address_does_not(tmp_path: Path) -> None:
    said: list[str] = []
    rows = f'p1,2020-01-01,,"{SECRET}",range,0.93,geocoded,39.1234,-84.5,{T}\np2,2020-01-01,,"{SECRET}",zip,0.4,,,,\n'
    settings = settings_of(tmp_path, DEGAUSS + rows)
    pull(settings, said)
    assert landed(settings, "geocode_precision, geocode_score") == [("range", "0.93"), ("zip", "0.4")]
    assert said[1] == (
        "warning: homes/geocoded.csv: 1 of 2 addresses are matched well enough; the rest is set aside by reason"
    )
    content = b"".join(path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file())
    assert b"Baker" not in content and b"39.1234" not in content


def test_what_will_do_is_a_setting(tmp_path: Path) -> None:
    row = DEGAUSS + f"p1,2020-01-01,,x,intersection,0.4,geocoded,39.1,-84.5,{T}\n"
    settings = settings_of(tmp_path, row, min_score=0.4, precisions=("range", "street", "intersection"))
    pull(settings)
    assert landed(settings, "geocode_status") == [("matched",)]


def test_the_list_says_whose_an_address_is(tmp_path: Path) -> None:
    content = "address_id,precision,score,geocode_result,tract\n"
    content += f"a2,range,0.9,geocoded,{T}\na9,range,0.9,geocoded,{T}\na1,zip,0.9,geocoded,{T}\na8,,,,\na8,,,,\n"
    more = LIST + "a7,p4,2020-04-04,\na8,p5,2020-05-05,\n"
    settings = settings_of(tmp_path, content, addresses=listed(tmp_path, more), tract_column="tract")
    file = pull(settings)
    # Two people live at a2; nobody is known to live at a9; a7 was never answered; a8 was answered twice.
    assert landed(settings, "_source_row, patient_id, starts_on, ends_on, tract_geoid, geocode_status") == [
        (1, "p1", "2020-01-01", "2021-01-01", None, "imprecise"),
        (2, "p2", "2020-02-02", None, T, "matched"),
        (3, "p3", "2020-03-03", None, T, "matched"),
        (4, "p4", "2020-04-04", None, None, "no_answer"),
        (5, "p5", "2020-05-05", None, None, "no_answer"),
    ]
    assert rejects(settings) == [
        (7, "the address id is not in the list of addresses"),
        (9, "the geocoder answered several times for the address id"),
        (10, "the geocoder answered several times for the address id"),
    ]
    assert (file.rows_in, file.rows_pulled, file.rows_quarantined) == (8, 5, 3)
    listed(tmp_path, LIST)
    assert not pull(settings).skipped


CENSUS = (
    f'"a1","{SECRET}, Cincinnati, OH, 45202","Match","Exact","X","-84.5,39.1","1","L","39","061","000200","1000"\n'
    '"a2","2 B St, Cincinnati, OH, 45202","Match","Non_Exact","X","-84.5,39.1","1","L","39","061","000200","1000"\n'
    '"a3","3 C St","No_Match"\n"a4","4 D St","Tie"\n'
)


@pytest.mark.parametrize(("accepts", "second"), [(True, ("matched", T)), (False, ("imprecise", None))])
def test_the_output_of_the_census_batch_geocoder(tmp_path: Path, accepts: bool, second: tuple[str, str | None]) -> None:
    people = "address_id,patient_id,starts_on\n" + "".join(f"a{n},p{n},2020-01-01\n" for n in (1, 2, 3, 4))
    settings = settings_of(
        tmp_path, CENSUS, form="census", addresses=listed(tmp_path, people), accepts_non_exact=accepts
    )
    pull(settings)
    assert landed(settings, "patient_id, geocode_status, tract_geoid, geocode_precision") == [
        ("p1", "matched", T, "range"),
        ("p2", *second, "range, not exact"),
        ("p3", "no_match", None, None),
        ("p4", "tie", None, None),
    ]


def test_zeros_that_a_spreadsheet_ate_come_back(tmp_path: Path) -> None:
    row = '"a1","x","Match","Exact","X","-86,32","1","L","1","1","20100","1000"\n'
    people = listed(tmp_path, "address_id,patient_id,starts_on\na1,p1,2020-01-01\n")
    settings = settings_of(tmp_path, row, form="census", addresses=people)
    pull(settings)
    assert landed(settings, "tract_geoid") == [("01001020100",)]


def test_a_tract_of_a_spreadsheet_counts_and_one_that_is_none_does_not(tmp_path: Path) -> None:
    rows = "".join(
        f"p{n},2020-01-01,,x,range,0.9,geocoded,1,1,{tract}\n"
        for n, tract in enumerate(("1001020100", "39061000200.0", "390610002", "39061000200X"))
    )
    settings = settings_of(tmp_path, DEGAUSS + rows)
    pull(settings)
    assert landed(settings, "tract_geoid, geocode_status") == [
        ("01001020100", "matched"), (T, "matched"), (None, "no_tract"), (None, "no_tract"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "tract"),
    [('"1.0","1.0","20100.0"', "01001020100"), ('"39","061","0002001"', None), ('"39","061","2X"', None)],
)
def test_a_census_match_has_a_tract_of_11_digits_or_none(tmp_path: Path, parts: str, tract: str | None) -> None:
    row = f'"a1","x","Match","Exact","X","-86,32","1","L",{parts},"1000"\n'
    people = listed(tmp_path, "address_id,patient_id,starts_on\na1,p1,2020-01-01\n")
    settings = settings_of(tmp_path, row, form="census", addresses=people)
    pull(settings)
    assert landed(settings, "tract_geoid, geocode_status") == [(tract, "matched" if tract else "no_tract")]


@pytest.mark.parametrize(
    ("content", "changes", "found"),
    [
        ("a1,x,Match" + ",y" * 12 + "\n", {"form": "census"}, "reading fails"),
        ("address_id,address\na1,x\n", {"form": "census"}, "it is in no row"),
        ("address_id,address\na1,x\n", {}, "not so among its 2 columns"),
    ],
)
def test_files_of_another_kind(tmp_path: Path, content: str, changes: dict[str, Any], found: str) -> None:
    settings = settings_of(tmp_path, content, addresses=listed(tmp_path), **changes)
    with pytest.raises(SourceError) as error:
        pull(settings)
    assert found in error.value.found
    assert SECRET not in str(error.value)


def test_people_must_be_of_a_known_registry(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`registry` of homes"):
        settings_of(tmp_path, DEGAUSS, registry="another")
    with pytest.raises(ValueError, match="name the list of addresses"):
        settings_of(tmp_path, DEGAUSS, form="census")


def test_a_match_to_no_tract_stays_in_the_match_rate(tmp_path: Path) -> None:
    keys = ("1001020100", "39061000200.0", "390610002", "39061000200X")
    rows = "".join(f"p{n},2020-01-01,,x,range,0.9,geocoded,1,1,{key}\n" for n, key in enumerate(keys))
    settings = settings_of(tmp_path, DEGAUSS + rows)
    pull(settings)
    columns = tiny_warehouse.LAYOUT["addresses"]
    homes = [dict(zip(columns, row, strict=True)) for row in landed(settings, ", ".join(columns))]
    people = [{"patient_id": f"p{n}", "site_id": "a", "birth_date": "2015-01-15", "sex": "F"} for n in range(len(keys))]
    sick = [{"patient_id": f"p{n}", "code": "E10.9", "onset_on": "2020-01-01"} for n in range(len(keys))]
    run = tiny_warehouse.Run(dt.date(2025, 7, 1), dt.date(2026, 6, 30), dt.date(2026, 7, 14))
    path = tmp_path / "warehouse.duckdb"
    tables = {"registry": {"patients": people, "conditions": sick}, "homes": {"addresses": homes}}
    tiny_warehouse.write(path, run, tables)
    only = ("--select", "+int_quality__geocode", "--exclude-resource-type", "unit_test", "test")
    tiny_warehouse.build(path, tmp_path / "target", ("build", *only))
    counted = (
        "select n, n_matched from int_quality__geocode where site = 'all' and grain = 'year' and stratum = 'female'"
    )
    with duckdb.connect(str(path), read_only=True) as con:
        assert con.execute(counted).fetchall() == [(4, 2)]
