select
    checked.source_name,
    checked.patient_id,
    patient.patient_key,
    patient.birth_date,
    patient.diagnosed_on
from {{ ref('int_patient__checked') }} as checked
inner join {{ ref('int_patient') }} as patient on checked.patient_key = patient.patient_key
where checked.quarantine_reason is null
