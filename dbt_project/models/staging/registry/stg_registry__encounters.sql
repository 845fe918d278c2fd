with source as (

    select * from {{ source('raw', 'encounters') }}

),

renamed as (

    select
        source_name,
        cast(encounter_id as varchar) as encounter_id,
        cast(patient_id as varchar) as patient_id,
        cast(encounter_class as varchar) as encounter_class_code,
        cast(service as varchar) as service,
        cast(primary_dx as varchar) as primary_dx,
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
            when encounter_id is null then 'encounter_id is missing'
            when patient_id is null then 'patient_id is missing'
            when unreadable_date is not null then unreadable_date || ' is not a date'
            when starts_on is null then 'starts_on is missing'
            when ends_on < starts_on then 'ends_on is before starts_on'
        end as row_fault
    from renamed

)

select * from final
