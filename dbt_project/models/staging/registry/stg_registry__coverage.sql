with source as (

    select * from {{ source('raw', 'coverage') }}

),

renamed as (

    select
        source_name,
        nullif(trim(cast(patient_id as varchar)), '') as patient_id,
        nullif(lower(trim(cast(payer as varchar))), '') as payer_code,
        {{ safe_date('starts_on') }} as starts_on,
        {{ safe_date('ends_on') }} as ends_on,
        {{ unreadable_dates(['starts_on', 'ends_on']) }} as unreadable_date,
        _source_file,
        _source_row
    from source

),

final as (

    select
        *,
        case
            when patient_id is null then 'patient_id is missing'
            when unreadable_date is not null then unreadable_date || ' is not a date'
            when starts_on is null then 'starts_on is missing'
            when ends_on < starts_on then 'ends_on is before starts_on'
        end as row_fault
    from renamed

)

select * from final
