"""Dagster's code location: assembles assets, job, schedule and resources, and does nothing else."""

from __future__ import annotations

import dagster as dg

from orchestration.defs.analyse import analysis
from orchestration.defs.conservation import quarantine_files
from orchestration.defs.dbt_project import parsed_project
from orchestration.defs.follow_up import follow_up
from orchestration.defs.gate import gate_verdict
from orchestration.defs.ingest import ingest_assets
from orchestration.defs.jobs import REFRESH, refresh_job
from orchestration.defs.loggers import LOGGERS
from orchestration.defs.publish import publication
from orchestration.defs.resources.progress import Progress
from orchestration.defs.resources.workspace import workspace_resource
from orchestration.defs.schedules import daily_refresh
from orchestration.defs.transform import dbt_models
from orchestration.settings import Settings, load_settings


def build_definitions(settings: Settings, progress: Progress | None = None) -> dg.Definitions:
    """The whole graph for these settings; `progress` hears of every phase. Raises EquityError when dbt cannot parse."""
    return dg.Definitions(
        assets=[
            *ingest_assets(settings),
            dbt_models(parsed_project()),
            *(quarantine_files, gate_verdict, analysis, follow_up, publication),
        ],
        jobs=[refresh_job()],
        schedules=[daily_refresh(settings, REFRESH)],
        resources={"workspace": workspace_resource(settings, progress)},
        executor=dg.in_process_executor,
        loggers=LOGGERS,
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """What the web UI loads: the definitions for `equity.toml`, or for the demo when there is none."""
    return build_definitions(load_settings())
