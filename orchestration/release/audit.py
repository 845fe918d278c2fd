"""The attacker: tries to work out hidden counts from what a release shows, by a way of its own.

It reads the published tables and nothing else, knows what anybody knows (counts are whole and not negative; groups of a
stratifier that does not overlap add up to everybody, sites to all sites, a crossing to its margins, numerator and the
rest to the denominator, months to longer periods), and narrows the range of every hidden count sum by sum, in SQL,
until nothing more follows. It shares no code with the suppression that it checks.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from orchestration.settings import PROJECT_ROOT

if TYPE_CHECKING:
    import duckdb

    from orchestration.release.tables import Tables

# What is known of the groupings by their published definition.
_DEFINITIONS = PROJECT_ROOT / "seeds" / "stratifiers.csv"
_FAR = 1_000_000_000
_MOST_ROUNDS = 200
_SHOWN = 5

_UNKNOWNS = """
    create table slot as
    select strata.measure_id, kind, population, denominator_unit, grain, period_starts_on, period_ends_on, site,
        stratifier, stratum, coalesce(stratifier_2, '') as stratifier_2, coalesce(stratum_2, '') as stratum_2,
        n_patients as n, numerator as x, denominator as d
    from strata inner join measures using (measure_id);
    create table count_of as
    select row_number() over () as id, *, known is null as is_hidden, coalesce(known, 0) as low,
        coalesce(known, {far}) as high
    from (
        select 'children' as what,  if(kind = 'rate', population, measure_id) as of_measure, {cell}, max(n) as known
        from slot group by all
        union all
        select 'denominator', measure_id, {cell}, max(d) from slot where denominator_unit = 'patients' group by all
        union all
        select 'numerator', measure_id, {cell}, max(x) from slot where kind <> 'mean' group by all
        union all
        select 'complement', measure_id, {cell}, max(d - x) from slot where kind = 'proportion' group by all
        union all
        select 'outside', measure_id, {cell}, max(n - d) from slot where denominator_unit = 'patients' group by all
    );
