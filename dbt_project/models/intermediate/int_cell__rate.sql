{#
Per cell and block of months: events with their cross-products, and the months of those who were there for part of the
block. One group-by per grain brings events and part-time months of a child together.
#}
{%- set event_measures = measures('events') -%}
{%- set populations = event_measures | map(attribute='population') | unique | list -%}
with segments as (

    select
        segment.*,
        {{ dbt.datediff('run.window_starts_on', 'run.window_ends_on', 'month') }} + 1 as n_months
    from {{ ref('int_population__segment') }} as segment
    cross join {{ source('raw', 'run') }} as run
    where population in ({% for p in populations %}'{{ p }}'{{ ', ' if not loop.last }}{% else %}''{% endfor %})

),
{%- for grain, length in grains() %}

{{ grain }}_patient as (

    select
        population,
        block,
        cell_key,
        patient_key,
        sum(d) as d
        {%- for measure in event_measures %},
        {{ 'sum(y_' ~ measure.measure_id ~ ')' if grain in measure.grains else '0' }} as y_{{ measure.measure_id }}
        {%- endfor %}
    from (
        {{ part_time_months(length) }}
        {{ events_in_blocks(grain, length) }}
    )
    group by population, block, cell_key, patient_key

),
{%- endfor %}

final as (
    {% for grain, length in grains() %}
    select
        population,
        '{{ grain }}' as grain,
        cast(block as smallint) as block,
        cell_key,
        count(*) filter (where d > 0) as n_part,
        sum(d) as d,
        sum(d * d) as dd
        {%- for measure in event_measures %}
        {%- set y = 'y_' ~ measure.measure_id %},
        sum({{ y }}) as {{ y }},
        sum({{ y }} * {{ y }}) as y{{ y }},
        sum({{ y }} * case when d > 0 then d else {{ length }} end) as {{ y }}d
        {%- endfor %}
    from {{ grain }}_patient
    group by population, block, cell_key
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
