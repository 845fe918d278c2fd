"""Whichever way the publisher is launched, it publishes only what the gate let through: each way is tried for real."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.definitions import build_definitions
from orchestration.defs.analysis_basis import ANALYSED
from orchestration.defs.follow_up_basis import FOLLOWED
from orchestration.defs.instance import open_instance
from orchestration.defs.launch import launch
from orchestration.defs.publish import publish
from orchestration.errors import BlockedError, SettingsError
from orchestration.registers.columns import CHART_CHOICES
from orchestration.release.store import current_release, list_releases
from orchestration.settings import Cohort, Gate, Schedule, Settings, Window
from tests.support.small_run import run_job

RELEASE = dg.AssetKey("release")
GATE = dg.AssetKey(["publish", "gate_verdict"])
COMPUTED = tuple(dg.AssetKey(["publish", table]) for table in ANALYSED)
FOLLOW_UP = [dg.AssetKey(["publish", table]) for table in FOLLOWED]

Change = Callable[[duckdb.DuckDBPyConnection], object]


def change(settings: Settings, *statements: str) -> None:
    with duckdb.connect(str(settings.warehouse_path)) as con:
        for statement in statements:
            con.execute(statement)


def releases(settings: Settings) -> tuple[Path | None, int]:
    return current_release(settings), len(list_releases(settings))


def refused(settings: Settings, selection: Sequence[dg.AssetKey] = (RELEASE,)) -> str:
    """Launch the selection, see it refused and everything published before untouched; returns what was said."""
    before = releases(settings)
    with pytest.raises(BlockedError) as blocked:
        run_job(settings, selection)
    assert releases(settings) == before
    return str(blocked.value)


def test_a_refused_publication_leaves_no_copy_of_the_marts(published_copy: Settings) -> None:
    marts = published_copy.marts_dir
    before = sorted(path.name for path in marts.iterdir())
    break_structure(published_copy)
    refused(published_copy, (RELEASE, dg.AssetKey("marts_snapshot")))
    assert sorted(path.name for path in marts.iterdir()) == before


def break_structure(settings: Settings) -> None:
    change(settings, "update fct_structure set value = 1 where check_name = 'duplicate_keys'")


def test_alone_with_exactly_what_the_gate_judged_it_publishes_again(published_copy: Settings) -> None:
    before, count = releases(published_copy)
    run_job(published_copy, [RELEASE])
    after, now = releases(published_copy)
    assert (after != before, now) == (True, count + 1)


def test_alone_without_any_run_before(tmp_path: Path, published: Settings) -> None:
    never_ran = published.model_copy(update={"data_dir": tmp_path / "var"})
    assert "warehouse must have been built" in refused(never_ran)


def test_alone_without_a_gate(published_copy: Settings) -> None:
    change(published_copy, "drop table publish.gate_result")
    assert "gate must have judged" in refused(published_copy)


def test_alone_with_an_emptied_gate_result(published_copy: Settings) -> None:
    change(published_copy, "delete from publish.gate_result")
    refused(published_copy)


def test_alone_after_the_gate_failed(published_copy: Settings) -> None:
    break_structure(published_copy)
    assert "structur" in refused(published_copy, [GATE])
    assert "structur" in refused(published_copy)


def test_all_at_once_when_the_gate_fails(published_copy: Settings) -> None:
    break_structure(published_copy)
    refused(published_copy, [GATE, *COMPUTED, RELEASE])


def test_the_gate_does_not_run_without_its_check(published_copy: Settings) -> None:
    with pytest.raises(dg.DagsterInvalidDefinitionError):
        without_checks(published_copy, GATE, *COMPUTED, RELEASE)


def test_the_publisher_without_checks_after_the_gate_failed(published_copy: Settings) -> None:
    break_structure(published_copy)
    refused(published_copy, [GATE])
    before = releases(published_copy)
    job = without_checks(published_copy, RELEASE)
    with open_instance(published_copy.dagster_home) as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    assert releases(published_copy) == before


def without_checks(settings: Settings, *keys: dg.AssetKey) -> dg.JobDefinition:
    """A job of these assets that leaves their checks out."""
    whole = build_definitions(settings)
    job = dg.define_asset_job("unchecked", dg.AssetSelection.assets(*keys).without_checks())
    part = dg.Definitions(assets=whole.assets, jobs=[job], resources=whole.resources, executor=dg.in_process_executor)
    return part.resolve_job_def("unchecked")


@pytest.mark.parametrize(
    "statement",
    [
        "update fct_measure_stratum set numerator = numerator + 1 "
        "where rowid = (select max(rowid) from fct_measure_stratum)",
        "delete from fct_measure_stratum where rowid = (select max(rowid) from fct_measure_stratum)",
        "update fct_quality set value = 1 where metric = 'completeness'",
        "update fct_structure set value = value + 1",
        "update dim_stratum set label = 'Someone else' where rowid = 0",
    ],
)
def test_after_the_data_changed(statement: str, published_copy: Settings) -> None:
    change(published_copy, statement)
    assert "data changed after the gate" in refused(published_copy)


def test_after_a_verdict_was_changed_by_hand(published_copy: Settings) -> None:
    change(published_copy, "update publish.gate_verdict set verdict = 'publish', reasons = ''")
    refused(published_copy)


def test_after_the_strata_were_changed_by_hand(published_copy: Settings) -> None:
    change(published_copy, "update publish.strata set value = 0 where rowid = 0")
    assert "changed since" in refused(published_copy)


def test_after_the_gaps_were_changed_by_hand(published_copy: Settings) -> None:
    change(published_copy, "delete from publish.gaps where rowid = 0")
    assert "changed since" in refused(published_copy)


def test_with_the_middle_left_out_after_new_data_passed_the_gate(published_copy: Settings) -> None:
    change(published_copy, "update dim_stratum set label = label || ' *'")
    said = refused(published_copy, [GATE, RELEASE])
    assert "strata and gaps must come from" in said
    said = refused(published_copy, [*COMPUTED, RELEASE])
    assert "charts and aims must come from" in said
    run_job(published_copy, [*FOLLOW_UP, RELEASE])


def test_with_strata_and_gaps_never_computed(published_copy: Settings) -> None:
    change(published_copy, "drop table publish.strata", "drop table publish.gaps", "drop table publish.analysis_basis")
    assert "strata and gaps must have been computed" in refused(published_copy, [GATE, RELEASE])


@pytest.mark.parametrize(
    "statement",
    [
        "update publish.charts set limit_high = limit_high + 1 where rowid = 0",
        "delete from publish.chart_series where rowid = 0",
        "insert into publish.drivers (driver_id) values (null)",
    ],
)
def test_after_charts_or_registers_in_the_warehouse_were_changed_by_hand(
    statement: str, published_copy: Settings
) -> None:
    change(published_copy, statement)
    assert "charts and aims must be as they were computed" in refused(published_copy)


def test_with_charts_and_aims_never_computed(published_copy: Settings) -> None:
    change(published_copy, "drop table publish.aims")
    assert "charts and aims must have been computed" in refused(published_copy)


def test_with_registers_that_changed_after_charts_and_aims_were_computed(
    tmp_path: Path, published_copy: Settings
) -> None:
    header = ",".join(column.name for column in CHART_CHOICES.columns)
    line = f"{published_measure(published_copy)},*,run,,Read by eye"
    (tmp_path / "chart_choices.csv").write_text(f"{header}\n{line}\n", encoding="utf-8")
    assert "another registers" in refused(published_copy.model_copy(update={"registers": tmp_path}))


def published_measure(settings: Settings) -> str:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        return str(con.execute("select min(measure_id) from dim_measure").fetchall()[0][0])


def test_in_a_later_run_that_left_the_gate_out(published_copy: Settings) -> None:
    everything = {key for key in build_definitions(published_copy).resolve_all_asset_keys()}
    said = refused(published_copy, sorted(everything - {GATE, *COMPUTED}))
    assert "gate must have judged" in said


def test_in_a_later_run_that_left_out_gate_but_not_analysis(published_copy: Settings) -> None:
    everything = {key for key in build_definitions(published_copy).resolve_all_asset_keys()}
    refused(published_copy, sorted(everything - {GATE}))


def test_with_another_runs_verdict(published_copy: Settings) -> None:
    change(published_copy, "update raw.run set run_id = 'another'")
    assert "run" in refused(published_copy)


def test_with_a_smaller_cell_size_set_after_the_analysis(published_copy: Settings) -> None:
    stricter = published_copy.disclosure.model_copy(update={"min_cell": 30})
    assert "smallest published count" in refused(published_copy.model_copy(update={"disclosure": stricter}))


def test_with_another_confidence_set_after_the_analysis(published_copy: Settings) -> None:
    other = published_copy.statistics.model_copy(update={"confidence": 0.9})
    assert "confidence" in refused(published_copy.model_copy(update={"statistics": other}))


NEW_CONDITIONS = Cohort(condition_prefixes=("E10", "E11"))


@pytest.mark.parametrize(
    ("names", "update"),
    [
        ("title", {"title": "Another title"}),
        ("gate.profile", {"gate": Gate(profile="cms_dq_atlas")}),
        ("window.months", {"window": Window(months=6)}),
        ("as_of", {"as_of": dt.date(2026, 5, 31)}),
        ("cohort.condition_prefixes", {"cohort": NEW_CONDITIONS}),
        ("catchment_counties", {"catchment_counties": ("39061",)}),
        ("sources, sources.registry.mapping, ", {"sources": ()}),
        ("demo, window.months", {"demo": True, "window": Window(months=6)}),
    ],
)
def test_with_a_setting_changed_since_the_data_were_made(
    names: str, update: dict[str, object], published_copy: Settings
) -> None:
    with duckdb.connect(str(published_copy.warehouse_path)) as con, pytest.raises(BlockedError) as blocked:
        publish(con, published_copy.model_copy(update=update))
    said = str(blocked.value)
    assert f"changed since the warehouse was built: {names}" in said
    assert "run the whole job again" in said
    assert len(list_releases(published_copy)) == 1


def test_with_a_file_of_a_source_changed_in_the_settings(published_copy: Settings) -> None:
    (registry, *others) = published_copy.sources
    moved = registry.model_copy(update={"path": Path("elsewhere")})
    said = refused(published_copy.model_copy(update={"sources": (moved, *others)}))
    assert "sources.registry.path" in said
    assert "elsewhere" not in said


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("build", "the warehouse was built"),
        ("judge", "the gate judged"),
        ("analyse", "strata and gaps were computed"),
        ("follow up", "charts and aims were computed"),
    ],
)
def test_with_a_step_that_worked_with_other_settings(step: str, words: str, published_copy: Settings) -> None:
    change(published_copy, f"update publish.settings_basis set sha256 = '' where step = '{step}' and setting = 'as_of'")
    assert f"changed since {words}: as_of" in refused(published_copy)
    change(published_copy, f"delete from publish.settings_basis where step = '{step}'")
    assert f"no record of the settings with which {words}" in refused(published_copy)


def test_with_the_gate_judging_anew_by_another_profile(published_copy: Settings) -> None:
    other = published_copy.model_copy(update={"gate": Gate(profile="cms_dq_atlas")})
    said = refused(other, [GATE, *COMPUTED, *FOLLOW_UP, RELEASE])
    assert "changed since the warehouse was built: gate.profile" in said
    assert "changed since the gate judged: gate.profile" in refused(published_copy, [*COMPUTED, *FOLLOW_UP, RELEASE])


def test_a_schedule_or_another_place_for_the_data_does_not_matter(published_copy: Settings) -> None:
    later = published_copy.model_copy(update={"schedule": Schedule(cron="0 6 * * *"), "settings_file": Path("x.toml")})
    with duckdb.connect(str(published_copy.warehouse_path)) as con:
        publish(con, later)
    assert len(list_releases(published_copy)) == 2


def test_the_analysis_refuses_what_the_gate_has_not_judged(published_copy: Settings) -> None:
    change(published_copy, "update fct_quality set value = 1 where metric = 'completeness'")
    assert "data changed after the gate" in refused(published_copy, [*COMPUTED])


def test_an_unknown_profile_ends_the_run_before_anything_is_pulled(tmp_path: Path, published: Settings) -> None:
    unknown = published.model_copy(update={"data_dir": tmp_path / "var", "gate": Gate(profile="none_such")})
    with pytest.raises(SettingsError, match="none_such"):
        run_job(unknown)
    assert not unknown.raw_dir.exists()


def test_a_refused_run_is_a_failed_run_in_the_web_ui(published_copy: Settings) -> None:
    change(published_copy, "drop table publish.gate_result")
    refused(published_copy)
    with open_instance(published_copy.dagster_home) as instance:
        (latest, *_) = instance.get_runs(limit=1)
        assert latest.status is dg.DagsterRunStatus.FAILURE


def test_launching_the_definitions_directly_is_refused_too(published_copy: Settings) -> None:
    change(published_copy, "drop table publish.gate_result")
    with pytest.raises(BlockedError):
        launch(build_definitions(published_copy), published_copy, [RELEASE])
