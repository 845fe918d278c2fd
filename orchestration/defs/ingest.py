"""From the sources to the warehouse's `raw` schema: one asset per source and table, one per view over all sources."""

import shutil
from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.defs.code_version import code_version
from orchestration.defs.drift import drift_check, drift_result
from orchestration.defs.owners import OWNERS, RAW, SOURCES
from orchestration.defs.resources.workspace import Workspace
from orchestration.defs.schedules import DAILY
from orchestration.defs.settings_basis import BUILD, record_settings
from orchestration.defs.table_metadata import folder_metadata, table_metadata
from orchestration.registers.reading import read_registers
from orchestration.settings import Settings, Source
from orchestration.sources.layout import RAW_TABLES, REGISTRY, Table
from orchestration.sources.pull import pull_source, tables_of_source
from orchestration.sources.raw_zone import zone_of
from orchestration.sources.warehouse import prepare

PULLED = "pulled"
DEMO_REGISTRY = "demo_registry"
DEMO_CHILDREN = 2_400
_RUN_TABLES = {
    "run": "What SQL needs to know of this run: its window, its cohort, the day the data are looked at. One row.",
    "pull": "Which extracts are active, and how many rows each brought. One row per file pulled.",
    "rejects": "Rows that could not be read when their file was pulled. One row per such row.",
}


def ingest_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets of these settings' sources, and the warehouse's raw views over them."""
    demo = [demo_registry] if settings.demo else []
    return [*demo, *(_pull_assets(source, is_demo=settings.demo) for source in settings.sources), _raw_assets(settings)]


def tables_of(source: Source) -> dict[str, Table]:
    """The tables that a source of this type can have."""
    return {table.name: table for table in tables_of_source(source)}


def pulled_key(source: Source, table: str) -> dg.AssetKey:
    """The asset of one table of one source."""
    return dg.AssetKey([PULLED, source.name, table])


@dg.asset(
    name=DEMO_REGISTRY,
    group_name=SOURCES,
    owners=[OWNERS[SOURCES]],
    kinds={"python", "parquet"},
    description="An invented registry with known, planted gaps, made when missing. One folder in the registry layout.",
)
def demo_registry(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
    """Generate the demo's files aside and rename them into place, unless they are there."""
    settings = workspace.settings
    directory = settings.demo_registry_dir
    columns = [
        (f"{table.name}.{column.name}", column.type, column.meaning)
        for table in REGISTRY.values()
        for column in table.columns
    ]
    with workspace.phase("Make the demo registry") as phase:
        phase.rows = DEMO_CHILDREN
        if directory.is_dir():
            phase.say("already there")
        else:
            from orchestration.synthetic.registry import generate

            writing = directory.with_name(f"{directory.name}.writing")
            shutil.rmtree(writing, ignore_errors=True)
            as_of, months = settings.effective_as_of(), settings.window.months
            generate(writing, patients=DEMO_CHILDREN, as_of=as_of, months=months, progress=phase.say)
            writing.rename(directory)
            phase.say(f"{DEMO_CHILDREN:,} invented children")
    return dg.MaterializeResult(metadata=folder_metadata(DEMO_CHILDREN, columns))


def _pull_assets(source: Source, *, is_demo: bool) -> dg.AssetsDefinition:
    tables = tables_of(source)

    @dg.multi_asset(
        name=f"pull_{source.name}",
        specs=[
            dg.AssetSpec(
                pulled_key(source, table.name),
                deps=[DEMO_REGISTRY] if is_demo else [],
                description=f"`{table.name}` as pulled from `{source.name}`, text as text. One row per {table.grain}.",
                group_name=SOURCES,
                owners=[OWNERS[SOURCES]],
                kinds={"python", "parquet"},
                freshness_policy=DAILY,
            )
            for table in tables.values()
        ],
        check_specs=[drift_check(pulled_key(source, table)) for table in tables],
    )
    def pull(context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]) -> Iterator[Any]:
        with workspace.phase(f"Pull {source.name}") as phase:
            files = pull_source(source, workspace.settings, phase.say)
            extracts = zone_of(workspace.settings.raw_dir, source.name).active()
            phase.rows = sum(extract.rows_pulled for extract in extracts)
            n_new = sum(not file.skipped for file in files)
            set_aside = sum(extract.rows_quarantined for extract in extracts)
            phase.say(f"{n_new} new file(s), {len(files) - n_new} unchanged; {set_aside:,} row(s) cannot be read")
        for name, table in tables.items():
            active = [extract for extract in extracts if extract.table == name]
            rows = sum(extract.rows_pulled for extract in active)
            meanings = {column.name: column.meaning for column in table.columns}
            columns = active[-1].columns if active else {column.name: column.type for column in table.columns}
            described = ((column, kind, meanings.get(column)) for column, kind in columns.items())
            key = pulled_key(source, name)
            # The comparison comes before this run's own count is recorded.
            yield drift_result(context, key, rows)
            files_metadata = {
                "files": len(active),
                "rows_set_aside": sum(extract.rows_quarantined for extract in active),
            }
            yield dg.MaterializeResult(asset_key=key, metadata={**folder_metadata(rows, described), **files_metadata})

    return pull


def _raw_assets(settings: Settings) -> dg.AssetsDefinition:
    def deps(table: str) -> list[dg.AssetKey]:
        return [pulled_key(source, table) for source in settings.sources if table in tables_of(source)]

    everything = [pulled_key(source, table) for source in settings.sources for table in tables_of(source)]
    descriptions = {
        name: (f"All sources together. One row per {table.grain}.", deps(name)) for name, table in RAW_TABLES.items()
    } | {name: (words, everything) for name, words in _RUN_TABLES.items()}

    @dg.multi_asset(
        name="prepare_warehouse",
        specs=[
            dg.AssetSpec(
                [RAW, name],
                deps=upstream,
                description=words,
                group_name=RAW,
                owners=[OWNERS[RAW]],
                kinds={"duckdb"},
            )
            for name, (words, upstream) in descriptions.items()
        ],
    )
    def prepare_warehouse(workspace: dg.ResourceParam[Workspace]) -> Iterator[Any]:
        with workspace.phase("Prepare the warehouse") as phase:
            # A register that does not fit is told now, and not by the step that needs it after all the others.
            read_registers(workspace.settings.registers)
            prepare(workspace.settings, workspace.run_id, code_version())
            phase.say("rebuilt from the raw zone")
            with workspace.warehouse() as con:
                record_settings(con, workspace.settings, BUILD)
                for name in descriptions:
                    table = RAW_TABLES.get(name)
                    meanings = {column.name: column.meaning for column in table.columns} if table else {}
                    yield dg.MaterializeResult(asset_key=[RAW, name], metadata=table_metadata(con, RAW, name, meanings))

    return prepare_warehouse


def pull_selection(settings: Settings, source_name: str | None = None) -> list[dg.AssetKey]:
    """The assets that pulling one source (or all) consists of, the demo's files included."""
    chosen = [source for source in settings.sources if source_name in (None, source.name)]
    demo = [dg.AssetKey(DEMO_REGISTRY)] if settings.demo else []
    return [*demo, *(pulled_key(source, table) for source in chosen for table in tables_of(source))]
