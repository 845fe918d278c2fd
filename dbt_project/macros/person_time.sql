{#
Months of `segments` (population, patient_key, cell_key, month_from, month_to, n_months) in blocks of `length` months that
a segment covers only in part: one row per such block, with as many 0s as there are event measures. Ends with `union all`.
#}
{% macro part_time_months(length) -%}
{%- set offset = 'n_months % ' ~ length -%}
{%- set start = '(greatest(month_from - ' ~ offset ~ ', 0))' -%}
{%- set stop = '(month_to - ' ~ offset ~ ')' -%}
{%- if length > 1 -%}
select
            population,
            {{ int_div(start, length) }} as block,
            cell_key,
            patient_key,
            least({{ stop }}, {{ int_div(start, length) }} * {{ length }} + {{ length - 1 }}) - {{ start }} + 1 as d
            {%- for measure in measures('events') %},
            0 as y_{{ measure.measure_id }}
            {%- endfor %}
        from segments
        where
            {{ stop }} >= 0
            and ({{ start }} % {{ length }} > 0 or {{ stop }} < {{ int_div(start, length) }} * {{ length }} + {{ length - 1 }})
        union all
        select
            population,
            {{ int_div(stop, length) }} as block,
            cell_key,
            patient_key,
            {{ stop }} % {{ length }} + 1 as d
            {%- for measure in measures('events') %},
            0 as y_{{ measure.measure_id }}
            {%- endfor %}
        from segments
        where
            {{ stop }} >= 0
            and ({{ stop }} + 1) % {{ length }} > 0
            and {{ int_div(stop, length) }} > {{ int_div(start, length) }}
        union all
        {% endif -%}
{%- endmacro %}

{#
Events of int_event__cell in blocks of `length` months, for the measures that have this grain.
#}
{% macro events_in_blocks(grain, length) -%}
{%- set counted = [] -%}
{%- for measure in measures('events') if grain in measure.grains -%}
    {%- do counted.append('y_' ~ measure.measure_id) -%}
{%- endfor -%}
select
            event.population,
            {{ int_div('event.month_number - months.n_months % ' ~ length, length) }} as block,
            event.cell_key,
            event.patient_key,
            0 as d
            {%- for measure in measures('events') %},
            {{ 'event.' if grain in measure.grains else '0 as ' }}y_{{ measure.measure_id }}
            {%- endfor %}
        from {{ ref('int_event__cell') }} as event
        cross join (select max(n_months) as n_months from segments) as months
        where
            event.month_number >= months.n_months % {{ length }}
            and ({{ counted | join(' > 0 or ') }} > 0)
{%- endmacro %}
