{# Person-months and events per stratum and period: who is there at the block's last month, corrected, and who left before. #}
{%- set keys = ['population', 'grain', 'block'] -%}
with points as (

    {{ to_strata(ref('int_rollup__rate'), keys, rate_sums()) }}

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

),

final as (

    select
        heads.population,
        heads.grain,
        heads.block,
        heads.site_code,
        heads.stratifier,
        heads.stratum,
        heads.stratum_2,
        heads.n_patients + coalesce(points.n_leavers, 0) as n_patients,
        heads.n_patients * heads.n_months + coalesce(points.d, 0) as sum_d,
        heads.n_patients * heads.n_months * heads.n_months + coalesce(points.dd, 0) as sum_dd
        {%- for measure in measures('events') %}
        {%- set y = 'y_' ~ measure.measure_id %},
        coalesce(points.{{ y }}, 0) as {{ y }},
        coalesce(points.y{{ y }}, 0) as y{{ y }},
        coalesce(points.{{ y }}d, 0) as {{ y }}d
        {%- endfor %}
    from heads
    left join points using (population, grain, block, site_code, stratifier, stratum, stratum_2)

)

select * from final
