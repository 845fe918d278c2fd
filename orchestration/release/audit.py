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

_CELL = "grain, period_starts_on, period_ends_on, site, stratifier, stratum, stratifier_2, stratum_2"
_COUNTS = f"""
    create table slot as
    select strata.measure_id, kind, population, denominator_unit, grain, period_starts_on, period_ends_on, site,
        stratifier, stratum, coalesce(stratifier_2, '') as stratifier_2, coalesce(stratum_2, '') as stratum_2,
        n_patients as n, numerator as x, denominator as d
    from strata inner join measures using (measure_id);
    create table cell as
    select row_number() over () as cell, * from (select distinct {_CELL} from slot);
    create table shown as
    select cell, of_what.* from (
        select slot.*, cell.cell from slot inner join cell using ({_CELL})
    ) as slot, lateral (values
        ('children', if(kind = 'rate', population, measure_id), n, true),
        ('denominator', measure_id, d, denominator_unit = 'patients'),
        ('numerator', measure_id, x, kind <> 'mean'),
        ('complement', measure_id, d - x, kind = 'proportion'),
        ('outside', measure_id, n - d, denominator_unit = 'patients')
    ) as of_what (what, of_measure, known, is_count) where is_count;
    create table quantity as
    select row_number() over () as quantity, what, of_measure, of_measure in (
        select measure_id from measures where kind = 'rate') and what = 'numerator' as is_events
    from (select distinct what, of_measure from shown);
    create table count_of as
    select row_number() over () as id, cell, quantity, max(known) as known
    from shown inner join quantity using (what, of_measure) group by cell, quantity;
"""
_PLACE = "whole.grain = part.grain and whole.period_starts_on = part.period_starts_on"
_GROUP = (
    "whole.stratifier = part.stratifier and whole.stratum = part.stratum"
    " and whole.stratifier_2 = part.stratifier_2 and whole.stratum_2 = part.stratum_2"
)
_WITHIN = (
    f"whole.site = part.site and {_GROUP} and part.period_starts_on >= whole.period_starts_on"
    " and part.period_ends_on <= whole.period_ends_on"
    " and part.stratifier in (select stratifier from definition where is_lasting)"
)
# When one cell is a part of another, by the sum that it belongs to; the last two hold for events only.
_SUMS = (
    f"{_PLACE} and whole.site = part.site and whole.stratifier = 'overall' and part.stratifier <> 'overall'"
    " and part.stratifier in (select stratifier from definition where is_exclusive and not is_crossing)",
    f"{_PLACE} and {_GROUP} and whole.site = 'all' and part.site <> 'all'",
    f"{_PLACE} and whole.site = part.site and part.stratum_2 <> ''"
    " and whole.stratifier = part.stratifier_2 and whole.stratum = part.stratum_2",
    f"{_PLACE} and whole.site = part.site and part.stratum_2 <> '' and whole.stratum = part.stratum"
    " and whole.stratum_2 = '' and whole.stratifier in"
    " (select parent from margin where margin.crossing = part.stratifier)",
    f"{_WITHIN} and whole.grain in ('quarter', 'year') and part.grain = 'month'",
    f"{_WITHIN} and whole.grain = 'year' and part.grain = 'quarter'",
)
_FOR_EVENTS = 4
# Which counts at one place add up: a measure's to its denominator, and that and the rest to everybody.
_RELATIONS = """
    create table relation as
    select row_number() over (order by whole.quantity, part.of_measure) as relation, whole.quantity as whole,
        unnest(list(part.quantity)) as part
    from quantity as part inner join quantity as whole on whole.of_measure = part.of_measure
    where (whole.what = 'denominator' and part.what in ('numerator', 'complement') and part.of_measure in
            (select measure_id from measures where kind = 'proportion'))
        or (whole.what = 'children' and part.what in ('denominator', 'outside'))
    group by whole.quantity, part.of_measure
"""


def audit_findings(tables: Tables, min_cell: int, *, hides_zeros: bool = False) -> list[str]:
    """Hidden counts that what is shown pins among those of 1 to `min_cell - 1`: groups, never numbers.

    Found is a count whose highest possible value lies there; with `hides_zeros` also one that can be nothing but 0, of
    children who have, or have not, the outcome in a group that has somebody. Empty when nothing is.
    """
    import duckdb

    con = duckdb.connect()
    try:
        con.register("strata", tables["strata"])
        con.register("measures", tables["measures"])
        _prepare(con)
        _narrow(con)
        return _pinned(con, min_cell, hides_zeros=hides_zeros)
    finally:
        con.close()


