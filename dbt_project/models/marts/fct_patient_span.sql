{# The months that a child spends in one cell of a population, for analyses that need children rather than sums. #}
{{ config(materialized='view') }}
select
    patient.source_name || ':' || patient.patient_id as patient_id,
    segment.population,
    {{ plus_months('run.window_starts_on', 'segment.month_from') }} as starts_on,
    {{ plus_days(plus_months('run.window_starts_on', 'segment.month_to + 1'), -1) }} as ends_on,
    segment.cell_key
from {{ ref('int_population__segment') }} as segment
inner join {{ ref('int_patient') }} as patient on segment.patient_key = patient.patient_key
cross join {{ source('raw', 'run') }} as run
