-- noqa: disable=LT02,LT05  (columns come out of a loop over the measures, whose lines the linter cannot place)
{#
What event measures count, while the child was in the measure's population. One row per encounter that any of them counts.
#}
{%- set event_measures = measures('events') %}
{%- set encounters, members = ref('int_encounter'), ref('int_population__month') %}
{%- for name in event_measures | map(attribute='population') | unique %}
{%- set counted = event_measures | selectattr('population', 'equalto', name) | list %}
select
    '{{ name }}' as population,
    encounter.patient_key,
    encounter.month_number,
    member.month_from,
    member.month_to
    {%- for measure in event_measures %},
    {{ counted_as_integer(measure, measure in counted) }} as y_{{ measure.measure_id }}
    {%- endfor %}
from {{ encounters }} as encounter
inner join {{ members }} as member
    on
        member.population = '{{ name }}'
        and encounter.patient_key = member.patient_key
        and encounter.month_number between member.month_from and member.month_to
where
    {{ any_of(counted | map(attribute='counts') | list) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
