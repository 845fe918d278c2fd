{# Members and person-months per stratum and period: who is there at the last month, corrected, and who left before. #}
{%- set sums = ['n_leavers', 'd', 'dd'] -%}
with corrections as (

    {{ to_strata(ref('int_rollup__part_time'), ['population', 'grain', 'block'], sums) }}  -- noqa: PRS

),

heads as (

    select
        head.population,
        period.grain,
        period.period_index as block,
        period.n_months,
        head.site_code,
        head.stratifier,
        head.stratum,
        head.stratum_2,
        head.n_patients
    from {{ ref('int_stratum__month') }} as head
    inner join {{ ref('dim_period') }} as period on head.month_number = period.last_month_number

)

select
    heads.population,
    heads.grain,
    heads.block,
    heads.site_code,
    heads.stratifier,
    heads.stratum,
    heads.stratum_2,
    heads.n_patients + coalesce(corrections.n_leavers, 0) as n_patients,
    heads.n_patients * heads.n_months + coalesce(corrections.d, 0) as sum_d,
    heads.n_patients * heads.n_months * heads.n_months + coalesce(corrections.dd, 0) as sum_dd
from heads
left join corrections using (population, grain, block, site_code, stratifier, stratum, stratum_2)
