{# What held at each month's last day is the largest of what has begun by then: see int_patient__change. #}
with base as (

    select * from {{ ref('int_patient__month') }}

),

at_month as (

    select
        base.patient_key,
        greatest(change.month_number, base.month_from) as month_from,
        max(change.area_pack) as area_pack,
        max(change.payer_pack) as payer_pack,
        max(change.age_code) as age_code
    from base
    inner join {{ ref('int_patient__change') }} as change
        on base.patient_key = change.patient_key and base.month_to >= change.month_number
    group by base.patient_key, greatest(change.month_number, base.month_from)

),

running as (

    select
        patient_key,
        month_from,
        lead(month_from) over by_month as next_month_from,
        max(area_pack) over by_month % 64 as area_code,
        max(payer_pack) over by_month % 64 as payer_code,
        max(age_code) over by_month as age_code
    from at_month
    window by_month as (partition by patient_key order by month_from)

),

final as (

    select
        base.patient_key,
        cast(running.month_from as smallint) as month_from,
        cast(coalesce(running.next_month_from - 1, base.month_to) as smallint) as month_to,
        base.fixed_key + {{ cell_key({
            'age_band': 'running.age_code', 'payer': 'running.payer_code',
            'poverty_quintile': int_div('running.area_code', 8), 'deprivation_quintile': 'running.area_code % 8'
        }) }} as cell_key
    from running
    inner join base on running.patient_key = base.patient_key

)

select * from final
