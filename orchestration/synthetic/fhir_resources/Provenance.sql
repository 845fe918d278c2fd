select
    min(row_no) as row_no,
    false as is_cut,
    {
        'resourceType': 'Provenance',
        'id': 'race-' || patient_id,
        'target': [{
            'reference': 'Patient/' || patient_id,
            'extension': [{
                'url': 'http://hl7.org/fhir/StructureDefinition/targetPath',
                'valueString': 'Patient.extension.where(url.endsWith(''us-core-race''))'
            }]
        }],
        'recorded': recorded_on || 'T12:00:00Z',
        'agent': [{
            'type': {'coding': [{
                'system': 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', 'code': 'informant'
            }]},
            'who': informant(capture_method, patient_id)
        }]
    } as resource
from race_in_patient
group by patient_id, recorded_on, capture_method
