"""dbt's seeds and models as assets and its tests as checks: one step, run in this process."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.defs.dbt_project import ParsedProject
from orchestration.defs.dbt_runner import NodeOutcome, build
from orchestration.defs.dbt_translator import UNIQUE_ID, Translator
from orchestration.defs.resources.workspace import Workspace
from orchestration.defs.table_metadata import table_metadata


def dbt_models(parsed: ParsedProject) -> dg.AssetsDefinition:
    """Every seed and model of the project as one step that dbt runs, with a check per test."""
    nodes: Mapping[str, Any] = parsed.manifest["nodes"]

    @dbt_assets(manifest=parsed.manifest, project=parsed.project, dagster_dbt_translator=Translator(), name="dbt")
    def models(context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]) -> Iterator[Any]:
        settings = workspace.settings
        assets = {spec.metadata[UNIQUE_ID]: spec.key for spec in context.assets_def.specs}
        checks = {spec.metadata[UNIQUE_ID]: spec.key for spec in context.assets_def.check_specs}
        expected = len(context.selected_asset_keys) + len(context.selected_asset_check_keys)
        outcomes: list[NodeOutcome] = []
        workspace.expectations.begin()
        with workspace.phase("Build models (dbt)") as phase, workspace.warehouse() as con:
            try:
                for outcome in build(
                    parsed, settings.warehouse_path, settings.data_dir / "dbt", _selection(context, nodes)
                ):
                    outcomes.append(outcome)
                    phase.say(f"{len(outcomes)} of {expected}: {outcome.name}")
                    if outcome.unique_id in checks:
                        yield _check_result(checks[outcome.unique_id], outcome)
                    elif outcome.unique_id in assets and outcome.status == "success":
                        node = nodes[outcome.unique_id]
                        words = {name: column["description"] for name, column in node["columns"].items()}
                        is_counted = not _is_view_of_marts(node)
                        metadata = table_metadata(con, node["schema"], node["alias"], words, is_counted=is_counted)
                        yield dg.MaterializeResult(asset_key=assets[outcome.unique_id], metadata=metadata)
            finally:
                _write_log(workspace, outcomes)
            n_tests = sum(outcome.is_test for outcome in outcomes)
            phase.say(f"{len(outcomes) - n_tests} seeds and models, {n_tests} tests")

    return models


def _is_view_of_marts(node: Mapping[str, Any]) -> bool:
    """Large to count, and copied into the snapshot for analysts anyway: it is counted there."""
    return bool(node["config"]["materialized"] == "view" and node["fqn"][1] == "marts")


def _selection(context: dg.AssetExecutionContext, nodes: Mapping[str, Any]) -> list[str]:
    """Fully qualified names of what was selected; empty when everything was."""
    definition = context.assets_def
    specs = [spec for spec in definition.specs if spec.key in context.selected_asset_keys]
    check_specs = [spec for spec in definition.check_specs if spec.key in context.selected_asset_check_keys]
    if definition.keys_by_output_name == definition.node_keys_by_output_name and (
        definition.check_specs_by_output_name == definition.node_check_specs_by_output_name
    ):
        return []
    return [".".join(nodes[(spec.metadata or {})[UNIQUE_ID]]["fqn"]) for spec in (*specs, *check_specs)]


def _check_result(key: dg.AssetCheckKey, outcome: NodeOutcome) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=outcome.status == "pass",
        severity=dg.AssetCheckSeverity.WARN if outcome.status == "warn" else dg.AssetCheckSeverity.ERROR,
        metadata={"status": outcome.status, "failing_rows": outcome.n_failures},
    )


def _write_log(workspace: Workspace, outcomes: list[NodeOutcome]) -> None:
    workspace.logs_dir.mkdir(parents=True, exist_ok=True)
    lines = [f"{one.seconds:8.3f} s  {one.status:8s} {one.unique_id} {one.message}".rstrip() for one in outcomes]
    path = workspace.logs_dir / f"{workspace.run_id}.dbt.log"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
