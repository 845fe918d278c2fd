with coded as (

    select
        *,
        list_transform(
            list_filter(code.coding, lambda c: c.system = 'http://loinc.org' and c.code is not null), lambda c: c.code
        ) as loinc
    from observation_current

),

own as (

    select
        *,
        list_filter(loinc, lambda c: list_contains(getvariable('hba1c_codes'), c))[1] as own_hba1c
    from coded

),

parted as (

    -- a panel says its HbA1c in a component; of several the first one with a value
    select
        *,
        case when own_hba1c is null then list_filter(component, lambda p:
            coalesce(p.valueQuantity.value, p.valueInteger, p.valueString) is not null
            and len(list_filter(p.code.coding, lambda c:
                c.system = 'http://loinc.org' and list_contains(getvariable('hba1c_codes'), c.code))) > 0
        )[1] end as part
    from own

),

said as (

    select
        * replace (
            case when part is null then valueQuantity else part.valueQuantity end as valueQuantity,
            case when part is null then valueInteger else part.valueInteger end as valueInteger,
            case when part is null then valueString else part.valueString end as valueString
        ),
        coalesce(own_hba1c, list_filter(part.code.coding, lambda c:
            c.system = 'http://loinc.org' and list_contains(getvariable('hba1c_codes'), c.code))[1].code) as hba1c
    from parted

),

measured as (

    select
        *,
        -- annotations in braces say nothing about the unit
        trim(regexp_replace(coalesce(
            case when valueQuantity.code in ('%', 'mmol/mol') then valueQuantity.code end,
            valueQuantity.unit,
            valueQuantity.code,
            nullif(regexp_extract(valueString, '^\s*(?:[<>]=?|[≤≥])?\s*[0-9.,]+\s*(%|mmol/mol)', 1), '')
        ), '\{[^}]*\}', '', 'g')) as measured_unit
    from said

)

select
    file_no,
    line,
    1 as position,
    case
        when status in ('entered-in-error', 'cancelled', 'registered') then 'in error, cancelled or without a result yet'
        when list_has_any(loinc, list_append(getvariable('race_questions'), getvariable('language_question')))
            then 'an answer about race, ethnicity or language'
    end as left_out,
    cast(null as varchar) as fault,
    id as observation_id,
    reference_id(subject.reference, 'Patient') as patient_id,
    coalesce(hba1c, loinc[1], code.coding[1].code, code.text) as code,
    first_day(coalesce(effectiveDateTime, effectiveInstant, effectivePeriod.start)) as observed_on,
    coalesce(
        valueQuantity.value,
        valueInteger,
        -- what is above or below what the machine measures counts with the limit, as in a comparator
        nullif(regexp_extract(valueString, '^\s*(?:[<>]=?|[≤≥])?\s*([0-9]+([.][0-9]+)?)\s*(%|mmol/mol)?\s*$', 1), ''),
        valueString
    ) as value,
    case when hba1c is not null and starts_with(measured_unit, '%') then '%' else measured_unit end as unit,
    first_day(issued) as resulted_on
from measured
