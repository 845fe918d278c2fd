{{ config(materialized='view') }}

with records as (

    select
        identity.source_name as person_source,
        identity.person_id,
        identity.record_source,
        identity.patient_id,
        min(patient.birth_date) as first_birth_date,
        max(patient.birth_date) as last_birth_date
    from {{ ref('int_identity__checked') }} as identity
    inner join {{ ref('stg_registry__patients') }} as patient
        on
            identity.patient_id = patient.patient_id
            and identity.record_source = patient.source_name
            and patient.row_fault is null
    where identity.quarantine_reason is null
    group by identity.source_name, identity.person_id, identity.record_source, identity.patient_id

)

select
    person_source,
    person_id,
    record_source,
    patient_id,
    min(first_birth_date) over (partition by person_source, person_id)
    <> max(last_birth_date) over (partition by person_source, person_id) as is_birth_date_contradicted
from records