def _prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Tables `count_of` (every count, known or not) and `appears` (equation, id, sign: what adds up to nothing)."""
    names = ("is_exclusive", "is_crossing", "is_lasting")
    with _DEFINITIONS.open(encoding="utf-8", newline="") as file:
        rows = [tuple([row["stratifier"], *(row[name] == "true" for name in names)]) for row in csv.DictReader(file)]
    con.execute(
        "create table definition (stratifier varchar, is_exclusive boolean, is_crossing boolean, is_lasting boolean)"
    )
    con.executemany("insert into definition values (?, ?, ?, ?)", rows)
    con.execute(_COUNTS)
    con.execute(
        """create table margin as
        with named as (select distinct stratifier, stratum from cell),
        sets as (select stratifier, list_sort(list(stratum)) as strata from named group by stratifier)
        select crossing.stratifier as crossing, parent.stratifier as parent
        from sets as crossing inner join sets as parent using (strata)
        where crossing.stratifier in (select stratifier from definition where is_crossing)
            and parent.stratifier in (select stratifier from definition where is_exclusive and not is_crossing)"""
    )
    con.execute(_RELATIONS)
    sums = " union all ".join(
        f"select {number} as family, whole.cell as whole, part.cell as part, part.stratifier"
        f" from cell as part inner join cell as whole on {condition}"
        for number, condition in enumerate(_SUMS)
    )
    con.execute(
        f"""create table appears as
        with cell_sum as (
            select dense_rank() over (order by family, whole, stratifier) as number, whole, part,
                family >= {_FOR_EVENTS} as is_of_events
            from ({sums})
        ),
        every as (
            select number * 100_000 + part.quantity as equation, whole.id as whole, part.id as part
            from cell_sum
            inner join count_of as part on part.cell = cell_sum.part
            inner join count_of as whole on whole.cell = cell_sum.whole and whole.quantity = part.quantity
            inner join quantity on quantity.quantity = part.quantity
            where quantity.is_events or not is_of_events
            union all
            select - (part.cell * 100_000 + relation) as equation, whole.id, part.id
            from relation
            inner join count_of as part on part.quantity = relation.part
            inner join count_of as whole on whole.quantity = relation.whole and whole.cell = part.cell
        )
        select equation, part as id, 1 as sign from every
        union all
        select distinct equation, whole, -1 from every"""
    )


def _narrow(con: duckdb.DuckDBPyConnection) -> None:
    """Bounds of hidden counts, from sums that hide something, until none becomes narrower."""
    con.execute(
        f"""create table hidden as
            select id, 0::double as low, {_FAR}::double as high from count_of where known is null;
        create table entry as
            with constant as (
                select equation, sum(sign * known) as constant
                from appears inner join count_of using (id) where known is not null group by equation
            )
            select equation, id, sign, coalesce(constant, 0)::double as constant
            from appears semi join hidden using (id) left join constant using (equation);
        create temp table changed as select id from hidden;"""
    )
    for _ in range(_MOST_ROUNDS):
        con.execute(
            """create or replace temp table implied as
            with spread as (
                select entry.*,
                    case when sign > 0 then low else -high end as least,
                    case when sign > 0 then high else -low end as most
                from entry inner join hidden using (id)
                where equation in (select equation from entry semi join changed using (id))
            ),
            total as (
                select equation, sum(least) as least, sum(most) as most from spread group by equation
            )
            select id,
                min(case when sign > 0 then -constant - (total.least - spread.least)
                    else constant + (total.most - spread.most) end) as high,
                max(case when sign > 0 then -constant - (total.most - spread.most)
                    else constant + (total.least - spread.least) end) as low
            from spread inner join total using (equation)
            group by id;
            create or replace temp table changed as
            select id, greatest(hidden.low, implied.low) as low, least(hidden.high, implied.high) as high
            from implied inner join hidden using (id)
            where implied.low > hidden.low or implied.high < hidden.high"""
        )
        changed = con.execute(
            "update hidden set low = changed.low, high = changed.high from changed where changed.id = hidden.id"
        ).fetchone()
        if not changed or not changed[0]:
            return


# A group has somebody where its children are shown, or cannot be none.
_HAS_SOMEBODY = """
    exists (from count_of as children left join hidden as unknown using (id) join quantity as of_whom
        on of_whom.quantity = children.quantity and of_whom.what = 'children'
        join measures on measures.measure_id = counted.of_measure
            and of_whom.of_measure in (measures.measure_id, measures.population)
        where children.cell = count_of.cell and coalesce(unknown.low, children.known) >= 1)
"""


def _pinned(con: duckdb.DuckDBPyConnection, min_cell: int, *, hides_zeros: bool) -> list[str]:
    of_outcome = f"or (hidden.high = 0 and counted.what in ('numerator', 'complement') and {_HAS_SOMEBODY})"
    found = con.execute(
        f"""select concat_ws(' / ', counted.what, nullif(counted.of_measure, ''), grain, period_starts_on, site,
            stratifier, stratum, nullif(stratum_2, '')) as cell
        from hidden inner join count_of using (id) inner join cell using (cell)
        inner join quantity as counted using (quantity)
        where hidden.high between 1 and {min_cell - 1} {of_outcome if hides_zeros else ""} order by all"""
    ).fetchall()
    if not found:
        return []
    shown = "; ".join(cell for (cell,) in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [f"strata: {len(found)} hidden counts can be worked out to be small: {shown}{more}"]
