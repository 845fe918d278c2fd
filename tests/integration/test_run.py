"""`equity run` as a user meets it: what it shows and leaves behind, how it refuses, and what a killed run leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.definitions import build_definitions
from orchestration.defs.instance import open_instance
from orchestration.defs.jobs import REFRESH
from orchestration.defs.resources.run_lock import exclusive
from orchestration.release.store import current_release, list_releases, verify_release
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.synthetic.registry import generate
from tests.support.small_run import MONTHS, Ended, run_job

TOML = """
title = "Own registry"
as_of = 2026-06-30
{extra}
[window]
months = {months}
[[sources]]
type = "registry_files"
path = "registry"
[[sources]]
type = "area_files"
name = "tracts"
path = "registry/tracts.csv"
tract_column = "tract_geoid"
tract_vintage = 2020
data_year = 2023
[[sources.measures]]
measure = "child_population"
column = "child_population"
direction = "count"
[[sources.measures]]
measure = "poverty"
column = "poverty_share"
direction = "higher_is_worse"
"""


@pytest.fixture
def own(in_folder: Path, published: Settings) -> Path:
    """A folder with an equity.toml and a registry of 300 invented children."""
    (in_folder / "registry").symlink_to(published.sources[0].path)
    write_toml(in_folder)
    return in_folder


def write_toml(folder: Path, extra: str = "") -> None:
    (folder / "equity.toml").write_text(TOML.format(months=MONTHS, extra=extra), encoding="utf-8")


def test_a_run_on_own_settings_publishes_and_says_so(own: Path, equity: Callable[..., Ended]) -> None:
    ended = equity("run")
    assert ended.code == 0, ended.err
    release = current_release(Settings(data_dir=own / "var"))
    assert release is not None
    for words in ("Own registry", "Largest gaps", "Held", "Suppressed", "Seconds", "Build models (dbt)"):
        assert words in ended.out
    assert str(release) in ended.out
    rows = next(line for line in ended.out.splitlines() if line.startswith("Rows"))
    rows_in, used, set_aside = (int(word.replace(",", "")) for word in rows.split() if word.replace(",", "").isdigit())
    assert rows_in == used + set_aside > 0
    assert set_aside > 0, "the registry has planted faults"

    shown = equity("release", "show")
    assert release.name in shown.out
    assert json.loads(equity("release", "show", "--json").out)["title"] == "Own registry"
    assert any("*" in line and release.name in line for line in equity("release", "list").out.splitlines())
    assert equity("release", "verify").code == 0
    assert equity("report", "--print").out.strip() == str(release / "report" / "index.html")
    counted = equity("query", "select count(*) as n from dim_measure", "--format", "csv")
    assert int(counted.out.splitlines()[1]) > 5

    again = equity("run")
    assert again.code == 0
    assert "0 new file(s), 8 unchanged" in again.out
    assert len(list_releases(Settings(data_dir=own / "var"))) == 2


def test_every_table_says_its_rows_and_columns_and_nobodys_data(published: Settings) -> None:
    with open_instance(published.dagster_home) as instance:
        for key in build_definitions(published).resolve_all_asset_keys():
            event = instance.get_latest_materialization_event(key)
            assert event is not None, f"{key.to_user_string()} was not made"
            assert event.asset_materialization is not None
            metadata = event.asset_materialization.metadata
            assert isinstance(row_count(instance, key, metadata), int), key
            schema = metadata["dagster/column_schema"].value
            assert isinstance(schema, dg.TableSchema), key
            assert schema.columns, key


def row_count(instance: dg.DagsterInstance, key: dg.AssetKey, metadata: Mapping[str, dg.MetadataValue]) -> object:
    """With the table, or for a view of the marts observed where it was copied."""
    if "dagster/row_count" in metadata:
        return metadata["dagster/row_count"].value
    (record,) = instance.fetch_observations(key, limit=1).records
    assert record.asset_observation is not None
    return record.asset_observation.metadata["dagster/row_count"].value


def test_no_patient_is_in_what_dagster_and_the_logs_keep(published: Settings) -> None:
    with duckdb.connect(str(published.warehouse_path), read_only=True) as con:
        rows = con.execute("select patient_id from raw.patients where patient_id is not null limit 50").fetchall()
    ids = [str(patient).encode() for (patient,) in rows if len(str(patient)) > 5]
    assert ids
    kept = [path for name in ("dagster", "logs") for path in (published.data_dir / name).rglob("*") if path.is_file()]
    assert len(kept) > 3
    for path in kept:
        content = path.read_bytes()
        assert not [patient for patient in ids if patient in content], path


def test_the_run_is_in_the_web_uis_instance(published: Settings) -> None:
    with open_instance(published.dagster_home) as instance:
        (run,) = instance.get_runs()
        assert (run.job_name, run.status) == (REFRESH, dg.DagsterRunStatus.SUCCESS)
        checks = [
            record
            for record in instance.all_logs(run.run_id)
            if record.dagster_event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ]
        assert len(checks) > 10


def test_a_second_run_is_told_who_holds_the_folder(own: Path, equity: Callable[..., Ended]) -> None:
    with exclusive(own / "var"):
        ended = equity("pull")
    assert ended.code == 1
    assert f"process {os.getpid()} has been running since" in ended.err


def test_only_one_source_is_pulled(own: Path, equity: Callable[..., Ended]) -> None:
    assert equity("pull", "tracts").code == 0
    assert sorted(path.name for path in (own / "var" / "raw").iterdir()) == ["tracts"]
    assert not (own / "var" / "warehouse.duckdb").exists()


def test_a_source_that_fails_is_named_and_what_was_published_stays(
    own: Path, published_copy: Settings, equity: Callable[..., Ended]
) -> None:
    before = current_release(published_copy)
    (own / "registry").unlink()
    ended = equity("run", "--data-dir", published_copy.data_dir)
    assert ended.code == 1
    assert "registry" in ended.err
    assert "remedy" in ended.err
    assert "Traceback" not in ended.err + ended.out
    assert current_release(published_copy) == before


def test_a_gate_that_refuses_ends_with_code_3(
    published_copy: Settings, own: Path, equity: Callable[..., Ended]
) -> None:
    before = current_release(published_copy)
    with duckdb.connect(str(published_copy.warehouse_path)) as con:
        con.execute("update fct_structure set value = 1 where check_name = 'duplicate_keys'")
    ended = equity("gate", "--data-dir", published_copy.data_dir)
    assert ended.code == 3
    assert "structure" in ended.err
    assert current_release(published_copy) == before


def test_the_gate_alone_shows_its_verdicts(published_copy: Settings, own: Path, equity: Callable[..., Ended]) -> None:
    ended = equity("gate", "--data-dir", published_copy.data_dir)
    assert ended.code == 0, ended.err
    assert "Verdicts" in ended.out
    assert len(list_releases(published_copy)) == 1


def test_an_empty_registry_is_blocked_and_not_published(own: Path, equity: Callable[..., Ended]) -> None:
    (own / "registry").unlink()
    (own / "registry").mkdir()
    (own / "registry" / "patients.csv").write_text("patient_id,birth_date,sex\n", encoding="utf-8")
    (own / "registry" / "tracts.csv").write_text("tract_geoid,child_population,poverty_share\n", encoding="utf-8")
    ended = equity("run")
    assert ended.code in (1, 3)
    assert "Traceback" not in ended.err + ended.out
    assert not (own / "var" / "releases" / "current").exists()


def test_far_fewer_rows_than_before_are_a_warning(published_copy: Settings, tmp_path: Path) -> None:
    generate(tmp_path / "smaller", patients=200, as_of=published_copy.effective_as_of(), months=MONTHS)
    registry, tracts = published_copy.sources
    smaller = registry.model_copy(update={"path": tmp_path / "smaller"})
    settings = published_copy.model_copy(update={"sources": (smaller, tracts)})
    run_job(settings, [dg.AssetKey(["pulled", "registry", name]) for name in PULLED])
    with open_instance(settings.dagster_home) as instance:
        (run, *_) = instance.get_runs(limit=1)
        records = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = {check.asset_key.path[-1]: check for check in map(check_of, records)}
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert found["patients"].passed is False
    assert found["patients"].severity is dg.AssetCheckSeverity.WARN


PULLED = (
    "patients",
    "race_ethnicity",
    "languages",
    "addresses",
    "coverage",
    "encounters",
    "conditions",
    "observations",
)


def check_of(record: dg.EventLogEntry) -> dg.AssetCheckEvaluation:
    assert record.dagster_event is not None
    found = record.dagster_event.asset_check_evaluation_data
    assert isinstance(found, dg.AssetCheckEvaluation)
    return found


@pytest.mark.parametrize("at", ["Build models (dbt) 30 of", "Publish the release"])
def test_the_run_after_a_killed_one_completes(at: str, own: Path, published_copy: Settings) -> None:
    before = current_release(published_copy)
    assert before is not None
    killed = start(own, published_copy.data_dir)
    wait_until_it_says(killed, at)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()

    assert current_release(published_copy) == before
    assert verify_release(published_copy).ok
    marts = published_copy.marts_dir / "current.duckdb"
    with duckdb.connect(str(marts.resolve()), read_only=True) as con:
        assert con.execute("select count(*) > 0 from fct_measure_stratum").fetchall() == [(True,)]

    next_one = start(own, published_copy.data_dir)
    out, _ = next_one.communicate()
    assert next_one.returncode == 0, out
    after = current_release(published_copy)
    assert after not in (None, before)
    assert verify_release(published_copy).ok
    with open_instance(published_copy.dagster_home) as instance:
        statuses = [run.status for run in instance.get_runs()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]


def start(folder: Path, data_dir: Path) -> subprocess.Popen[str]:
    """`equity run` in a process of its own that tells each phase as it starts."""
    code = (
        "from orchestration.cli import screen; from orchestration.cli.app import main\n"
        "screen.Screen._on_change = lambda self, phase: print(phase.state, phase.name, phase.detail, flush=True)\n"
        f"main(['run', '--data-dir', {str(data_dir)!r}])\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_until_it_says(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    deadline = time.monotonic() + 120
    for line in process.stdout:
        if words in line:
            return
        assert time.monotonic() < deadline
    raise AssertionError(f"it ended before it said {words!r}")