"""
_CELL = "grain, period_starts_on, period_ends_on, site, stratifier, stratum, stratifier_2, stratum_2"
_SAME = "whole.what = part.what and whole.of_measure = part.of_measure"
_PLACE = "whole.grain = part.grain and whole.period_starts_on = part.period_starts_on"
_GROUP = (
    "whole.stratifier = part.stratifier and whole.stratum = part.stratum"
    " and whole.stratifier_2 = part.stratifier_2 and whole.stratum_2 = part.stratum_2"
)
_LASTING = (
    "part.stratifier in (select stratifier from definition where is_lasting)"
    " and part.of_measure in (select of_measure from rate) and part.what = 'numerator'"
)
# Each: which sum the part belongs to besides its whole, the whole, and when a count is a part of it.
_SUMS = {
    "groups": ("part.stratifier", f"{_SAME} and {_PLACE} and whole.site = part.site and whole.stratifier = 'overall'"
               " and part.stratifier in (select stratifier from definition where is_exclusive and not is_crossing)"
               " and part.stratifier <> 'overall'"),
    "sites": ("''", f"{_SAME} and {_PLACE} and {_GROUP} and whole.site = 'all' and part.site <> 'all'"),
    "second margin": ("part.stratifier", f"{_SAME} and {_PLACE} and whole.site = part.site and part.stratum_2 <> ''"
                      " and whole.stratifier = part.stratifier_2 and whole.stratum = part.stratum_2"),
    "first margin": ("part.stratifier", f"{_SAME} and {_PLACE} and whole.site = part.site and part.stratum_2 <> ''"
                     " and whole.stratum = part.stratum and whole.stratum_2 = '' and whole.stratifier in"
                     " (select parent from margin where margin.crossing = part.stratifier)"),
    "months": ("part.grain", f"{_SAME} and whole.site = part.site and {_GROUP}"
               " and whole.grain in ('quarter', 'year') and part.grain = 'month'"
               " and part.period_starts_on >= whole.period_starts_on and part.period_ends_on <= whole.period_ends_on"
               f" and {_LASTING}"),
    "quarters": ("part.grain", f"{_SAME} and whole.site = part.site and {_GROUP}"
                 " and whole.grain = 'year' and part.grain = 'quarter'"
                 " and part.period_starts_on >= whole.period_starts_on and part.period_ends_on <= whole.period_ends_on"
                 f" and {_LASTING}"),
}  # fmt: skip


def audit_findings(tables: Tables, min_cell: int) -> list[str]:
    """Hidden counts that what is shown pins among those of 1 to `min_cell - 1`: groups, never numbers.

    Found is a count whose highest possible value lies there. Empty when nothing is.
    """
    import duckdb

    con = duckdb.connect()
    try:
        con.register("strata", tables["strata"])
        con.register("measures", tables["measures"])
        _prepare(con)
        _narrow(con)
        return _pinned(con, min_cell)
    finally:
        con.close()


def _prepare(con: duckdb.DuckDBPyConnection) -> None:
    with _DEFINITIONS.open(encoding="utf-8", newline="") as file:
        rows = [
            tuple([row["stratifier"], *(row[name] == "true" for name in ("is_exclusive", "is_crossing", "is_lasting"))])
            for row in csv.DictReader(file)
        ]
    con.execute(
        "create table definition (stratifier varchar, is_exclusive boolean, is_crossing boolean, is_lasting boolean)"
    )
    con.executemany("insert into definition values (?, ?, ?, ?)", rows)
    con.execute(_UNKNOWNS.format(cell=_CELL, far=_FAR))
    con.execute(
        """create table margin as
        with named as (select distinct stratifier, stratum from slot),
        sets as (select stratifier, list_sort(list(stratum)) as strata from named group by stratifier)
        select crossing.stratifier as crossing, parent.stratifier as parent
        from sets as crossing inner join sets as parent using (strata)
        where crossing.stratifier in (select stratifier from definition where is_crossing)
            and parent.stratifier in (select stratifier from definition where is_exclusive and not is_crossing)"""
    )
    con.execute("create table rate as select measure_id as of_measure from measures where kind = 'rate'")
    sums = " union all ".join(
        f"select dense_rank() over (order by '{name}', whole.id, {own}) as rank, '{name}' as family, whole.id as whole,"
        f" part.id as part from count_of as part inner join count_of as whole on {condition}"
        for name, (own, condition) in _SUMS.items()
    )
    relation = f"""
        select whole.id as whole, part.id as part, part.what
        from count_of as part inner join count_of as whole
            on {" and ".join(f"whole.{name} = part.{name}" for name in _CELL.split(", "))}
            and (whole.what, part.what) in {{pairs}} {{own}}
    """
    con.execute(
        f"""create table appears as
        with sums as ({sums}),
        numbered as (select dense_rank() over (order by family, rank) as equation, whole, part from sums),
        proportion as ({
            relation.format(
                pairs="(('denominator', 'numerator'), ('denominator', 'complement'))",
                own="and whole.of_measure = part.of_measure",
            )
        }),
        of_everybody as (
            select whole.id as whole, part.id as part from count_of as part
            inner join count_of as whole on whole.what = 'children' and whole.of_measure = part.of_measure
                and {" and ".join(f"whole.{name} = part.{name}" for name in _CELL.split(", "))}
            where part.what in ('denominator', 'outside')
        ),
        later as (
            select dense_rank() over (order by whole, part_measure) as equation, whole, part from (
                select proportion.whole, proportion.part, count_of.of_measure as part_measure
                from proportion inner join count_of on count_of.id = proportion.part
                where proportion.whole in (
                    select id from count_of where what = 'denominator' and of_measure in
                        (select measure_id from measures where kind = 'proportion'))
                union all
                select of_everybody.whole, of_everybody.part, count_of.of_measure
                from of_everybody inner join count_of on count_of.id = of_everybody.part
            )
        ),
        every as (
            select equation, whole, part from numbered
            union all
            select equation + (select coalesce(max(equation), 0) from numbered), whole, part from later
        )
        select equation, part as id, 1 as sign from every
        union all
        select distinct equation, whole, -1 from every"""
    )


def _narrow(con: duckdb.DuckDBPyConnection) -> None:
    """Bounds of hidden counts, from sums that hide something, until none becomes narrower."""
    con.execute(
        """create table hidden as select id, cast(low as double) as low, cast(high as double) as high
            from count_of where is_hidden;
        create table entry as
            select appears.equation, appears.id, appears.sign from appears inner join hidden using (id);
        create table shown_part as
            select equation, sum(sign * count_of.known) as constant
            from appears inner join count_of using (id) where not is_hidden group by equation;"""
    )
    for _ in range(_MOST_ROUNDS):
        con.execute(
            """create or replace temp table implied as
            with spread as (
                select entry.*, low, high,
                    case when sign > 0 then low else -high end as least,
                    case when sign > 0 then high else -low end as most
                from entry inner join hidden using (id)
            ),
            total as (
                select equation, sum(least) as least, sum(most) as most from spread group by equation
            )
            select id,
                min(case when sign > 0 then -coalesce(constant, 0) - (total.least - spread.least)
                    else coalesce(constant, 0) + (total.most - spread.most) end) as high,
                max(case when sign > 0 then -coalesce(constant, 0) - (total.most - spread.most)
                    else coalesce(constant, 0) + (total.least - spread.least) end) as low
            from spread inner join total using (equation) left join shown_part using (equation)
            group by id"""
        )
        changed = con.execute(
            """update hidden set low = greatest(hidden.low, implied.low), high = least(hidden.high, implied.high)
            from implied
            where implied.id = hidden.id and (implied.low > hidden.low or implied.high < hidden.high)"""
        ).fetchone()
        if not changed or not changed[0]:
            return


def _pinned(con: duckdb.DuckDBPyConnection, min_cell: int) -> list[str]:
    found = con.execute(
        f"""select concat_ws(' / ', what, nullif(of_measure, ''), grain, period_starts_on, site, stratifier, stratum,
            nullif(stratum_2, '')) as cell
        from hidden inner join count_of using (id) where hidden.high between 1 and {min_cell - 1} order by all"""
    ).fetchall()
    if not found:
        return []
    shown = "; ".join(cell for (cell,) in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [f"strata: {len(found)} hidden counts can be worked out to be small: {shown}{more}"]
