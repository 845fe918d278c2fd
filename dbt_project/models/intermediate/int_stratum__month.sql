{# Head counts and states at the end of each month, per stratum: what entered less what left, summed up to the month. #}
{%- set sums = ['n_patients'] + state_sums() -%}
with changes as (

    {{ to_strata(ref('int_rollup__head'), ['population', 'month_number'], ['n_patients']) }}  -- noqa: PRS

),

state_changes as (

    {{ to_strata(ref('int_rollup__state'), ['population', 'month_number'], state_sums()) }}  -- noqa: PRS

),

strata as (

    select distinct population, site_code, stratifier, stratum, stratum_2 from changes

),

months as (

    select period_index as month_number
    from {{ ref('dim_period') }}
    where grain = 'month'

),

final as (

    select
        strata.population,
        months.month_number,
        strata.site_code,
        strata.stratifier,
        strata.stratum,
        {%- for sum_column in sums %}
        cast(sum(coalesce({{ sum_column }}, 0)) over to_month as bigint) as {{ sum_column }},
        {%- endfor %}
        strata.stratum_2
    from strata
    cross join months
    left join changes using (population, month_number, site_code, stratifier, stratum, stratum_2)
    left join state_changes using (population, month_number, site_code, stratifier, stratum, stratum_2)
    window to_month as (
        partition by
            strata.population, strata.site_code, strata.stratifier, strata.stratum, strata.stratum_2
        order by months.month_number
    )

)

select * from final
