{{ config(materialized='ephemeral') }}

select
    member.patient_key,
    member.month_from,
    member.month_to,
    patient.birth_date,
    run.window_starts_on,
    {{ cell_key({
        'race': 'patient.race_code', 'language': 'patient.language_code', 'sex': 'patient.sex_code',
        'site': 'patient.site_code'
    }) }} as fixed_key
from {{ ref('int_population__month') }} as member
inner join {{ ref('int_patient') }} as patient on member.patient_key = patient.patient_key
cross join {{ source('raw', 'run') }} as run
where member.population = 't1d'
