{{ config(materialized='view') }}

with joined as (

    select
        site.site,
        period.grain,
        period.period_index,
        period.period_starts_on,
        rollup.stratum,
        count(*) as n_stratum
    from {{ ref('int_patient') }} as patient
    inner join {{ ref('dim_period') }} as period
        on
            coalesce(patient.enrolled_on, patient.diagnosed_on)
            between period.period_starts_on and period.period_ends_on
            and period.grain in ('month', 'quarter')
    inner join {{ ref('int_race__rollup') }} as rollup
        on patient.race_code = rollup.race_code and rollup.stratifier = 'race_omb1997_hispanic_first'
    inner join {{ ref('dim_site') }} as site on patient.site_code = site.site_code
    where patient.race_code < 256
    group by site.site, period.grain, period.period_index, period.period_starts_on, rollup.stratum

)

select
    site,
    grain,
    period_index,
    period_starts_on,
    max(n_stratum) / cast(sum(n_stratum) as double) as share,
    sum(n_stratum) as n
from joined
group by site, grain, period_index, period_starts_on
