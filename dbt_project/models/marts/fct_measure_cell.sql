{# Yearly sums per measure and combination of all stratifier values, for crossings that no stratifier declares. #}
{{ config(materialized='view') }}
{%- set state_sum_names = state_sums() -%}
{%- set heads, states, periods = ref('int_cell__head_change'), ref('int_cell__state_change'), ref('dim_period') -%}
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

member as (

    select
        population, period_index, cell_key,
        coalesce(present.n, 0) as n,
        coalesce(present.n, 0) + coalesce(part_time.n_leavers, 0) as n_patients,
        coalesce(present.n, 0) * 12 + coalesce(part_time.d, 0) as sum_d,
        coalesce(present.n, 0) * 144 + coalesce(part_time.dd, 0) as sum_dd
    from present
    full join (
        select *, block as period_index from {{ ref('int_cell__part_time') }} where grain = 'year'
    ) as part_time using (population, period_index, cell_key)

),

measured as (
    {% for measure in measures('state') if 'year' in measure.grains %}
    {%- set y = 'y_' ~ measure.measure_id %}
    {%- set d = 'coalesce(n_state, 0)' if measure.denominator == 'tested' else 'n' %}
    {%- set shown = d ~ ' - coalesce(' ~ y ~ ', 0)' if measure.counts_complement else 'coalesce(' ~ y ~ ', 0)' %}
    select
        '{{ measure.measure_id }}' as measure_id, period_index, cell_key,
        {{ d }} as n_patients, {{ shown }} as sum_y, {{ d }} as sum_d,
        {{ 'coalesce(y' ~ y ~ ', 0)' if measure.kind == 'mean' else shown }} as sum_yy, {{ shown }} as sum_yd,
        {{ d }} as sum_dd
    from member
    left join state using (population, period_index, cell_key)
    where population = '{{ measure.population }}'
    union all
    {%- endfor %}
    select
        measure.measure_id, member.period_index, member.cell_key, member.n_patients,
        coalesce(event.y, 0), member.sum_d, coalesce(event.yy, 0), coalesce(event.yd, 0), member.sum_dd
    from member
    inner join {{ ref('dim_measure') }} as measure
        on measure.kind = 'rate' and member.population = measure.population
    left join {{ ref('int_cell__event') }} as event
        on
            event.grain = 'year'
            and measure.measure_id = event.measure_id
            and member.period_index = event.block
            and member.cell_key = event.cell_key

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
