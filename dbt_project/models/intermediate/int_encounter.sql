{{ config(materialized='view') }}

select
    patient_key,
    month_number,
    encounter_class,
    is_diabetes_service,
    diagnosis_group,
    bed_days,
    is_at_diagnosis
from {{ ref('int_encounter__checked') }}
where quarantine_reason is null
