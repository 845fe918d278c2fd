with insured as (

    select
        *,
        reference_id(coalesce(payor[1].reference, insurer.reference), 'Organization') as payer_organization_id,
        list_filter(type.coding, lambda c: c.system = 'https://nahdo.org/sopt' or c.system = 'urn:oid:2.16.840.1.113883.3.221.5')
            [1].code as sopt
    from coverage_current

)

select
    insured.file_no,
    insured.line,
    1 as position,
    case
        when insured.status in ('entered-in-error', 'draft', 'cancelled')
            then 'entered in error, a draft or rescinded'
        when try_cast(insured."order" as integer) > 1 then 'second to another coverage'
    end as left_out,
    cast(null as varchar) as fault,
    reference_id(insured.beneficiary.reference, 'Patient') as patient_id,
    first_known(
        list_concat(
            ['sopt:' || left(insured.sopt, 1)],
            words_of(insured.type),
            [organization.name, insured.payor[1].display, insured.insurer.display]
        ),
        getvariable('known_payers')
    ) as payer,
    coalesce(first_day(insured.period.start), person.birthDate) as starts_on,
    last_day_of(insured.period."end") as ends_on
from insured
left join (select id, any_value(name) as name from organization_current group by id) as organization
    on insured.payer_organization_id = organization.id
left join (select id, min(birthDate) as birthDate from patient_current group by id) as person
    on
        insured.period.start is null
        and reference_id(insured.beneficiary.reference, 'Patient') = person.id
