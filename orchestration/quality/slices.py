"""Which published slices there are, which recorded fields each depends on, and the metrics of those fields.

A slice is a measure by a stratifier at a site in a period. It depends on the field of its stratifier, on the field of
its second stratifier where it is a crossing, and on the field that the measure itself stands on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestration.errors import SettingsError
from orchestration.quality_metrics import MEASURE_SPECIFIC
from orchestration.settings import KEPT_IN_MARTS

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from orchestration.quality.thresholds import Profile

OVERALL = "overall"
_SLICES = """
    create or replace temp table gate_slice as
    select distinct measure_id, stratifier, site, grain, period_starts_on from fct_measure_stratum
    where stratifier in (select stratifier from publish.gate_stratifier)
"""

_NEEDS = """
    create or replace temp table gate_need as
    with by_stratifier as (
        select distinct pair.stratifier, dim_stratifier.quality_field as field
        from (select distinct stratifier, stratifier_2 from fct_measure_stratum) as pair
        inner join dim_stratifier
            on dim_stratifier.stratifier in (pair.stratifier, pair.stratifier_2)
        where dim_stratifier.quality_field <> ''
    )
    select gate_slice.*, by_stratifier.field from gate_slice inner join by_stratifier using (stratifier)
    union
    select gate_slice.*, gate_measure_field.field from gate_slice inner join gate_measure_field using (measure_id)
"""

# A difference in missing shares is made of four counts of children: missing and not, in the numerator and not. They
# stand in the strata of the field's own exclusive stratifier; the smallest decides whether the difference may be shown.
_QUALITY = f"""
    with shown_by as (
        select stratifier, quality_field as field from dim_stratifier
        where quality_field <> '' and is_exclusive and not is_crossing
        qualify row_number() over (partition by quality_field order by sort_order, stratifier) = 1
    ),
    counts as (
        select
            shown_by.field, f.measure_id, f.site, f.grain, f.period_starts_on,
            coalesce(sum(f.numerator) filter (where label.is_missing), 0) as missing_in,
            coalesce(sum(f.denominator - f.numerator) filter (where label.is_missing), 0) as missing_out,
            coalesce(sum(f.numerator) filter (where not label.is_missing), 0) as known_in,
            coalesce(sum(f.denominator - f.numerator) filter (where not label.is_missing), 0) as known_out
        from fct_measure_stratum as f
        inner join shown_by using (stratifier)
        inner join dim_stratum as label on label.stratifier = f.stratifier and label.stratum = f.stratum
        inner join dim_measure using (measure_id)
        where dim_measure.counts_what = 'patients' and dim_measure.denominator_unit = 'patients'
        group by all
    )
    select
        q.field, q.site, q.grain, q.period_starts_on, q.measure_id, q.stratifier, q.stratum, q.metric,
        cast(q.value as double) as value, cast(q.n as double) as n,
        case when q.metric in ({", ".join(f"'{name}'" for name in sorted(MEASURE_SPECIFIC))}) then
            least(nullif(missing_in, 0), nullif(missing_out, 0), nullif(known_in, 0), nullif(known_out, 0))
        end as smallest_count
    from fct_quality as q
    left join counts using (field, measure_id, site, grain, period_starts_on)
    order by all
"""


def prepare_slices(con: duckdb.DuckDBPyConnection, profile: Profile, kept_in_marts: Sequence[str]) -> pd.DataFrame:
    """Temporary tables gate_slice and gate_need; returns the needed field, site, grain and period_starts_on.

    Writes publish.gate_stratifier: the groupings that are published. Raises SettingsError when the profile names an
    unknown measure or has no rule for a field that a slice depends on, or `kept_in_marts` an unknown grouping.
    """
    _write_stratifiers(con, kept_in_marts)
    pairs = [(field, measure) for field, measures in profile.measure_fields.items() for measure in measures]
    known = {measure for (measure,) in con.execute("select measure_id from dim_measure").fetchall()}
    _refuse(
        profile,
        [measure for _, measure in pairs if measure not in known],
        "`measure_fields` names measures of this project",
        "correct the measure's id, or take it out of the list",
    )
    con.execute("create or replace temp table gate_measure_field (field varchar, measure_id varchar)")
    if pairs:
        con.executemany("insert into gate_measure_field values (?, ?)", pairs)
    con.execute(_SLICES)
    con.execute(_NEEDS)
    spine = con.execute("select distinct field, site, grain, period_starts_on from gate_need order by all").df()
    ruled = {rule.field for rule in profile.rules}
    _refuse(
        profile,
        [field for field in spine["field"].unique() if field not in ruled],
        "every field that a stratifier depends on has a rule",
        "add a rule for the field, or base the profile on one that has it",
    )
    return spine


def _write_stratifiers(con: duckdb.DuckDBPyConnection, kept_in_marts: Sequence[str]) -> None:
    known = [name for (name,) in con.execute("select stratifier from dim_stratifier order by sort_order").fetchall()]
    # A registry whose stratifiers are its own need not have those that are kept back unless one says otherwise.
    wrong = [name for name in kept_in_marts if name == OVERALL or name not in (*known, *KEPT_IN_MARTS)]
    if wrong:
        raise SettingsError(
            "`kept_in_marts` names groupings of this project, and not everyone",
            where="settings, [disclosure]",
            found=", ".join(wrong),
            remedy=f"name some of {', '.join(name for name in known if name != OVERALL)}",
        )
    con.execute("create or replace table publish.gate_stratifier (stratifier varchar)")
    con.executemany(
        "insert into publish.gate_stratifier values (?)", [[name] for name in known if name not in kept_in_marts]
    )


def read_quality(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """The rows of fct_quality with `smallest_count`, the smallest non-zero count of children behind a difference."""
    return con.execute(_QUALITY).df()


def _refuse(profile: Profile, wrong: list[str], rule: str, remedy: str) -> None:
    if wrong:
        raise SettingsError(rule, where=f"thresholds profile `{profile.name}`", found=", ".join(wrong), remedy=remedy)
