{{ config(materialized='ephemeral') }}

select
    measure.measure_id,
    period.grain,
    period.period_starts_on,
    member.site_code,
    member.stratifier,
    member.stratum,
    member.stratum_2,
    member.n_patients,
    coalesce(event.y, 0) as numerator,
    member.sum_d as denominator,
    coalesce(event.yy, 0) as sum_yy,
    coalesce(event.yd, 0) as sum_yd,
    member.sum_dd
from {{ ref('int_stratum__person_time') }} as member
inner join {{ ref('dim_measure') }} as measure
    on
        measure.kind = 'rate'
        and member.population = measure.population
        and (',' || measure.grains || ',') like ('%,' || member.grain || ',%')
inner join {{ ref('dim_period') }} as period
    on member.grain = period.grain and member.block = period.period_index
left join {{ ref('int_stratum__event') }} as event
    on
        measure.measure_id = event.measure_id
        and member.grain = event.grain
        and member.block = event.block
        and member.site_code = event.site_code
        and member.stratifier = event.stratifier
        and member.stratum = event.stratum
        and member.stratum_2 = event.stratum_2
