{#
Agreement of the recorded race mix with the census mix of the children in the patients' own tracts, over the categories
that both know. The census still asks by the 1997 standard, so the 1997 roll-up is compared. Beside it stands for how many
of the children the census mix is known.
#}
with recorded as (

    select
        site.site, period.grain, period.period_starts_on, strata.stratifier, strata.stratum, strata.n_patients
    from {{ ref('int_stratum__month') }} as strata
    inner join {{ ref('dim_period') }} as period on strata.month_number = period.last_month_number
    inner join {{ ref('dim_site') }} as site on strata.site_code = site.site_code
    where strata.population = 't1d' and strata.stratifier in ('race_omb1997_hispanic_first', 'overall')

),

compared as (

    select
        expected.site, expected.grain, expected.period_starts_on,
        coalesce(recorded.n_patients, 0) as n,
        coalesce(recorded.n_patients, 0) / nullif(sum(coalesce(recorded.n_patients, 0)) over by_slice, 0)
        - expected.n_expected / nullif(sum(expected.n_expected) over by_slice, 0) as difference
    from {{ ref('int_quality__expected_mix') }} as expected
    left join recorded
        on
            expected.site = recorded.site and expected.grain = recorded.grain
            and expected.period_starts_on = recorded.period_starts_on and expected.stratum = recorded.stratum
            and recorded.stratifier = 'race_omb1997_hispanic_first'
    window by_slice as (partition by expected.site, expected.grain, expected.period_starts_on)

),

slices as (

    select
        site,
        grain,
        period_starts_on,
        max(abs(difference)) as max_difference,
        count(*) filter (where abs(difference) > 0.10) as n_off,
        cast(sum(n) as bigint) as n
    from compared
    group by site, grain, period_starts_on
    having sum(n) > 0

),

covered as (

    select
        expected.site, expected.grain, expected.period_starts_on,
        everyone.n_patients as n,
        sum(expected.n_expected) / everyone.n_patients as share
    from {{ ref('int_quality__expected_mix') }} as expected
    inner join recorded as everyone
        on
            expected.site = everyone.site and expected.grain = everyone.grain
            and expected.period_starts_on = everyone.period_starts_on and everyone.stratifier = 'overall'
    where everyone.n_patients > 0
    group by expected.site, expected.grain, expected.period_starts_on, everyone.n_patients

)

select
    'race_ethnicity' as field, site, grain, period_starts_on, 'census_max_difference' as metric,
    max_difference as value, n
from slices
union all
select 'race_ethnicity', site, grain, period_starts_on, 'census_categories_off', cast(n_off as double), n
from slices
union all
select 'race_ethnicity', site, grain, period_starts_on, 'census_covered_share', least(1.0, share), n
from covered
