with source as (

    select * from {{ source('raw', 'conditions') }}

),

renamed as (

    select
        source_name,
        nullif(trim(cast(patient_id as varchar)), '') as patient_id,
        {{ icd_dotted("nullif(upper(trim(cast(code as varchar))), '')") }} as condition_code,
        {{ safe_date('onset_on') }} as onset_on,
        {{ unreadable_dates(['onset_on']) }} as unreadable_date,
        _source_file,
        _source_row
    from source

),

final as (

    select
        *,
        case
            when patient_id is null then 'patient_id is missing'
            when condition_code is null then 'code is missing'
            when unreadable_date is not null then unreadable_date || ' is not a date'
            when onset_on is null then 'onset_on is missing'
        end as row_fault
    from renamed

)

select * from final
