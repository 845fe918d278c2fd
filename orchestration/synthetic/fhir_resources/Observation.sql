-- Results in the table's order; behind them what surveys asked about race and ethnicity, then about language.
with answer as (

    select
        1000000000 + race_ethnicity.row_no as row_no,
        'R' || race_ethnicity.row_no as id,
        patient_id,
        case when source_system = 'survey'
            then {'coding': [{'system': 'http://terminology.hl7.org/CodeSystem/observation-category', 'code': 'survey'}], 'text': cast(null as varchar)}
            else {'coding': cast(null as struct(system varchar, code varchar)[]), 'text': source_system}
        end as category,
        case when standard = 'omb2024' then '46463-6' else '59362-4' end as question,
        recorded_on,
        case
            when value in ('ASKU', 'UNK') then coded('http://terminology.hl7.org/CodeSystem/v3-NullFlavor', value)
            when value like '____-_' then coded('urn:oid:2.16.840.1.113883.6.238', value)
            when value is not null then {'coding': cast(null as struct(system varchar, code varchar)[]), 'text': value}
        end as said,
        informant(capture_method, patient_id) as performer
    from race_ethnicity
    where race_ethnicity.row_no not in (select row_no from race_in_patient)
    union all
    select
        2000000000 + languages.row_no,
        'L' || languages.row_no,
        patient_id,
        coded('http://terminology.hl7.org/CodeSystem/observation-category', 'survey'),
        '54899-0',
        recorded_on,
        case when language is not null then coded('urn:ietf:bcp:47', language) end,
        null
    from languages
    where languages.row_no not in (select row_no from language_in_patient)

)

select
    row_no,
    is_cut,
    to_json({
        'resourceType': 'Observation',
        'id': observation_id,
        'status': 'final',
        'category': [coded('http://terminology.hl7.org/CodeSystem/observation-category', 'laboratory')],
        'code': coded('http://loinc.org', code),
        'subject': {'reference': 'Patient/' || patient_id},
        'effectiveDateTime': observed_on,
        'issued': resulted_on || 'T12:00:00Z',
        'valueQuantity': case when value is not null then {'value': cast(value as double), 'unit': unit, 'code': unit} end
    }) as resource
from observations
union all
select
    row_no,
    false,
    to_json({
        'resourceType': 'Observation',
        'id': id,
        'status': 'final',
        'category': [category],
        'code': coded('http://loinc.org', question),
        'subject': {'reference': 'Patient/' || patient_id},
        'effectiveDateTime': recorded_on,
        'performer': case when performer.reference is not null then [performer] end,
        'valueCodeableConcept': said
    })
from answer
