{# Yearly sums per measure and combination of all stratifier values, for crossings that no stratifier declares. #}
{{ config(materialized='view') }}
{%- set state_sum_names = state_sums() -%}
{%- set rate_sum_names = rate_sums() -%}
{%- set heads, states, rates, periods = ref('int_cell__head_change'), ref('int_cell__state_change'),
                                        ref('int_cell__rate'), ref('dim_period') -%}
with present as (

    select change.population, period.period_index, change.cell_key, sum(change.n_patients) as n
    from {{ heads }} as change
    inner join {{ periods }} as period on period.grain = 'year' and change.month_number <= period.last_month_number
    group by change.population, period.period_index, change.cell_key

),

state as (

    select change.population, period.period_index, change.cell_key
        {%- for name in state_sum_names %}, sum(change.{{ name }}) as {{ name }}{% endfor %}
    from {{ states }} as change
    inner join {{ periods }} as period on period.grain = 'year' and change.month_number <= period.last_month_number
    group by change.population, period.period_index, change.cell_key

),

rate as (

    select population, block as period_index, cell_key
        {%- for name in rate_sum_names %}, {{ name }}{% endfor %}
    from {{ rates }}
    where grain = 'year'

),

joined as (

    select
        population, period_index, cell_key,
        coalesce(present.n, 0) as n, coalesce(n_leavers, 0) as n_leavers, coalesce(d, 0) as d, coalesce(dd, 0) as dd
        {%- for name in state_sum_names + rate_sum_names[3:] %}, coalesce({{ name }}, 0) as {{ name }}{% endfor %}
    from present
    full join state using (population, period_index, cell_key)
    full join rate using (population, period_index, cell_key)

),

measured as (
    {% for measure in measures() if 'year' in measure.grains %}
    {%- set y = 'y_' ~ measure.measure_id %}
    {%- set is_state = measure.contributions == 'state' %}
    {%- set d = 'n_state' if measure.denominator == 'tested' else 'n' %}
    {%- set shown = d ~ ' - ' ~ y if measure.counts_complement else y %}
    select
        '{{ measure.measure_id }}' as measure_id, period_index, cell_key,
        {% if is_state -%}
        {{ d }} as n_patients, {{ shown }} as sum_y, {{ d }} as sum_d,
        {{ 'y' ~ y if measure.kind == 'mean' else shown }} as sum_yy, {{ shown }} as sum_yd, {{ d }} as sum_dd
        {%- else -%}
        n + n_leavers as n_patients, {{ y }} as sum_y, n * 12 + d as sum_d,
        y{{ y }} as sum_yy, {{ y }}d as sum_yd, n * 144 + dd as sum_dd
        {%- endif %}
    from joined
    where population = '{{ measure.population }}'
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    measured.measure_id,
    period.grain,
    period.period_starts_on,
    measured.cell_key
    {%- for name in ['n_patients', 'sum_y', 'sum_d', 'sum_yy', 'sum_yd', 'sum_dd'] %},
    cast(measured.{{ name }} as bigint) as {{ name }}
    {%- endfor %}
from measured
inner join {{ periods }} as period on period.grain = 'year' and measured.period_index = period.period_index
where measured.n_patients > 0
