"""The attacker with two releases: subtracts what earlier ones showed from what this one shows, in SQL.

Like the attacker of one release it shares no code with the suppression that it checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from orchestration.release.tables import Tables

_SHOWN = 5
_APART = """
    with apart as (
        select now.measure_id, now.grain, now.period_starts_on, now.site, now.stratifier, now.stratum, now.stratum_2,
            before.release_id,
            unnest([
                now.n_patients - before.n_patients,
                if(kind = 'mean', null, now.numerator - before.numerator),
                if(denominator_unit = 'patients', now.denominator - before.denominator, null),
                if(denominator_unit = 'patients',
                    now.n_patients - now.denominator - before.n_patients + before.denominator, null),
                if(kind = 'proportion',
                    now.denominator - now.numerator - before.denominator + before.numerator, null)
            ]) as difference
        from strata as now
        inner join measures using (measure_id)
        inner join shown as before
            on before.measure_id = now.measure_id and before.grain = now.grain and before.site = now.site
            and before.period_starts_on = now.period_starts_on
            and before.stratifier = now.stratifier and before.stratum = now.stratum
            and coalesce(before.stratifier_2, '') = coalesce(now.stratifier_2, '')
            and coalesce(before.stratum_2, '') = coalesce(now.stratum_2, '')
    )
    select
        concat_ws(' / ', measure_id, grain, period_starts_on::date, site, stratifier, stratum, nullif(stratum_2, '')),
        min(release_id)
    from apart where abs(difference) between 1 and $most group by all order by all
"""


def earlier_findings(tables: Tables, shown: pd.DataFrame | None, min_cell: int) -> list[str]:
    """Groups of which this release shows a count that is 1 to `min_cell - 1` more or less than an earlier one showed.

    `shown`: what `ledger.shown_before` gives. Groups and release ids, never numbers; empty when there are none.
    """
    if shown is None:
        return []
    import duckdb

    with duckdb.connect() as con:
        con.register("strata", tables["strata"])
        con.register("measures", tables["measures"])
        con.register("shown", shown)
        found = con.execute(_APART, {"most": min_cell - 1}).fetchall()
    if not found:
        return []
    named = "; ".join(f"{cell} (release {release})" for cell, release in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [f"strata: {len(found)} groups differ by few from what an earlier release showed: {named}{more}"]
