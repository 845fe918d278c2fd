"""What is orchestrated, as text: a change of assets, checks, owners, jobs or schedules shows in the diff of a review.

After a wanted change: `pytest tests/spec/test_definitions_snapshot.py --update-snapshots`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from orchestration.definitions import build_definitions, definitions
from orchestration.defs.dbt_project import parsed_project
from orchestration.settings import PROJECT_ROOT, AreaFilesSource, RegistryFilesSource, Schedule, Settings, demo_settings

SNAPSHOT = Path(__file__).with_name("definitions.txt")


@pytest.fixture(scope="module")
def demo() -> dg.Definitions:
    return build_definitions(demo_settings(Path("/data")))


def specs(of: dg.Definitions) -> list[dg.AssetSpec]:
    found = [spec for asset in of.assets or () if isinstance(asset, dg.AssetsDefinition) for spec in asset.specs]
    return sorted(found, key=lambda spec: spec.key)


def checks(of: dg.Definitions) -> list[dg.AssetCheckSpec]:
    found = [spec for asset in of.assets or () if isinstance(asset, dg.AssetsDefinition) for spec in asset.check_specs]
    return sorted(found, key=lambda spec: (spec.asset_key, spec.name))


def described(of: dg.Definitions) -> Iterator[str]:
    yield "# assets: key [group, owner, kinds, freshness] <- what it waits for"
    for spec in specs(of):
        about = [spec.group_name or "?", *spec.owners, "+".join(sorted(spec.kinds))]
        about += ["daily"] if spec.freshness_policy else []
        deps = sorted(dep.asset_key.to_user_string() for dep in spec.deps)
        yield f"{spec.key.to_user_string()} [{', '.join(about)}]" + (f" <- {', '.join(deps)}" if deps else "")
    yield "\n# checks: asset: check"
    for check in checks(of):
        yield f"{check.asset_key.to_user_string()}: {check.name}" + (" (blocking)" if check.blocking else "")
    yield "\n# jobs and schedules"
    repository = of.get_repository_def()
    for job in sorted(repository.get_all_jobs(), key=lambda job: job.name):
        if not job.name.startswith("__"):
            yield f"job {job.name}: {len(job.asset_layer.executable_asset_keys)} assets"
    for schedule in repository.schedule_defs:
        cron, zone = schedule.cron_schedule, schedule.execution_timezone
        yield f"schedule {schedule.name}: {schedule.job_name} at {cron} {zone}, {schedule.default_status.value.lower()}"


def test_what_is_orchestrated(demo: dg.Definitions, request: pytest.FixtureRequest) -> None:
    text = "\n".join(described(demo)) + "\n"
    if request.config.getoption("--update-snapshots"):
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert text == SNAPSHOT.read_text(encoding="utf-8"), "a wanted change? then run with --update-snapshots"


def test_every_asset_says_what_it_is_whose_it_is_and_where_it_belongs(demo: dg.Definitions) -> None:
    for spec in specs(demo):
        name = spec.key.to_user_string()
        assert len(spec.description or "") > 15, f"{name} has no description"
        assert spec.group_name not in (None, "default"), f"{name} has no group"
        assert spec.owners, f"{name} has no owner"
        assert all(owner.startswith("team:") for owner in spec.owners), f"{name}: {spec.owners}"
        assert spec.kinds, f"{name} has no kind"


def test_the_description_of_every_table_ends_with_its_grain(demo: dg.Definitions) -> None:
    without = [
        spec.key.to_user_string()
        for spec in specs(demo)
        if "one " not in (spec.description or "").lower() and "dbt" not in spec.kinds
    ]
    assert without == []


def test_the_job_runs_everything(demo: dg.Definitions) -> None:
    job = demo.resolve_job_def("refresh")
    assert job.asset_layer.executable_asset_keys == {spec.key for spec in specs(demo)}
    assert job.asset_layer.asset_graph.asset_check_keys >= {check.key for check in checks(demo)}


def test_every_step_works_under_the_run_lock(demo: dg.Definitions) -> None:
    for asset in demo.assets or ():
        assert isinstance(asset, dg.AssetsDefinition)
        assert "workspace" in asset.required_resource_keys, asset.keys


def test_the_schedule_is_daily_as_set_and_off(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, schedule=Schedule(cron="30 3 * * *", timezone="America/New_York"))
    (schedule,) = build_definitions(settings).get_repository_def().schedule_defs
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 3 * * *", "America/New_York")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_every_source_of_the_settings_feeds_the_views_over_all(tmp_path: Path) -> None:
    one, two = (RegistryFilesSource(name=name, path=tmp_path / name) for name in ("north", "south"))
    area = AreaFilesSource(
        name="tracts", path=tmp_path, tract_column="t", tract_vintage=2020, data_year=2023, measures=()
    )
    by_key = {
        spec.key: spec for spec in specs(build_definitions(Settings(data_dir=tmp_path, sources=(one, two, area))))
    }
    upstream = {dep.asset_key.to_user_string() for dep in by_key[dg.AssetKey(["raw", "patients"])].deps}
    assert upstream == {"pulled/north/patients", "pulled/south/patients"}
    assert dg.AssetKey("demo_registry") not in by_key


def test_everything_that_dbt_reads_from_outside_is_made_by_an_asset(demo: dg.Definitions) -> None:
    made = {spec.key for spec in specs(demo)}
    read = {dg.AssetKey([one["source_name"], one["name"]]) for one in parsed_project().manifest["sources"].values()}
    assert read - made == set()


def test_the_web_ui_loads_the_same(demo: dg.Definitions, in_folder: Path) -> None:
    loaded = definitions.load_fn()
    assert {spec.key for spec in specs(loaded)} == {spec.key for spec in specs(demo)}
    (in_folder / "equity.toml").write_text('[[sources]]\ntype = "registry_files"\nname = "own"\npath = "x"\n')
    assert dg.AssetKey(["pulled", "own", "patients"]) in {spec.key for spec in specs(definitions.load_fn())}


def test_workspace_and_dg_name_the_same_code() -> None:
    workspace = yaml.safe_load((PROJECT_ROOT / "workspace.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["dg"]["project"]
    (location,) = workspace["load_from"]
    assert location["python_module"] == {
        "module_name": project["code_location_target_module"],
        "location_name": project["code_location_name"],
    }
    assert project["code_location_target_module"].startswith(f"{project['root_module']}.")
