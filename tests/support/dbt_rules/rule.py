"""A rule of counting as readable tables, and the queries that show what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rule:
    """A rule: registry tables as text (`child` names the patient), a query over the children, its result."""

    name: str
    children: str
    query: str
    expected: str
    tables: Mapping[str, str] = field(default_factory=dict)


# Numerator and denominator of each child, measure by measure, in the year.
YEAR_OF_MEASURES = """
    select site as child{columns}
    from fct_measure_stratum
    where list_contains($1, site) and grain = 'year' and stratifier = 'overall'
    group by site
    order by list_position($1, site)
"""


def year_of(**measures: str) -> str:
    """Query for `numerator/denominator` of the measures, by the names that the columns are to have."""
    columns = "".join(
        f",\n max(case when measure_id = '{measure}' then numerator || '/' || denominator end) as {name}"
        for name, measure in measures.items()
    )
    return YEAR_OF_MEASURES.format(columns=columns)


QUARTERS = """
    select
        site as child,
        strftime(period_starts_on, '%b %Y') as quarter,
        n_patients as children,
        denominator as months,
        numerator as visits,
        sum_dd as months_squared,
        sum_yy as visits_squared,
        sum_yd as visits_by_months
    from fct_measure_stratum
    where list_contains($1, site) and grain = 'quarter' and stratifier = 'overall' and measure_id = 'ed_visits'
        and n_patients > 0
    order by list_position($1, site), period_starts_on
"""

SPANS = """
    select
        split_part(patient_id, ':', 2) as child,
        strftime(starts_on, '%b %Y') as first_month,
        strftime(ends_on, '%b %Y') as last_month,
        {columns}
    from fct_patient_span
    inner join dim_cell using (cell_key)
    where list_contains($1, site) and population = 't1d'
    order by list_position($1, site), starts_on
"""

STRATA_OF_VISITS = """
    select
        strftime(period_starts_on, '%b %Y') as quarter,
        stratum,
        n_patients as children,
        denominator as months,
        numerator as visits
    from fct_measure_stratum
    where list_contains($1, site) and grain = 'quarter' and measure_id = 'ed_visits' and n_patients > 0
        and stratifier = 'poverty_quintile'
    order by period_starts_on, stratum
"""
