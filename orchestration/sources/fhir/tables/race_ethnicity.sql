with stated as (

    select
        file_no,
        line,
        id as patient_id,
        part.number as part_number,
        list_filter(
            flatten(list_transform(list_filter(extension, lambda e: ends_with(e.url, part.url)), lambda e: e.extension)),
            lambda p: p.url is not null
        ) as said
    from patient_current
    cross join (
        values (1, '/us-core-race'), (2, '/us-core-ethnicity')
    ) as part (number, url)
    where len(list_filter(extension, lambda e: ends_with(e.url, part.url))) > 0

),

coded as (

    select
        *,
        list_transform(
            list_filter(said, lambda p: p.url = 'ombCategory' and p.valueCoding.code is not null),
            lambda p: race_category(trim(p.valueCoding.code))
        ) as categories,
        list_transform(
            list_filter(said, lambda p: p.url = 'detailed' and p.valueCoding.code is not null),
            lambda p: race_category(trim(p.valueCoding.code))
        ) as details,
        trim(list_filter(said, lambda p: p.url = 'text')[1].valueString) as words
    from stated

),

chosen as (

    select
        *,
        case
            when len(list_filter(list_concat(categories, details), lambda c: contains(c, '-'))) > 0
                then list_distinct(list_concat(
                    -- White only because the 1997 form puts Middle Eastern or North African under it
                    list_filter(categories, lambda c: not (
                        c = '2106-3' and list_contains(details, '2118-8')
                        and not list_contains(details, '2106-3') and not list_contains(categories, '2118-8')
                    )),
                    details
                ))
            when says_declined(words) then ['declined']
            when len(categories) + len(details) > 0 then list_distinct(list_concat(categories, details))
            when words <> '' then [words]
        end as recorded
    from coded

),

form as (

    select
        file_no,
        line,
        bool_or(list_contains(categories, '2118-8') or list_contains(categories, '2135-2')) as is_combined
    from chosen
    where part_number = 1
    group by file_no, line

),

captured as (

    select
        reference_id(aim.reference, 'Patient') as patient_id,
        arg_max(
            {
                'who': coalesce(
                    list_filter(agent, lambda a: list_contains(
                        list_transform(coalesce(a.type.coding, []), lambda c: c.code), 'informant'
                    ))[1].who.reference,
                    agent[1].who.reference
                ),
                'recorded_on': first_day(coalesce(occurredDateTime, recorded))
            },
            coalesce(occurredDateTime, recorded, '')
        ) as capture
    from (select *, unnest(target) as aim from provenance_current)
    where
        len(list_filter(aim.extension, lambda e: regexp_matches(
            coalesce(e.valueString, e.valueUri, ''), 'us-core-(race|ethnicity)|^#?(race|ethnicity)$'
        ))) > 0
    group by 1

),

asked as (

    -- a survey's answer is an Observation of its own
    select
        *,
        list_filter(
            list_transform(coalesce(code.coding, []), lambda c: c.code),
            lambda c: list_contains(getvariable('race_questions'), c)
        )[1] as question
    from observation_current

),

every_row as (

    select
        chosen.file_no,
        chosen.line,
        'Patient' as resource_type,
        chosen.part_number,
        cast(null as varchar) as left_out,
        chosen.patient_id,
        'ehr' as source_system,
        unnest(chosen.recorded) as value,
        case when form.is_combined then 'omb2024' else 'omb1997' end as standard,
        captured.capture.who as who,
        captured.capture.recorded_on as recorded_on
    from chosen
    left join form using (file_no, line)
    left join captured on chosen.patient_id = captured.patient_id
    union all
    select
        file_no,
        line,
        'Observation',
        1,
        case when status in ('entered-in-error', 'cancelled') then 'entered in error or cancelled' end,
        reference_id(subject.reference, 'Patient'),
        coalesce(list_filter(
            flatten(list_transform(category, lambda c: words_of(c))), lambda c: c is not null
        )[1], 'observation'),
        coalesce(
            race_category(list_filter(valueCodeableConcept.coding, lambda c: c.code is not null)[1].code),
            valueCodeableConcept.text,
            valueString
        ),
        case when question = '46463-6' then 'omb2024' else 'omb1997' end,
        performer[1].reference,
        first_day(coalesce(effectiveDateTime, effectiveInstant, effectivePeriod.start, issued))
    from asked
    where question is not null

)

select
    file_no,
    line,
    row_number() over (partition by file_no, line order by part_number, value) as position,
    left_out,
    cast(null as varchar) as fault,
    patient_id,
    source_system,
    value,
    coalesce(getvariable('race_standard'), standard) as standard,
    case
        when regexp_matches(who, '(^|/)Patient/') then 'self'
        when regexp_matches(who, '(^|/)RelatedPerson/') then 'proxy'
        when regexp_matches(who, '(^|/)(Practitioner|PractitionerRole|Organization|CareTeam)/') then 'observed'
        else 'unknown'
    end as capture_method,
    recorded_on
from every_row
