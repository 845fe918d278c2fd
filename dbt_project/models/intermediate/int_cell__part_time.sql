{#
Corrections for members who were there for only some of a period's months. Members are counted whole at the period's last
month (int_stratum__month); who joined during the period has fewer months than that (`d` and `dd` are what to add), and
who left before its end is not among them (`n_leavers`, with the months that were spent).
#}
{%- set members, segments = ref('int_population__month'), ref('int_population__segment') -%}
with months as (

    select {{ months_in_window() }} as n_months
    from {{ source('raw', 'run') }}

),

part_time as (
    {% for grain, length in grains() if length > 1 %}
    {{ part_time(members, grain, length) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    part_time.population,
    part_time.grain,
    part_time.block,
    segment.cell_key,
    cast(sum(part_time.n_leavers) as bigint) as n_leavers,
    cast(sum(part_time.d) as bigint) as d,
    cast(sum(part_time.dd) as bigint) as dd
from part_time
inner join {{ segments }} as segment
    on
        part_time.population = segment.population
        and part_time.patient_key = segment.patient_key
        and part_time.last_month between segment.month_from and segment.month_to
group by part_time.population, part_time.grain, part_time.block, segment.cell_key
