select
    row_no,
    is_cut,
    {
        'resourceType': 'Condition',
        'id': 'D' || row_no,
        'verificationStatus': {'coding': [{
            'system': 'http://terminology.hl7.org/CodeSystem/condition-ver-status', 'code': 'confirmed'
        }]},
        'code': {'coding': [{'system': 'http://hl7.org/fhir/sid/icd-10-cm', 'code': code}]},
        'subject': {'reference': 'Patient/' || patient_id},
        'onsetDateTime': onset_on
    } as resource
from conditions
