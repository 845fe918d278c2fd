with bounds as (

    select
        patient.patient_key,
        greatest(
            patient.diagnosed_on,
            coalesce(patient.enrolled_on, patient.diagnosed_on),
            {{ plus_years('patient.birth_date', 'run.age_from_years') }}
        ) as starts_on,
        least(
            coalesce(patient.left_on, run.window_ends_on),
            coalesce(patient.death_date, run.window_ends_on),
            {{ plus_days(plus_years('patient.birth_date', 'run.age_below_years'), -1) }},
            run.window_ends_on
        ) as ends_on
    from {{ ref('int_patient') }} as patient
    cross join {{ source('raw', 'run') }} as run
    where patient.diagnosed_on is not null

)

select * from bounds
where starts_on <= ends_on
