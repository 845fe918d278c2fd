with listed as (

    select
        file_no,
        line,
        id as patient_id,
        unnest(communication) as spoken,
        generate_subscripts(communication, 1) as position,
        len(list_filter(communication, lambda c: c.preferred)) > 0 as has_preferred
    from patient_current

),

asked as (

    select
        *,
        list_contains(list_transform(coalesce(code.coding, []), lambda c: c.code), getvariable('language_question'))
            as is_language
    from observation_current

)

select
    file_no,
    line,
    position,
    case when has_preferred and spoken.preferred is not true then 'another language is preferred' end as left_out,
    cast(null as varchar) as fault,
    patient_id,
    coalesce(
        list_filter(spoken.language.coding, lambda c: c.code is not null)[1].code, spoken.language.text
    ) as language,
    cast(null as varchar) as recorded_on
from listed
union all
select
    file_no,
    line,
    1,
    case when status in ('entered-in-error', 'cancelled') then 'entered in error or cancelled' end,
    cast(null as varchar),
    reference_id(subject.reference, 'Patient'),
    coalesce(
        list_filter(valueCodeableConcept.coding, lambda c: c.code is not null)[1].code,
        valueCodeableConcept.text,
        valueString
    ),
    first_day(coalesce(effectiveDateTime, effectiveInstant, effectivePeriod.start, issued))
from asked
where is_language
