"""From counts to protected strata and gaps, in the one order that is safe: suppress, hold, estimate, compare."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.defs.analysis_basis import ANALYSED, REGISTER, record_basis
from orchestration.defs.gate import INPUTS, JUDGED, KEY
from orchestration.defs.owners import ANALYSIS, OWNERS
from orchestration.defs.resources.workspace import Workspace
from orchestration.defs.settings_basis import ANALYSE, record_settings
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
    "inequality": (
        "Summary indices over all groups of a stratifier, with intervals. "
        "One row per measure, period, site, stratifier and index."
    ),
    "changes": (
        "What each gap changed since the first year, and which side it came from. "
        "One row per measure, year, site and group."
    ),
    "decomposition": (
        "Gaps by race split into neighborhoods' mix and what is left within neighborhoods. "
        "One row per measure, year, site and group."
    ),
}

_COUNTED: list[dg.AssetKey | str] = [KEY, *INPUTS, *JUDGED[:2], "int_stratum__age_sex", "int_stratum__member"]
# Groups of different stratifiers that consist of the same codes; a crossing's consist of two.
MEMBERS = "select distinct dimension, stratifier, stratum, code from int_stratum__member where code_2 = -1"
_PUBLISHED = "from {} where stratifier in (select stratifier from publish.gate_stratifier)"
_MISSING_SHARES = """
    select field as quality_field, site, grain, period_starts_on, 1 - value as missing_share
    from fct_quality where metric = 'completeness' and stratifier = ''
"""


@dg.multi_asset(
    name="analysis",
    specs=[
        dg.AssetSpec(
            ["publish", table],
            deps=[dg.AssetKey(["publish", name]) for name in ANALYSED[:index]] or _COUNTED,
            description=_DESCRIPTIONS[table],
            group_name=ANALYSIS,
            owners=[OWNERS[ANALYSIS]],
            kinds={"python", "duckdb"},
        )
        for index, table in enumerate(ANALYSED)
    ],
)
def analysis(workspace: dg.ResourceParam[Workspace]) -> Iterator[Any]:
    """Compute publish.strata and what follows from it, from what the gate judged."""
    settings = workspace.settings
    with workspace.phase("Estimates and gaps") as phase, workspace.warehouse() as con:
        from orchestration.disclosure.suppression import suppress
        from orchestration.quality.gate import require_passed
        from orchestration.quality.thresholds import load_profile
        from orchestration.registers.reading import read_registers
        from orchestration.release.before import statuses
        from orchestration.release.ledger import shown_before
        from orchestration.release.references import read_references
        from orchestration.release.store import current_release
        from orchestration.statistics.aims.groups import followed_groups
        from orchestration.statistics.analysis import analyse
        from orchestration.statistics.robustness import Missingness

        require_passed(con, run_id_of(con))
        measures, periods = frame_of(con, "dim_measure"), frame_of(con, "dim_period")
        stratifiers = con.execute(_PUBLISHED.format("dim_stratifier")).df()
        phase.say("what must be hidden so that small counts cannot be worked out")
        protected = suppress(
            con.execute(_PUBLISHED.format("fct_measure_stratum")).df(),
            measures,
            stratifiers,
            periods,
            con.execute(MEMBERS).df(),
            settings.disclosure.min_cell,
            followed_groups(read_registers(settings.registers).aims),
            settings.disclosure.exact_seconds,
            statuses(current_release(settings)),
            hides_zeros=settings.disclosure.hides_zeros,
            shown=shown_before(settings.releases_dir),
        )
        result = analyse(
            protected,
            frame_of(con, "publish.gate_verdict"),
            measures=measures,
            stratifiers=stratifiers,
            strata_labels=frame_of(con, "dim_stratum"),
            periods=periods,
            confidence=settings.statistics.confidence,
            missingness=Missingness(
                con.execute(_MISSING_SHARES).df(), load_profile(settings.gate.profile).hold_gap_missing_above
            ),
            age_sex=frame_of(con, "int_stratum__age_sex"),
            register=read_references(settings.references_path),
            as_of=settings.effective_as_of(),
        )
        for table in (*ANALYSED, REGISTER):
            write_frame(con, table, getattr(result, table))
        record_basis(con, settings)
        record_settings(con, settings, ANALYSE)
        phase.rows = sum(len(getattr(result, table)) for table in ANALYSED)
        phase.say(f"{len(result.strata):,} strata, {len(result.gaps):,} gaps")
        for table in ANALYSED:
            yield dg.MaterializeResult(asset_key=["publish", table], metadata=table_metadata(con, "publish", table))
