with source as (

    select * from {{ source('raw', 'observations') }}

),

renamed as (

    select
        source_name,
        cast(observation_id as varchar) as observation_id,
        cast(patient_id as varchar) as patient_id,
        cast(code as varchar) as result_code,
        cast(unit as varchar) as unit,
        try_cast(value as double) as value_number,
        -- what an analyser prints beyond its range: >14, <4
        substr(ltrim(cast(value as varchar)), 1, 1) in ('<', '>', '≤', '≥') as is_value_limit,
        {{ safe_date('observed_on') }} as observed_on,
        {{ safe_date('resulted_on') }} as resulted_on,
        {{ unreadable_dates(['observed_on', 'resulted_on']) }} as unreadable_date,
        _source_file,
        _source_row
    from source

),

final as (

    select
        *,
        case
            when observation_id is null then 'observation_id is missing'
            when patient_id is null then 'patient_id is missing'
            when unreadable_date is not null then unreadable_date || ' is not a date'
            when observed_on is null then 'observed_on is missing'
            when result_code is null then 'code is missing'
        end as row_fault
    from renamed

)

select * from final
