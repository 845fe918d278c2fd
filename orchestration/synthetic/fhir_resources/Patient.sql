with ehr_race as (

    -- the record's own answers; what was recorded on another day or for nobody is an Observation
    select
        patient_id,
        coalesce(
            list(value order by row_no) filter (where value is not null and value not in ('2135-2', '2186-5')), []
        ) as races,
        coalesce(list(value order by row_no) filter (where value in ('2135-2', '2186-5')), []) as ethnicities,
        count(*) filter (where value is null) as n_not_asked
    from race_in_patient
    group by patient_id

),

spelled as (

    select
        patient_id,
        list_transform(list_filter(races, lambda v: v not in ('declined', 'local-17')), lambda v: {
            'url': 'ombCategory',
            'valueCoding': {
                'system': case when v in ('ASKU', 'UNK') then 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor'
                    else 'urn:oid:2.16.840.1.113883.6.238' end,
                'code': v
            },
            'valueString': cast(null as varchar)
        }) as race_codes,
        len(list_filter(races, lambda v: v = 'declined')) as n_declined,
        len(list_filter(races, lambda v: v = 'local-17')) as n_local,
        ethnicities,
        n_not_asked
    from ehr_race

),

extended as (

    select
        patient_id,
        list_filter([
            case when len(race_codes) + n_declined + n_local + n_not_asked > 0 then {
                'url': 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race',
                'extension': list_concat(
                    case
                        when n_not_asked > 0 then [nulled('NASK')]
                        when n_declined > 0 then [nulled('ASKU')]
                        else race_codes
                    end,
                    [texted(case
                        when n_declined > 0 then 'Declined to answer' when n_local > 0 then 'local-17'
                        when n_not_asked > 0 then 'Not asked' else 'As coded'
                    end)]
                )
            } end,
            case when len(ethnicities) > 0 or n_declined > 1 then {
                'url': 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity',
                'extension': list_concat(
                    case when n_declined > 1 then [nulled('ASKU')] else list_transform(ethnicities, lambda v: {
                        'url': 'ombCategory',
                        'valueCoding': {'system': 'urn:oid:2.16.840.1.113883.6.238', 'code': v},
                        'valueString': cast(null as varchar)
                    }) end,
                    [texted(case when n_declined > 1 then 'Declined to answer' else 'As coded' end)]
                )
            } end
        ], lambda e: e is not null) as extension
    from spelled

),

spoken as (

    select patient_id, list({'language': {'coding': [{'system': 'urn:ietf:bcp:47', 'code': language}]}}) as communication
    from language_in_patient
    group by patient_id

),

lived as (

    select
        patient_id,
        list({
            'use': case when ends_on is null then 'home' else 'old' end,
            'period': {'start': starts_on, 'end': ends_on},
            'extension': list_filter([
                case when tract_geoid is not null then {
                    'url': 'http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-censusTract',
                    'valueString': tract_geoid,
                    'valueInteger': cast(null as integer)
                } end,
                case when tract_vintage is not null then {
                    'url': 'urn:equity:tract-vintage',
                    'valueString': cast(null as varchar),
                    'valueInteger': cast(tract_vintage as integer)
                } end
            ], lambda e: e is not null)
        } order by row_no) as address
    from addresses
    group by patient_id

)

select
    patients.row_no,
    patients.is_cut,
    {
        'resourceType': 'Patient',
        'id': patients.patient_id,
        'extension': extended.extension,
        'gender': case patients.sex
            when 'F' then 'female' when 'M' then 'male' when 'X' then 'other' when 'U' then 'unknown'
        end,
        'birthDate': patients.birth_date,
        'deceasedDateTime': patients.death_date,
        'address': lived.address,
        'communication': spoken.communication,
        'managingOrganization': case when patients.site_id is not null
            then {'reference': 'Organization/' || replace(patients.site_id, '_', '-')} end
    } as resource
from patients
left join extended using (patient_id)
left join spoken using (patient_id)
left join lived using (patient_id)
