{# A population's members by cell: the months that a child spends in one cell. #}
select
    population.population,
    segment.patient_key,
    greatest(segment.month_from, population.month_from) as month_from,
    least(segment.month_to, population.month_to) as month_to,
    segment.cell_key
from {{ ref('int_patient__segment') }} as segment
inner join {{ ref('int_population__month') }} as population
    on
        segment.patient_key = population.patient_key
        and segment.month_from <= population.month_to
        and segment.month_to >= population.month_from
