{#
One row per person out of the records that are used. Where the identity map links several, the record enrolled last speaks
first: site and sex are the first that it, or one enrolled before it, states. The person is followed from the first day of
all records to the last, and still is when one of them is.
#}
{{ config(materialized='view') }}

with ranked as (

    select
        *,
        row_number() over (
            partition by patient_key order by enrolled_on desc nulls last, source_name asc, patient_id asc
        ) as place
    from {{ ref('int_patient__checked') }}
    where quarantine_reason is null and is_linked

),

spoken as (

    select
        *,
        min(case when site <> '' then place end) over (partition by patient_key) as site_place,
        min(case when sex_code is not null then place end) over (partition by patient_key) as sex_place
    from ranked

)

select
    patient_key,
    person_source,
    person_id,
    site,
    sex_code,
    birth_date,
    enrolled_on,
    left_on,
    death_date
from {{ ref('int_patient__checked') }}
where quarantine_reason is null and not is_linked
union all
select
    patient_key,
    min(person_source),
    min(person_id),
    coalesce(max(case when place = site_place then site end), ''),
    max(case when place = sex_place then sex_code end),
    min(birth_date),
    min(enrolled_on),
    case when count(*) = count(left_on) then max(left_on) end,
    min(death_date)
from spoken
group by patient_key
