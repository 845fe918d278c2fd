"""The publisher: it asks the gate itself, for exactly the data that it is about to publish, however it was launched."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.defs.analysis_basis import ANALYSED, REGISTER, require_basis
from orchestration.defs.code_version import code_version
from orchestration.defs.follow_up_basis import BASELINES, FOLLOWED, require_follow_up
from orchestration.defs.gate import INPUTS, KEY
from orchestration.defs.owners import OWNERS, RELEASE
from orchestration.defs.resources.workspace import Workspace
from orchestration.defs.schedules import DAILY
from orchestration.defs.settings_basis import require_settings
from orchestration.defs.table_metadata import COLUMN_SCHEMA, ROW_COUNT, folder_metadata, table_metadata
from orchestration.defs.warehouse import frame_of, run_id_of
from orchestration.errors import BlockedError
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from orchestration.release.build import ReleaseResult

MARTS_SNAPSHOT = "marts_snapshot"


def publish(con: "duckdb.DuckDBPyConnection", settings: Settings) -> "ReleaseResult":
    """Write the release and make it current, provided the gate passed for what is in the warehouse at this moment.

    The connection holds the warehouse alone, so nothing changes between question and release. Raises BlockedError.
    """
    from orchestration.disclosure.quality import protect_quality
    from orchestration.quality.gate import require_passed
    from orchestration.quality.page import render
    from orchestration.quality.verdicts import quality_table
    from orchestration.registers.chart_baselines import write_chart_baselines
    from orchestration.release.build import build_release
    from orchestration.release.references import read_references, write_references

    run_id = run_id_of(con)
    require_passed(con, run_id)
    require_basis(con, settings)
    require_follow_up(con, settings)
    require_settings(con, settings)
    register = frame_of(con, f"publish.{REGISTER}")
    _require_same_references(register, read_references(settings.references_path))
    quality = protect_quality(quality_table(con), settings.disclosure.min_cell)
    page = render(con, settings)
    result = build_release(con, settings, run_id, code_version(), quality=quality, quality_page=page)
    write_references(settings.references_path, register)
    write_chart_baselines(settings.chart_baselines_path, frame_of(con, f"publish.{BASELINES}"))
    return result


def _require_same_references(register: "pd.DataFrame", kept: "pd.DataFrame | None") -> None:
    """What the register holds now is what the gaps were computed with. Raises BlockedError."""
    if kept is None:
        return
    columns = ["measure_id", "site", "stratifier", "reference_rule", "reference_stratum", "reference_stratum_2"]
    used = set(register[columns].itertuples(index=False, name=None))
    other = [line for line in kept[columns].itertuples(index=False, name=None) if line not in used]
    if other:
        raise BlockedError(
            "gaps must have been computed with the references that the register holds",
            where="references.csv",
            found=f"{len(other)} other lines, the first: {' / '.join(other[0][:4])}",
            remedy="run the whole job again",
        )


@dg.multi_asset(
    name="publication",
    can_subset=True,
    specs=[
        dg.AssetSpec(
            RELEASE,
            deps=[KEY, *(["publish", table] for table in (*ANALYSED, *FOLLOWED)), *INPUTS],
            group_name=RELEASE,
            owners=[OWNERS[RELEASE]],
            kinds={"python", "parquet"},
            freshness_policy=DAILY,
            description=(
                "The published tables, report and quality page; immutable, made current whole. One folder per release."
            ),
        ),
        dg.AssetSpec(
            MARTS_SNAPSHOT,
            deps=[RELEASE],
            group_name=RELEASE,
            owners=[OWNERS["marts"]],
            kinds={"duckdb"},
            description="What analysts query: a copy of the marts in its own file, swapped in whole. One file per run.",
        ),
    ],
)
def publication(context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]) -> Iterator[Any]:
    """Publish what the gate let through; meanwhile copy the marts, and swap them in once the release is current."""
    from orchestration.release.marts import discard

    settings, selected = workspace.settings, context.selected_asset_keys
    # Left in this order, however it ends: the copy is waited for, the warehouse is closed, what is not current goes.
    with ExitStack() as aside, ExitStack() as warehouse, ThreadPoolExecutor(1, thread_name_prefix="marts") as pool:
        con = warehouse.enter_context(workspace.warehouse())
        run_id = run_id_of(con)
        copied = None
        if dg.AssetKey(MARTS_SNAPSHOT) in selected:
            aside.callback(discard, settings)
            copied = pool.submit(_copy_marts, con.cursor(), settings, run_id)
        if dg.AssetKey(RELEASE) in selected:
            yield _release(workspace, con)
        if copied is not None:
            yield from _marts_snapshot(workspace, run_id, copied, warehouse.close)


def _copy_marts(con: "duckdb.DuckDBPyConnection", settings: Settings, run_id: str) -> tuple[Path, set[str]]:
    """The copy, not yet current, and which of the marts were views."""
    from orchestration.release.marts import copy_marts

    with con:
        views = {
            name
            for (name,) in con.execute(
                "select view_name from duckdb_views() where database_name = current_database() and not internal"
            ).fetchall()
        }
        return copy_marts(con, settings, run_id), views


def _release(workspace: Workspace, con: "duckdb.DuckDBPyConnection") -> dg.MaterializeResult[Any]:
    from orchestration.release.columns import TABLES

    with workspace.phase("Publish the release") as phase:
        result = publish(con, workspace.settings)
        rows = sum(result.rows.values())
        phase.rows = rows
        changed = result.manifest["references"]["changed"]
        phase.say(result.release_id)
        if changed:
            phase.say(f"warning: {len(changed)} references differ from the release before; the manifest lists them")
    columns = [
        (f"{table.name}.{field.name}", str(field.type), table.column_descriptions()[field.name])
        for table in TABLES.values()
        for field in table.schema
    ]
    metadata = {
        **folder_metadata(rows, columns),
        "release_id": result.release_id,
        "path": dg.MetadataValue.path(result.path),
    }
    return dg.MaterializeResult(asset_key=RELEASE, metadata=metadata)


def _marts_snapshot(
    workspace: Workspace, run_id: str, copied: "Future[tuple[Path, set[str]]]", close_warehouse: Callable[[], None]
) -> Iterator[Any]:
    """Swap the copy in, when the warehouse that it was made from is closed.

    Views of the warehouse are counted here, where they have become tables.
    """
    import duckdb

    from orchestration.release.marts import swap_in

    with workspace.phase("Copy the marts for analysts") as phase:
        writing, views = copied.result()
        close_warehouse()
        path = swap_in(workspace.settings, run_id, writing)
        with duckdb.connect(str(path), read_only=True) as marts:
            tables = marts.execute("select table_name from duckdb_tables() order by all").fetchall()
            described = {name: table_metadata(marts, "main", name) for (name,) in tables}
        phase.rows = sum(metadata[ROW_COUNT] for metadata in described.values())
        phase.say(f"{len(tables)} tables")
    for name in sorted(views & described.keys()):
        yield dg.AssetObservation(asset_key=name, metadata={ROW_COUNT: described[name][ROW_COUNT]})
    columns = (
        (f"{name}.{column.name}", column.type, column.description)
        for name, metadata in described.items()
        for column in metadata[COLUMN_SCHEMA].columns
    )
    yield dg.MaterializeResult(
        asset_key=MARTS_SNAPSHOT,
        metadata={**folder_metadata(phase.rows, columns), "path": dg.MetadataValue.path(path)},
    )
