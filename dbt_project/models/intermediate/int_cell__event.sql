-- noqa: disable=LT02,LT05  (columns come out of a loop over the measures, whose lines the linter cannot place)
{#
Events with their cross-products per measure, period and cell. A child's events of a period belong to the cell that held in
the period's last month, or in the child's last month. Each measure is summed child by child on its own, and longer
grains from shorter ones: blocks of twelve months are whole blocks of three.
#}
{%- set events, segments = ref('int_event'), ref('int_population__segment') -%}
{%- set parts = [] -%}
with months as (

    select {{ month_number('window_ends_on', 'window_starts_on') }} + 1 as n_months
    from {{ source('raw', 'run') }}

)
{%- for measure in measures('events') %}
{%- set ns = namespace(summed_from='') %}
{%- for grain, length in grains() if grain in measure.grains %}
{%- set name = measure.measure_id ~ '_' ~ grain %}
{%- set offset = 'n_months % ' ~ length %}
{%- do parts.append((measure, grain, name)) %},

{{ name }}_child as (

    select
        event.patient_key,
        {{ int_div('event.month_number - ' ~ offset, length) }} as block,
        cast({{ offset }} as integer) as offset_months,
        max(event.month_from) as month_from,
        max(event.month_to) as month_to,
        max(event.month_number) as month_number,
        cast(sum(event.y) as integer) as y
    from {% if ns.summed_from %}{{ ns.summed_from }}{% else -%}
        (
            select
                patient_key, month_number, month_from, month_to,
                y_{{ measure.measure_id }} as y
            from {{ events }}
            where population = '{{ measure.population }}' and y_{{ measure.measure_id }} > 0
        )
    {%- endif %} as event
    cross join months
    where event.month_number >= {{ offset }}
    group by 1, 2, 3

),

{{ name }} as (

    select
        segment.cell_key,
        child.block,
        child.y,
        child.y * (
            least(child.month_to, child.offset_months + child.block * {{ length }} + {{ length - 1 }})
            - greatest(child.month_from, child.offset_months + child.block * {{ length }}) + 1
        ) as yd
    from {{ name }}_child as child
    inner join {{ segments }} as segment
        on
            segment.population = '{{ measure.population }}'
            and child.patient_key = segment.patient_key
            and least(child.month_to, child.offset_months + child.block * {{ length }} + {{ length - 1 }})
            between segment.month_from and segment.month_to

)
{%- set ns.summed_from = name ~ '_child' %}
{%- endfor %}
{%- endfor %}
{% for measure, grain, name in parts %}
select
    '{{ measure.measure_id }}' as measure_id,
    '{{ grain }}' as grain,
    cast(block as smallint) as block,
    cell_key,
    cast(sum(y) as bigint) as y,
    cast(sum(cast(y as bigint) * y) as bigint) as yy,
    cast(sum(yd) as bigint) as yd
from {{ name }}
group by block, cell_key
{{ 'union all' if not loop.last }}
{%- endfor %}
