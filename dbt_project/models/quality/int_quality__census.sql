{#
Agreement of the recorded race mix with the census mix of the children in the patients' own tracts, over the categories
that both know, and for how many of all children that mix is known. The census still asks by the 1997 standard, so the
1997 roll-up is compared.
#}
with recorded as (

    select
        site.site, period.grain, period.period_starts_on, strata.stratum, strata.n_patients,
        max(strata.n_patients) filter (where strata.stratifier = 'overall')
            over (partition by site.site, period.grain, period.period_starts_on) as n_everyone
    from {{ ref('int_stratum__month') }} as strata
    inner join {{ ref('dim_period') }} as period on strata.month_number = period.last_month_number
    inner join {{ ref('dim_site') }} as site on strata.site_code = site.site_code
    where strata.population = 't1d' and strata.stratifier in ('race_omb1997_hispanic_first', 'overall')

),

compared as (

    select
        expected.site, expected.grain, expected.period_starts_on, expected.n_expected, recorded.n_everyone,
        coalesce(recorded.n_patients, 0) as n,
        coalesce(recorded.n_patients, 0) / nullif(sum(coalesce(recorded.n_patients, 0)) over by_slice, 0)
        - expected.n_expected / nullif(sum(expected.n_expected) over by_slice, 0) as difference
    from {{ ref('int_quality__expected_mix') }} as expected
    left join recorded using (site, grain, period_starts_on, stratum)
    window by_slice as (partition by expected.site, expected.grain, expected.period_starts_on)

),

slices as (

    select
        site, grain, period_starts_on,
        max(abs(difference)) as max_difference,
        count(*) filter (where abs(difference) > 0.10) as n_off,
        cast(sum(n) as bigint) as n,
        max(n_everyone) as n_everyone,
        least(1.0, sum(n_expected) / max(n_everyone)) as covered_share
    from compared
    group by site, grain, period_starts_on
    having sum(n) > 0

)

select
    'race_ethnicity' as field, site, grain, period_starts_on, 'census_max_difference' as metric,
    max_difference as value, n
from slices
union all
select 'race_ethnicity', site, grain, period_starts_on, 'census_categories_off', cast(n_off as double), n
from slices
union all
select 'race_ethnicity', site, grain, period_starts_on, 'census_covered_share', covered_share, n_everyone
from slices
