"""From published strata and gaps to charts and aims, beside the team's registers; it reads no patient's row."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.defs.analysis_basis import ANALYSED
from orchestration.defs.follow_up_basis import BASELINES, FOLLOWED, record_follow_up
from orchestration.defs.gate import INPUTS
from orchestration.defs.owners import ANALYSIS, OWNERS
from orchestration.defs.resources.workspace import Workspace
from orchestration.defs.settings_basis import FOLLOW_UP, record_settings
from orchestration.defs.table_metadata import table_metadata
from orchestration.defs.warehouse import frame_of, write_frame

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

_DESCRIPTIONS = {
    "chart_series": "Which chart each group and gap has over time, and what it says. One row per chart.",
    "charts": "The points of every chart that is drawn, with limits and signals. One row per chart and period.",
    "aims": "The team's aims: how far, and whether on track. One row per aim.",
    "aim_targets": "What each aim wants for each group. One row per aim and group.",
    "change_tests": "Change tests of the team, as its register has them. One row per test.",
    "drivers": "What moves the aims, as the team's register has it. One row per driver.",
}


@dg.multi_asset(
    name="follow_up",
    specs=[
        dg.AssetSpec(
            ["publish", table],
            deps=[*(["publish", name] for name in ANALYSED), *INPUTS],
            description=_DESCRIPTIONS[table],
            group_name=ANALYSIS,
            owners=[OWNERS[ANALYSIS]],
            kinds={"python", "duckdb"},
        )
        for table in FOLLOWED
    ],
)
def follow_up(workspace: dg.ResourceParam[Workspace]) -> Iterator[Any]:
    """Draw the charts and look at the aims, from what analysis published."""
    settings = workspace.settings
    with workspace.phase("Charts and aims") as phase, workspace.warehouse() as con:
        from orchestration.defs.analysis_basis import require_basis
        from orchestration.registers.chart_baselines import read_chart_baselines
        from orchestration.registers.reading import read_registers
        from orchestration.statistics import follow_up as statistics

        require_basis(con, settings)
        registers = read_registers(settings.registers)
        tables = statistics.follow_up(
            *(_followed(con, table, registers.aims) for table in ("strata", "gaps")),
            registers=registers.frames(),
            measures=frame_of(con, "dim_measure"),
            stratifiers=con.execute(
                "from dim_stratifier where stratifier in (select stratifier from publish.gate_stratifier)"
            ).df(),
            strata_labels=frame_of(con, "dim_stratum"),
            periods=frame_of(con, "dim_period"),
            sites=frame_of(con, "dim_site"),
            confidence=settings.statistics.confidence,
            kept=read_chart_baselines(settings.chart_baselines_path),
        )
        for name in (*FOLLOWED, BASELINES):
            write_frame(con, name, tables[name])
        _write_rare_events(con)
        record_follow_up(con, settings, registers.sha256)
        record_settings(con, settings, FOLLOW_UP)
        drawn = int((tables["chart_series"]["chart_status"] == "drawn").sum())
        phase.rows = sum(len(tables[name]) for name in FOLLOWED)
        phase.say(f"{drawn:,} charts, {len(tables['aims']):,} aims")
        for name in FOLLOWED:
            yield dg.MaterializeResult(asset_key=["publish", name], metadata=table_metadata(con, "publish", name))


def _write_rare_events(con: "duckdb.DuckDBPyConnection") -> None:
    """`fct_rare_event` for the marts: charts between rare events, from counts that never leave the house."""
    from orchestration.statistics.spc.rare import rare_events

    months = con.execute(
        """select s.measure_id, s.site, s.stratifier, s.stratum, s.period_starts_on, s.numerator, s.denominator
        from main.fct_measure_stratum as s
        join main.dim_measure as measure on measure.measure_id = s.measure_id and measure.kind = 'rate'
        join main.dim_stratifier as stratifier on stratifier.stratifier = s.stratifier and stratifier.is_exclusive
        join main.dim_stratum as stratum on stratum.stratifier = s.stratifier and stratum.stratum = s.stratum
        where s.grain = 'month' and measure.counts_what = 'events'
            and not stratifier.is_crossing and not stratum.is_missing"""
    ).df()
    write_frame(con, "fct_rare_event", rare_events(months), schema="main")


def _followed(con: "duckdb.DuckDBPyConnection", table: str, aims: "pd.DataFrame") -> "pd.DataFrame":
    """The rows that charts and aims look at: months, everyone, and the aims' own measures and groups; no crossings."""
    names = {name for column in ("measure_id", "process_measure_id", "balancing_measure_id") for name in aims[column]}
    return con.execute(
        f"""select * from publish.{table} where coalesce(stratifier_2, '') = ''
        and (stratifier = 'overall' or grain = 'month'
            or (list_contains(?, measure_id) and list_contains(?, stratifier) and list_contains(?, site)))""",
        [sorted(names), *(sorted(set(aims[column])) for column in ("stratifier", "site"))],
    ).df()
