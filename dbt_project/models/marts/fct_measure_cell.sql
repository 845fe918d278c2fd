{{ config(materialized='view') }}
{%- set sums = ['n_patients', 'sum_y', 'sum_d', 'sum_yy', 'sum_yd', 'sum_dd'] -%}
with cells as (

    select * from {{ ref('int_cell__year') }}

),

measured as (
    {% for measure in measures('state') if 'year' in measure.grains %}
    {%- set d = 'n_state' if measure.denominator == 'tested' else 'n_present' %}
    {%- set y = 'y_' ~ measure.measure_id %}
    {%- set shown = d ~ ' - ' ~ y if measure.counts_complement else y %}
    select
        '{{ measure.measure_id }}' as measure_id,
        period_index,
        cell_key,
        {{ d }} as n_patients,
        {{ shown }} as sum_y,
        {{ d }} as sum_d,
        {{ 'y' ~ y if measure.kind == 'mean' else shown }} as sum_yy,
        {{ shown }} as sum_yd,
        {{ d }} as sum_dd
    from cells
    where population = '{{ measure.population }}'
    union all
    {%- endfor %}
    select
        measure.measure_id, cell.period_index, cell.cell_key, cell.n_patients, coalesce(event.y, 0),
        cell.sum_d, coalesce(event.yy, 0), coalesce(event.yd, 0), cell.sum_dd
    from cells as cell
    inner join {{ ref('dim_measure') }} as measure on measure.kind = 'rate' and cell.population = measure.population
    left join {{ ref('int_cell__event') }} as event
        on
            event.grain = 'year'
            and measure.measure_id = event.measure_id
            and cell.period_index = event.block
            and cell.cell_key = event.cell_key

)

select
    measured.measure_id,
    period.grain,
    period.period_starts_on,
    {%- for name in sums %}
    cast(measured.{{ name }} as bigint) as {{ name }},
    {%- endfor %}
    measured.cell_key
from measured
inner join {{ ref('dim_period') }} as period on period.grain = 'year' and measured.period_index = period.period_index
where measured.n_patients > 0
