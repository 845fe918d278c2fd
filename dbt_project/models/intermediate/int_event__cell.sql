{%- set event_measures = measures('events') -%}
with events as (

    select
        patient_key,
        month_number
        {%- for measure in event_measures %},
        case when {{ measure.counts }} then {{ measure.amount or 1 }} else 0 end as y_{{ measure.measure_id }}
        {%- endfor %}
    from {{ ref('int_encounter') }}
    where
        month_number >= 0
        and ({% for measure in event_measures %}({{ measure.counts }}){{ ' or ' if not loop.last }}{% else %}false{% endfor %})

)

select
    segment.population,
    segment.cell_key,
    events.patient_key,
    events.month_number
    {%- for measure in event_measures %},
    cast(case when segment.population = '{{ measure.population }}' then y_{{ measure.measure_id }} else 0 end as smallint)
        as y_{{ measure.measure_id }}
    {%- endfor %}
from events
inner join {{ ref('int_population__segment') }} as segment
    on
        events.patient_key = segment.patient_key
        and events.month_number between segment.month_from and segment.month_to
where segment.population in ({% for p in event_measures | map(attribute='population') | unique %}'{{ p }}'{{ ', ' if not loop.last }}{% else %}''{% endfor %})
