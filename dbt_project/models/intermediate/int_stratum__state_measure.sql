{# A period's state is the one at the end of its last month. A complement is who is there and not counted. #}
{{ config(materialized='ephemeral') }}
{%- set months, periods = ref('int_stratum__month'), ref('dim_period') -%}
{%- set columns = ['site_code', 'stratifier', 'stratum', 'stratum_2'] -%}
{% for measure in measures('state') %}
{%- set d = 'stratum_month.' ~ ('n_state' if measure.denominator == 'tested' else 'n_patients') %}
{%- set y = 'stratum_month.y_' ~ measure.measure_id %}
{%- set squares = 'stratum_month.yy_' ~ measure.measure_id %}
{%- set grains = "'" ~ measure.grains | join("', '") ~ "'" %}
{%- set shown = d ~ ' - ' ~ y if measure.counts_complement else y %}
select
    '{{ measure.measure_id }}' as measure_id,
    period.grain,
    period.period_starts_on
    {%- for column in columns %},
    stratum_month.{{ column }}
    {%- endfor %},
    {{ d }} as n_patients,
    {{ shown }} as numerator,
    {{ d }} as denominator,
    {{ shown if measure.kind == 'proportion' else squares }} as sum_yy,
    {{ shown }} as sum_yd,
    {{ d }} as sum_dd
from {{ months }} as stratum_month
inner join {{ periods }} as period on stratum_month.month_number = period.last_month_number
where
    stratum_month.population = '{{ measure.population }}'
    and period.grain in ({{ grains }})
{{ 'union all' if not loop.last }}
{%- endfor %}
