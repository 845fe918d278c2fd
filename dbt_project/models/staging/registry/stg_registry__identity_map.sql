with source as (

    select * from {{ source('raw', 'identity_map') }}

),

renamed as (

    select
        source_name,
        nullif(trim(cast(record_source as varchar)), '') as record_source,
        nullif(trim(cast(patient_id as varchar)), '') as patient_id,
        nullif(trim(cast(person_id as varchar)), '') as person_id,
        _source_file,
        _source_row
    from source

),

final as (

    select
        *,
        case
            when record_source is null then 'source_name is missing'
            when patient_id is null then 'patient_id is missing'
            when person_id is null then 'person_id is missing'
        end as row_fault
    from renamed

)

select * from final
