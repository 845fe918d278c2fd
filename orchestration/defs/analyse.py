"""From counts to protected strata and gaps, in the one order that is safe: suppress, hold, estimate, compare."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.defs.analysis_basis import ANALYSED, record_basis
from orchestration.defs.gate import INPUTS, JUDGED, KEY
from orchestration.defs.owners import ANALYSIS, OWNERS
from orchestration.defs.resources.workspace import Workspace
from orchestration.defs.table_metadata import table_metadata
from orchestration.defs.warehouse import frame_of, run_id_of, write_frame

_DESCRIPTIONS = {
    "strata": (
        "Every measure in every group, small counts suppressed and held slices empty. "
        "One row per measure, period, site and group (crossings name two groups)."
    ),
    "gaps": (
        "Every group against its reference group; positive means that the group is worse off. "
        "One row per measure, period, site and group."
    ),
}


@dg.multi_asset(
    name="analysis",
    specs=[
        dg.AssetSpec(
            ["publish", table],
            deps=[KEY, *INPUTS, JUDGED[0]] if table == "strata" else [["publish", "strata"]],
            description=_DESCRIPTIONS[table],
            group_name=ANALYSIS,
            owners=[OWNERS[ANALYSIS]],
            kinds={"python", "duckdb"},
        )
        for table in ANALYSED
    ],
)
def analysis(workspace: dg.ResourceParam[Workspace]) -> Iterator[Any]:
    """Compute publish.strata and publish.gaps from what the gate judged."""
    settings = workspace.settings
    with workspace.phase("Estimates and gaps") as phase, workspace.warehouse() as con:
        from orchestration.disclosure.primary import protect
        from orchestration.quality.gate import require_passed
        from orchestration.statistics.analysis import analyse

        require_passed(con, run_id_of(con))
        measures = frame_of(con, "dim_measure")
        protected = protect(frame_of(con, "fct_measure_stratum"), measures, settings.disclosure.min_cell)
        result = analyse(
            protected,
            frame_of(con, "publish.gate_verdict"),
            measures=measures,
            stratifiers=frame_of(con, "dim_stratifier"),
            strata_labels=frame_of(con, "dim_stratum"),
            periods=frame_of(con, "dim_period"),
            confidence=settings.statistics.confidence,
        )
        write_frame(con, "strata", result.strata)
        write_frame(con, "gaps", result.gaps)
        record_basis(con, settings)
        phase.rows = len(result.strata) + len(result.gaps)
        phase.say(f"{len(result.strata):,} strata, {len(result.gaps):,} gaps")
        for table in ANALYSED:
            yield dg.MaterializeResult(asset_key=["publish", table], metadata=table_metadata(con, "publish", table))
