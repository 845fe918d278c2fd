select
    patient_key,
    source_name,
    source_system,
    category,
    missing_reason,
    standard,
    capture_method,
    recorded_on,
    case when capture_method in ('self', 'proxy') then 2 else 1 end as capture_rank
from {{ ref('int_race_ethnicity__checked') }}
where quarantine_reason is null
