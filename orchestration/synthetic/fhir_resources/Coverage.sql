select
    row_no,
    is_cut,
    {
        'resourceType': 'Coverage',
        'id': 'C' || row_no,
        'status': 'active',
        'type': case when payer is not null then {'text': payer} end,
        'beneficiary': {'reference': 'Patient/' || patient_id},
        'period': {'start': starts_on, 'end': ends_on}
    } as resource
from coverage
