with source as (

    select * from {{ source('raw', 'addresses') }}

),

renamed as (

    select
        source_name,
        nullif(trim(cast(patient_id as varchar)), '') as patient_id,
        nullif(trim(cast(tract_geoid as varchar)), '') as tract_geoid,
        try_cast(tract_vintage as integer) as tract_vintage,
        nullif(trim(cast(registry_source as varchar)), '') as registry_source,
        nullif(trim(cast(geocode_status as varchar)), '') as geocode_status,
        nullif(trim(cast(geocode_precision as varchar)), '') as geocode_precision,
        try_cast(geocode_score as double) as geocode_score,
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
            when tract_geoid is not null and not {{ all_digits('tract_geoid', 11) }}
                then 'tract_geoid does not have 11 digits'
            when tract_geoid is not null and (tract_vintage is null or tract_vintage not in (2010, 2020))
                then 'tract_vintage is neither 2010 nor 2020'
        end as row_fault,
        {{ geocode_fault() }} as geocode_fault
    from renamed

)

select * from final
