with born as (

    select id, min(try_cast(birthDate as date)) as birth_date
    from patient_current
    group by id

),

visit as (

    select id, min(first_day(coalesce(period, actualPeriod).start)) as starts_on
    from encounter_current
    group by id

)

select
    problem.file_no,
    problem.line,
    1 as position,
    case
        when problem.verificationStatus.coding[1].code in ('refuted', 'entered-in-error')
            then 'refuted or entered in error'
    end as left_out,
    cast(null as varchar) as fault,
    reference_id(problem.subject.reference, 'Patient') as patient_id,
    coalesce(diagnosis_code(problem.code.coding), problem.code.text) as code,
    coalesce(
        first_day(problem.onsetDateTime),
        first_day(problem.onsetPeriod.start),
        cast(cast(born.birth_date + to_days(cast(floor(
            try_cast(problem.onsetAge.value as double)
            * case coalesce(problem.onsetAge.code, problem.onsetAge.unit)
                when 'a' then 365.25 when 'mo' then 30.4375 when 'wk' then 7 when 'd' then 1
            end
        ) as integer)) as date) as varchar),
        first_day(problem.recordedDate),
        visit.starts_on
    ) as onset_on
from condition_current as problem
left join born on problem.onsetAge is not null and reference_id(problem.subject.reference, 'Patient') = born.id
left join visit
    on
        problem.onsetDateTime is null and problem.recordedDate is null
        and reference_id(problem.encounter.reference, 'Encounter') = visit.id
