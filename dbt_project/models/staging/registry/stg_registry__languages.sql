with source as (

    select * from {{ source('raw', 'languages') }}

),

renamed as (

    select
        source_name,
        nullif(trim(cast(patient_id as varchar)), '') as patient_id,
        nullif(lower(split_part(replace(trim(cast(language as varchar)), '_', '-'), '-', 1)), '') as language_subtag,
        {{ safe_date('recorded_on') }} as recorded_on,
        {{ unreadable_dates(['recorded_on']) }} as unreadable_date,
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
        end as row_fault
    from renamed

)

select * from final
