with source as (

    select * from {{ source('raw', 'race_ethnicity') }}

),

renamed as (

    select
        source_name,
        nullif(trim(cast(patient_id as varchar)), '') as patient_id,
        coalesce(nullif(trim(cast(source_system as varchar)), ''), 'not stated') as source_system,
        nullif(lower(trim(cast(value as varchar))), '') as recorded_value,
        nullif(lower(trim(cast(standard as varchar))), '') as standard,
        coalesce(nullif(lower(trim(cast(capture_method as varchar))), ''), 'unknown') as capture_method,
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
            when standard not in ('omb1997', 'omb2024') then 'standard is neither omb1997 nor omb2024'
            when capture_method not in ('self', 'proxy', 'observed', 'imputed', 'unknown')
                then 'capture_method is not a known method'
        end as row_fault
    from renamed

)

select * from final
