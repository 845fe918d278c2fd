select
    min(row_no) as row_no,
    false as is_cut,
    {
        'resourceType': 'EpisodeOfCare',
        'id': 'enrolment-' || patient_id,
        'status': case when left_on is null then 'active' else 'finished' end,
        'type': [{'text': 'registry-enrolment'}],
        'patient': {'reference': 'Patient/' || patient_id},
        'period': {'start': enrolled_on, 'end': left_on}
    } as resource
from patients
where not is_cut and (enrolled_on is not null or left_on is not null)
group by patient_id, enrolled_on, left_on
