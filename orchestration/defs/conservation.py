"""What could not be used, exported with its reasons, and the sum that must come out: in = used + quarantined."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.defs.owners import OWNERS
from orchestration.defs.resources.workspace import Workspace
from orchestration.defs.table_metadata import table_metadata
from orchestration.defs.warehouse import run_id_of
from orchestration.errors import TransformError
from orchestration.sources import quarantine, unmapped

QUARANTINE_FILES, CONSERVED = "quarantine_files", "rows_in_equal_used_plus_quarantined"


@dg.asset(
    name=QUARANTINE_FILES,
    deps=["quarantine", "fct_conservation"],
    group_name="quality",
    owners=[OWNERS["quality"]],
    kinds={"duckdb", "parquet"},
    description="Rows that could not be used, each with its file, line and reason. One Parquet row per row set aside.",
    check_specs=[
        dg.AssetCheckSpec(
            CONSERVED,
            asset=QUARANTINE_FILES,
            blocking=True,
            description="No row is lost on the way: in = used + quarantined.",
        )
    ],
)
def quarantine_files(workspace: dg.ResourceParam[Workspace]) -> Iterator[Any]:
    """Export the quarantine; stop the run when rows were lost."""
    with workspace.phase("Set aside unusable rows") as phase:
        with workspace.warehouse() as con:
            run_id = run_id_of(con)
            metadata = table_metadata(con, "main", "quarantine")
            total = con.execute(
                "select sum(rows_in), sum(rows_used), sum(rows_quarantined) from fct_conservation"
            ).fetchone()
            lost = con.execute(
                "select distinct table_name from fct_conservation "
                "where rows_in is distinct from rows_used + rows_quarantined"
            ).fetchall()
        counts = dict(
            zip(("rows_in", "rows_used", "rows_quarantined"), (int(n or 0) for n in total or (0, 0, 0)), strict=True)
        )
        yield dg.AssetCheckResult(check_name=CONSERVED, passed=not lost, metadata=counts)
        if lost:
            raise TransformError(
                "every row that comes in is used or set aside with a reason",
                where="fct_conservation",
                found="rows lost in " + ", ".join(sorted(name for (name,) in lost)),
                remedy="the models that check these tables drop rows; nothing was published",
            )
        path = quarantine.export(workspace.settings, run_id)
        with workspace.warehouse() as con:
            quarantine.require_somebody(con, workspace.settings.cohort, path)
            codes = unmapped.export(con, path)
        phase.rows = counts["rows_quarantined"]
        phase.say(f"{counts['rows_in']:,} in = {counts['rows_used']:,} used + {counts['rows_quarantined']:,} set aside")
        yield dg.MaterializeResult(metadata={**metadata, **counts, "unmapped_codes": codes, "path": str(path)})
