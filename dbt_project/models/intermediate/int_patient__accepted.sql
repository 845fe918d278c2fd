{{ config(materialized='view') }}

select
    source_name,
    patient_id,
    patient_key,
    birth_date
from {{ ref('int_patient__checked') }}
where quarantine_reason is null
