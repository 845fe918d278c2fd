with condition_code as (

    select id, any_value(diagnosis_code(code.coding)) as code
    from condition_current
    group by id

),

only_condition as (

    -- conditions that name their encounter, where the encounter names none and they all say the same
    select
        reference_id(encounter.reference, 'Encounter') as encounter_id,
        min(diagnosis_code(code.coding)) as code
    from condition_current
    where
        encounter.reference is not null
        and coalesce(verificationStatus.coding[1].code, '') not in ('refuted', 'entered-in-error')
    group by 1
    having count(distinct diagnosis_code(code.coding)) = 1

),

visit as (

    select
        *,
        -- R4 has one Coding, R5 a list of concepts
        case json_type(class)
            when 'OBJECT' then [class ->> '$.code']
            when 'ARRAY' then list_concat(class ->> '$[*].coding[*].code', class ->> '$[*].code')
        end as classes,
        list_concat(
            case json_type(serviceType)
                when 'OBJECT'
                    then list_concat(serviceType ->> '$.coding[*].code', [serviceType ->> '$.text'])
                when 'ARRAY'
                    then list_concat(serviceType ->> '$[*].concept.coding[*].code', serviceType ->> '$[*].concept.text')
            end,
            flatten(list_transform(coalesce(type, []), lambda t: words_of(t)))
        ) as services,
        coalesce(period, actualPeriod) as span,
        -- the diagnosis that ranks first, of several the one that is listed first
        list_sort(list_transform(
            diagnosis, lambda d, i: {
                'rank': coalesce(d.rank, 99),
                'position': i,
                'reference': coalesce(
                    d.condition ->> '$.reference', d.condition ->> '$[0].reference.reference'
                ),
                'codings': json_transform(
                    d.condition -> '$[0].concept.coding', '[{"system": "VARCHAR", "code": "VARCHAR"}]'
                )
            }
        ))[1] as main
    from encounter_current

),

reasoned as (

    select
        *,
        coalesce(main.reference, reasonReference[1].reference, reason[1].value[1].reference.reference) as dx_reference,
        coalesce(
            diagnosis_code(main.codings),
            diagnosis_code(reasonCode[1].coding),
            diagnosis_code(reason[1].value[1].concept.coding)
        ) as dx_coded
    from visit

)

select
    reasoned.file_no,
    reasoned.line,
    1 as position,
    case
        when reasoned.status in ('entered-in-error', 'cancelled', 'planned') then 'planned, cancelled or in error'
    end as left_out,
    cast(null as varchar) as fault,
    reasoned.id as encounter_id,
    reference_id(reasoned.subject.reference, 'Patient') as patient_id,
    first_known(reasoned.classes, getvariable('known_classes')) as encounter_class,
    coalesce(
        getvariable('service_map')[lower(list_filter(
            reasoned.services, lambda s: map_contains(getvariable('service_map'), lower(s))
        )[1])],
        list_filter(reasoned.services, lambda s: s <> '')[1]
    ) as service,
    first_day(reasoned.span.start) as starts_on,
    last_day_of(reasoned.span."end") as ends_on,
    coalesce(condition_code.code, reasoned.dx_coded, only_condition.code) as primary_dx
from reasoned
left join condition_code on reference_id(reasoned.dx_reference, 'Condition') = condition_code.id
left join only_condition
    on
        reasoned.dx_reference is null and reasoned.dx_coded is null
        and reasoned.id = only_condition.encounter_id
