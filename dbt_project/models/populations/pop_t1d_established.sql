with bounds as (

    select
        population.patient_key,
        greatest(population.starts_on, {{ plus_days('patient.diagnosed_on', 90) }}) as starts_on,
        population.ends_on
    from {{ ref('pop_t1d') }} as population
    inner join {{ ref('int_patient') }} as patient on population.patient_key = patient.patient_key

)

select * from bounds
where starts_on <= ends_on
