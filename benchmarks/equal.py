"""Whether two ways of counting came to the same: every sum of every stratum, compared row by row."""

from __future__ import annotations

from pathlib import Path

import duckdb

_PIPELINE = """
    select strata.measure_id, strata.grain, period.period_index as b, strata.site, strata.stratifier,
        case
            when strata.stratifier = 'overall' then '0' when strata.stratifier like 'race%' then strata.stratum
            else cast(code.code as varchar)
        end as stratum,
        coalesce(quintile.code, -1) as quintile, n_patients, numerator, denominator, sum_yy, sum_yd, sum_dd
    from warehouse.main.fct_measure_stratum as strata
    inner join warehouse.main.dim_period as period using (grain, period_starts_on)
    left join warehouse.main.strata as code
        on code.dimension = strata.stratifier and code.stratum = strata.stratum
    left join warehouse.main.strata as quintile
        on quintile.dimension = 'poverty_quintile' and quintile.stratum = strata.stratum_2
"""
# A script need not list strata in which nobody is, and may count grains in which a stratifier is not given.
_SOMEBODY = "where n_patients > 0 or numerator > 0"
_GIVEN = """
    select script.* from read_parquet($counts) as script
    inner join warehouse.main.stratifiers as given using (stratifier)
    where list_contains(string_split(if(site = 'all', given.grains, given.site_grains), ' '), script.grain)
"""


def differing_rows(warehouse: Path, counts: Path) -> tuple[int, int]:
    """Rows compared, and rows that are in only one of the pipeline's warehouse and a script's Parquet."""
    con = duckdb.connect()
    con.execute(f"attach '{str(warehouse).replace(chr(39), chr(39) * 2)}' as warehouse (read_only)")
    con.execute(f"create table pipeline as select * from ({_PIPELINE}) {_SOMEBODY}")
    con.execute(f"create table script as select * from ({_GIVEN}) {_SOMEBODY}", {"counts": str(counts)})
    differing = con.execute(
        """select count(*) from (
            (from pipeline except all from script) union all (from script except all from pipeline))"""
    ).fetchone()
    compared = con.execute("select count(*) from pipeline").fetchone()
    con.close()
    return (compared or (0,))[0], (differing or (0,))[0]
