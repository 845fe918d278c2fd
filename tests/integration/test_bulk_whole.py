"""From a Bulk Data server to a release: the same rows and the same tables as from the same NDJSON in a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.settings import DEMO_AS_OF, FhirFilesSource, Settings, Window
from orchestration.settings_fhir_bulk import DEFAULT_TYPES, FhirBulkSource
from orchestration.sources.layout import REGISTRY
from orchestration.sources.pull import pull_source
from orchestration.synthetic.formats import write_registry
from tests.support.bulk_server.authorization import CLIENT_ID
from tests.support.bulk_server.jobs import Content
from tests.support.bulk_server.keys import EC_ID, ec_key, pem
from tests.support.bulk_server.server import BulkServer
from tests.support.small_run import MONTHS, Ended, run_job, settings_for
from tests.support.source_files import query

TYPES = (*DEFAULT_TYPES, "EpisodeOfCare")
REALDATA = os.environ.get("EQUITY_REALDATA")
CHILDREN = 200
TABLES = ("measures", "strata", "gaps", "held", "quality")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated registry as FHIR resources."""
    folder = tmp_path_factory.mktemp("fhir") / "registry"
    write_registry(folder, "fhir", patients=CHILDREN, as_of=DEMO_AS_OF, months=MONTHS)
    return folder


def resources(folder: Path) -> list[tuple[str, tuple[str, ...]]]:
    files = sorted(folder.glob("*.ndjson"))
    return [(path.name.split(".")[0], tuple(path.read_text(encoding="utf-8").splitlines())) for path in files]


@contextmanager
def serving(root: Path, *exports: Content) -> Iterator[tuple[BulkServer, FhirBulkSource]]:
    (root / "key.pem").write_text(pem(ec_key()), encoding="utf-8")
    with BulkServer(list(exports)) as server:
        assert isinstance(server, BulkServer)
        server.polls = 0
        yield server, FhirBulkSource(
            name="registry", base_url=server.base_url, group_id="t1d", types=TYPES, client_id=CLIENT_ID,
            key_file=root / "key.pem", key_id=EC_ID,
        )  # fmt: skip
        assert server.violations == []


def registry(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the registry's tables, as the warehouse sees them."""
    return {
        name: query(settings, f"select {', '.join(table.column_names)} from raw.{name} order by all")
        for name, table in REGISTRY.items()
    }


def pulled(root: Path, source: FhirBulkSource | FhirFilesSource) -> dict[str, list[tuple[Any, ...]]]:
    settings = Settings(data_dir=root / "var", as_of=DEMO_AS_OF, sources=(source,))
    pull_source(source, settings, lambda words: None)
    return registry(settings)


def test_the_rows_are_those_of_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    expected = pulled(tmp_path / "files", FhirFilesSource(name="registry", path=folder))
    assert {name for name, rows in expected.items() if rows} >= {"patients", "encounters", "observations"}
    with serving(tmp_path, Content(tuple(resources(folder)))) as (_, source):
        assert pulled(tmp_path, source) == expected


def test_changes_and_deletions_of_later_exports_are_honoured(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    expected = pulled(tmp_path / "files", FhirFilesSource(name="registry", path=folder))
    whole = dict(resources(folder))
    changed, same = whole["Patient"][:5], whole["Patient"][7:]
    earlier = [{**json.loads(line), "birthDate": "2010-01-01"} for line in changed]
    gone = [{**earlier[0], "id": f"gone-{number}"} for number in range(3)]
    first = {**whole, "Patient": (*map(json.dumps, (*earlier, *gone)), *same)}
    deletions = tuple(deletion(f"Patient/{one['id']}") for one in gone)
    second = Content((("Patient", whole["Patient"][:7]),), deleted=deletions)
    with serving(tmp_path, Content(tuple(first.items())), second) as (server, source):
        between = {row[0]: row for row in pulled(tmp_path, source)["patients"]}
        assert {f"gone-{number}" for number in range(3)} <= between.keys()
        assert pulled(tmp_path, source) == expected
        assert [job.asked.since is None for job in server.jobs] == [True, False]


def deletion(reference: str) -> str:
    entry = {"request": {"method": "DELETE", "url": reference}}
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})


