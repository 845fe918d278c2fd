{#
The most recent HbA1c within twelve months, as spans of months. Of several results on the latest day of a month the
lowest counts (CMS122). One integer per result orders by day and then by low value, so a maximum finds it.
#}
with latest as (

    select
        patient_key,
        month_number,
        max({{ day_number('observed_on') }} * 1000 + 999 - hba1c_tenths) as packed
    from {{ ref('int_observation__checked') }}
    where quarantine_reason is null and is_hba1c and month_number >= -11
    group by patient_key, month_number

),

ordered as (

    select
        patient_key,
        month_number as month_from,
        lead(month_number) over (partition by patient_key order by month_number) as next_month_from,
        cast(999 - packed % 1000 as smallint) as hba1c_tenths
    from latest

),

final as (

    select
        patient_key,
        cast(greatest(month_from, 0) as smallint) as month_from,
        cast(least(month_from + 11, coalesce(next_month_from - 1, month_from + 11)) as smallint) as month_to,
        hba1c_tenths
    from ordered
    where least(month_from + 11, coalesce(next_month_from - 1, month_from + 11)) >= 0

)

select * from final
