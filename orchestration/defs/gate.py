"""The gate as an asset: its verdicts per slice, and the structural suite as a check that stops everything behind it."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.defs.owners import GATE, OWNERS
from orchestration.defs.resources.workspace import Workspace
from orchestration.defs.settings_basis import JUDGE, record_settings
from orchestration.defs.table_metadata import table_metadata
from orchestration.defs.warehouse import run_id_of
from orchestration.errors import BlockedError

VERDICT, STRUCTURE = "gate_verdict", "structure_is_right"
KEY = dg.AssetKey(["publish", VERDICT])
INPUTS = ("dim_measure", "dim_period", "dim_site", "dim_stratifier", "dim_stratum")
JUDGED = ("fct_measure_stratum", "fct_quality", "fct_structure", "fct_conservation")


@dg.asset(
    key=KEY,
    deps=[*INPUTS, *JUDGED, "quarantine_files"],
    group_name=GATE,
    owners=[OWNERS[GATE]],
    kinds={"python", "duckdb"},
    description=(
        "What may be published, shown with caution or must be held, and why. "
        "One row per measure, stratifier, site and period."
    ),
    check_specs=[
        dg.AssetCheckSpec(
            STRUCTURE,
            asset=KEY,
            blocking=True,
            description="Keys, references, code sets and row conservation are right; when not, nothing is published.",
        )
    ],
)
def gate_verdict(workspace: dg.ResourceParam[Workspace]) -> Iterator[Any]:
    """Judge the warehouse as it is; stop the run when its structure is wrong."""
    with workspace.phase("Judge data quality (gate)") as phase, workspace.warehouse() as con:
        from orchestration.quality.gate import run_gate

        phase.say("loading Great Expectations")
        try:
            summary = run_gate(con, workspace.settings, run_id_of(con), run=workspace.expectations.run_suites)
        except BlockedError:
            yield dg.AssetCheckResult(check_name=STRUCTURE, passed=False)
            raise
        record_settings(con, workspace.settings, JUDGE)
        counts = ", ".join(f"{verdict} {n:,}" for verdict, n in summary.verdicts.items())
        phase.rows = sum(summary.verdicts.values())
        phase.say(f"{summary.n_expectations} expectations, {summary.n_failed} not met; {counts}")
        yield dg.AssetCheckResult(
            check_name=STRUCTURE,
            passed=True,
            metadata={"profile": summary.profile, "expectations": summary.n_expectations, "not_met": summary.n_failed},
        )
        yield dg.MaterializeResult(metadata={**table_metadata(con, "publish", VERDICT), **summary.verdicts})
