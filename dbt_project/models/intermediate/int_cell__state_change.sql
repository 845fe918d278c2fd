-- noqa: disable=LT02,LT05  (columns come out of a loop over the measures, whose lines the linter cannot place)
{% set state_measures = measures('state') %}
with pieces as (

    select
        segment.population,
        segment.cell_key,
        greatest(state.month_from, segment.month_from) as month_from,
        least(state.month_to, segment.month_to) as month_to
        {%- for measure in state_measures %},
        cast({{ measure.numerator }} as integer) as y_{{ measure.measure_id }}
        {%- endfor %}
    from {{ ref('int_hba1c__state') }} as state
    inner join {{ ref('int_population__segment') }} as segment
        on
            state.patient_key = segment.patient_key
            and state.month_from <= segment.month_to
            and state.month_to >= segment.month_from
    where segment.population in ({{ populations_of(state_measures) }})

),

edges as (

    select
        pieces.*,
        case when turn.change = 1 then pieces.month_from else pieces.month_to + 1 end as month_number,
        turn.change
    from pieces
    cross join (values (1), (-1)) as turn (change)

)

select
    population,
    cast(month_number as smallint) as month_number,
    cell_key,
    cast(sum(change) as bigint) as n_state
    {%- for measure in state_measures %},
    cast(sum(change * y_{{ measure.measure_id }}) as bigint) as y_{{ measure.measure_id }}
    {%- if measure.kind == 'mean' %},
    cast(sum(change * y_{{ measure.measure_id }} * y_{{ measure.measure_id }}) as bigint) as yy_{{ measure.measure_id }}
    {%- endif %}
    {%- endfor %}
from edges
group by population, month_number, cell_key
