{#
Per cell and block of months: events with their cross-products, and the corrections for children who were there for only
some of the block's months. Children are counted whole at the block's last month (int_stratum__month); who joined during
the block has fewer months than that, and who left before its end is not among them. A child's events and months of a
block belong to the cell that held at the end of the block, or when the child left.
#}
{%- set event_measures = measures('events') -%}
{%- set events, members, segments = ref('int_event'), ref('int_population__month'), ref('int_population__segment') -%}
with months as (

    select {{ dbt.datediff('window_starts_on', 'window_ends_on', 'month') }} + 1 as n_months
    from {{ source('raw', 'run') }}

),
{%- for grain, length in grains() %}
{%- set offset = 'n_months % ' ~ length %}
{%- set counted = [] %}
{%- for measure in event_measures if grain in measure.grains %}{% do counted.append('y_' ~ measure.measure_id) %}{% endfor %}

{{ grain }}_events as (

    select
        population,
        patient_key,
        cast({{ int_div('month_number - ' ~ offset, length) }} as smallint) as block,
        max(month_from) as month_from,
        max(month_to) as month_to,
        cast(max({{ offset }}) as integer) as offset_months,
        {{ sums_of(counted, event_measures) }}
    from {{ events }}
    cross join months
    where month_number >= {{ offset }} and {{ counted | join(' + ') }} > 0
    group by population, patient_key, block

),

{{ grain }}_part_time as (
    {{ part_time(members, length) }}
),

{{ grain }}_placed as (

    select
        segment.cell_key,
        event.population,
        event.block,
        0 as n_leavers,
        0 as d,
        0 as dd
        {%- for measure in event_measures %}
        {%- set y = 'y_' ~ measure.measure_id %},
        event.{{ y }},
        event.{{ y }} * event.{{ y }} as y{{ y }},
        event.{{ y }} * (
            least(event.month_to, offset_months + event.block * {{ length }} + {{ length - 1 }})
            - greatest(event.month_from, offset_months + event.block * {{ length }}) + 1
        ) as {{ y }}d
        {%- endfor %}
    from {{ grain }}_events as event
    inner join {{ segments }} as segment
        on
            event.population = segment.population
            and event.patient_key = segment.patient_key
            and least(event.month_to, offset_months + event.block * {{ length }} + {{ length - 1 }})
            between segment.month_from and segment.month_to
    {%- if length > 1 %}
    union all
    select
        segment.cell_key, part_time.population, part_time.block, part_time.n_leavers, part_time.d, part_time.dd
        {%- for measure in event_measures %}, 0, 0, 0{% endfor %}
    from {{ grain }}_part_time as part_time
    inner join {{ segments }} as segment
        on
            part_time.population = segment.population
            and part_time.patient_key = segment.patient_key
            and part_time.last_month between segment.month_from and segment.month_to
    {%- endif %}

),
{%- endfor %}

final as (
    {% for grain, length in grains() %}
    select
        population,
        '{{ grain }}' as grain,
        block,
        cell_key
        {%- for sum_column in rate_sums() %},
        cast(sum({{ sum_column }}) as bigint) as {{ sum_column }}
        {%- endfor %}
    from {{ grain }}_placed
    group by population, block, cell_key
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
