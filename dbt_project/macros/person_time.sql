{#
Corrections for members who were there for only some months of a block of `length`: who joined during a block and stayed
to its end has fewer months than a whole block (`d` and `dd` are what to add to a whole block's); who left before the
block's last month is not counted there (`n_leavers`, with the months that were spent).
#}
{% macro part_time(members, grain, length) -%}
{%- set offset = '(n_months % ' ~ length ~ ')' -%}
{%- set start = 'greatest(month_from - ' ~ offset ~ ', 0)' -%}
{%- set stop = '(month_to - ' ~ offset ~ ')' %}
    select
        population,
        '{{ grain }}' as grain,
        patient_key,
        cast({{ int_div(start, length) }} as smallint) as block,
        {{ offset }} + {{ int_div(start, length) }} * {{ length }} + {{ length - 1 }} as last_month,
        0 as n_leavers,
        -({{ start }} % {{ length }}) as d,
        ({{ length }} - {{ start }} % {{ length }}) * ({{ length }} - {{ start }} % {{ length }}) - {{ length * length }} as dd
    from {{ members }}
    cross join months
    where {{ start }} % {{ length }} > 0 and {{ stop }} >= {{ int_div(start, length) }} * {{ length }} + {{ length - 1 }}
    union all
    select
        population,
        '{{ grain }}',
        patient_key,
        cast({{ int_div(stop, length) }} as smallint),
        month_to,
        1,
        {{ stop }} - greatest({{ start }}, {{ int_div(stop, length) }} * {{ length }}) + 1,
        ({{ stop }} - greatest({{ start }}, {{ int_div(stop, length) }} * {{ length }}) + 1)
        * ({{ stop }} - greatest({{ start }}, {{ int_div(stop, length) }} * {{ length }}) + 1)
    from {{ members }}
    cross join months
    where {{ stop }} >= 0 and ({{ stop }} + 1) % {{ length }} > 0
{%- endmacro %}
