with known as (

    select patient_id, code, min(row_no) as row_no from conditions where not is_cut group by patient_id, code

)

select
    encounters.row_no,
    encounters.is_cut,
    {
        'resourceType': 'Encounter',
        'id': encounters.encounter_id,
        'status': 'finished',
        'class': {
            'system': 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
            'code': case encounters.encounter_class
                when 'outpatient' then 'AMB' when 'ED' then 'EMER' when 'inpatient' then 'IMP'
                else encounters.encounter_class
            end
        },
        'serviceType': case when encounters.service is not null then {'text': encounters.service} end,
        'subject': {'reference': 'Patient/' || encounters.patient_id},
        'period': {'start': encounters.starts_on, 'end': encounters.ends_on},
        -- a reason that the problem list has is referred to, another one is coded
        'reasonCode': case when encounters.primary_dx is not null and known.row_no is null
            then [{'coding': [{'system': 'http://hl7.org/fhir/sid/icd-10-cm', 'code': encounters.primary_dx}]}] end,
        'diagnosis': case when known.row_no is not null
            then [{'condition': {'reference': 'Condition/D' || known.row_no}, 'rank': 1}] end
    } as resource
from encounters
left join known on encounters.patient_id = known.patient_id and encounters.primary_dx = known.code
