{# Person-months and events per stratum and period: whole-block children from their changes, the others as they are. #}
{%- set keys = ['population', 'grain', 'block'] -%}
with changes as (

    {{ to_strata(ref('int_rollup__full'), keys, ['n_full']) }}

),

points as (

    {{ to_strata(ref('int_rollup__rate'), keys, rate_sums()) }}

),

strata as (

    select distinct population, site_code, stratifier, stratum, stratum_2 from changes
    union
    select distinct population, site_code, stratifier, stratum, stratum_2 from points

),

dense as (

    select
        strata.*,
        period.grain,
        period.period_index as block,
        period.n_months,
        sum(coalesce(changes.n_full, 0)) over (
            partition by
                strata.population, period.grain, strata.site_code, strata.stratifier, strata.stratum, strata.stratum_2
            order by period.period_index
        ) as n_full
    from strata
    cross join {{ ref('dim_period') }} as period
    left join changes
        on
            strata.population = changes.population
            and strata.site_code = changes.site_code
            and strata.stratifier = changes.stratifier
            and strata.stratum = changes.stratum
            and strata.stratum_2 = changes.stratum_2
            and period.grain = changes.grain
            and period.period_index = changes.block

),

final as (

    select
        population, grain, block, site_code, stratifier, stratum, stratum_2,
        cast(n_full + coalesce(n_part, 0) as bigint) as n_patients,
        cast(n_full * n_months + coalesce(d, 0) as bigint) as sum_d,
        cast(n_full * n_months * n_months + coalesce(dd, 0) as bigint) as sum_dd
        {%- for measure in measures('events') %}
        {%- set y = 'y_' ~ measure.measure_id %},
        coalesce({{ y }}, 0) as {{ y }}, coalesce(y{{ y }}, 0) as y{{ y }}, coalesce({{ y }}d, 0) as {{ y }}d
        {%- endfor %}
    from dense
    left join points using (population, grain, block, site_code, stratifier, stratum, stratum_2)

)

select * from final
