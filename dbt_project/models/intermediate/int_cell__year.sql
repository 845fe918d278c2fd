{# Summed up to the end of a year, what entered less what left is what is there then. #}
{{ config(materialized='ephemeral') }}
{%- set states = state_sums() -%}
with present as (

    select change.population, period.period_index, change.cell_key, sum(change.n_patients) as n_present
    from {{ ref('int_cell__head_change') }} as change
    inner join {{ ref('dim_period') }} as period
        on period.grain = 'year' and change.month_number <= period.last_month_number
    group by change.population, period.period_index, change.cell_key

),

state as (

    select
        change.population,
        period.period_index,
        {%- for name in states %}
        sum(change.{{ name }}) as {{ name }},
        {%- endfor %}
        change.cell_key
    from {{ ref('int_cell__state_change') }} as change
    inner join {{ ref('dim_period') }} as period
        on period.grain = 'year' and change.month_number <= period.last_month_number
    group by change.population, period.period_index, change.cell_key

),

part_time as (

    select population, block as period_index, cell_key, n_leavers, d, dd
    from {{ ref('int_cell__part_time') }}
    where grain = 'year'

)

select
    population,
    period_index,
    cell_key,
    {%- for name in states %}
    coalesce(state.{{ name }}, 0) as {{ name }},
    {%- endfor %}
    coalesce(present.n_present, 0) as n_present,
    coalesce(present.n_present, 0) + coalesce(part_time.n_leavers, 0) as n_patients,
    coalesce(present.n_present, 0) * 12 + coalesce(part_time.d, 0) as sum_d,
    coalesce(present.n_present, 0) * 144 + coalesce(part_time.dd, 0) as sum_dd
from present
full join part_time using (population, period_index, cell_key)
left join state using (population, period_index, cell_key)