def test_a_full_export_replaces_everything_before(folder: Path, tmp_path: Path) -> None:
    whole = dict(resources(folder))
    fewer = {**whole, "Patient": whole["Patient"][5:]}
    left_out = {json.loads(line)["id"] for line in whole["Patient"][:5]}
    with serving(tmp_path, Content(tuple(whole.items())), Content(tuple(fewer.items()))) as (_, source):
        before = {row[0] for row in pulled(tmp_path, source)["patients"]}
        assert left_out <= before
        after = {row[0] for row in pulled(tmp_path, source.model_copy(update={"mode": "full"}))["patients"]}
        assert after == before - left_out


def release_tables(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    tables = settings.releases_dir / "current" / "tables"
    with duckdb.connect() as con:
        return {
            name: con.execute(
                f"select * exclude (release_id) from read_parquet('{tables / name}.parquet') order by all"
            ).fetchall()
            for name in TABLES
        }


def test_pull_then_run_publishes_the_tables_of_the_folder(
    folder: Path, in_folder: Path, equity: Callable[..., Ended]
) -> None:
    area = settings_for(folder, in_folder / "from_files").sources[1]
    files = Settings(
        data_dir=in_folder / "from_files", as_of=DEMO_AS_OF, window=Window(months=MONTHS),
        sources=(FhirFilesSource(name="registry", path=folder), area),
    )  # fmt: skip
    run_job(files)
    with serving(in_folder, Content(tuple(resources(folder))), Content(())) as (server, source):
        bulk = files.model_copy(update={"data_dir": in_folder / "var", "sources": (source, area)})
        (in_folder / "equity.toml").write_text(as_toml(source, folder), encoding="utf-8")
        ended = equity("pull", "registry")
        assert ended.code == 0, ended.err
        ended = equity("run")
        assert ended.code == 0, ended.err
        assert [job.asked.since is None for job in server.jobs] == [True, False]
    assert release_tables(bulk) == release_tables(files)


def as_toml(source: FhirBulkSource, folder: Path) -> str:
    area = settings_for(folder, folder).sources[1].model_dump(mode="json")
    measures = "".join(
        "[[sources.measures]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in one.items() if value)
        for one in area["measures"]
    )
    return f"""
as_of = {DEMO_AS_OF}
window = {{months = {MONTHS}}}
[[sources]]
type = "fhir_bulk"
name = "{source.name}"
base_url = "{source.base_url}"
group_id = "{source.group_id}"
types = {json.dumps(TYPES)}
client_id = "{source.client_id}"
key_file = "key.pem"
key_id = "{source.key_id}"
[[sources]]
type = "area_files"
name = "{area["name"]}"
path = "{area["path"]}"
tract_column = "{area["tract_column"]}"
tract_vintage = {area["tract_vintage"]}
data_year = {area["data_year"]}
{measures}
"""


@pytest.mark.skipif(not REALDATA, reason="EQUITY_REALDATA names no folder of public data to run on")
def test_a_real_sample_comes_through_whole(tmp_path: Path) -> None:
    found = resources(Path(str(REALDATA)) / "ehr" / "fhir_bulk_10")
    ids = {json.loads(line)["id"] for name, lines in found if name == "Patient" for line in lines}
    encounters = {json.loads(line)["id"] for name, lines in found if name == "Encounter" for line in lines}
    with serving(tmp_path, Content(tuple(found))) as (_, source):
        rows = pulled(tmp_path, source)
    assert len(ids) >= 10
    assert {row[0] for row in rows["patients"]} == ids
    place = REGISTRY["encounters"].column_names.index("encounter_id")
    assert {row[place] for row in rows["encounters"]} == encounters
