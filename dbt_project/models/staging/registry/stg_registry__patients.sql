with source as (

    select * from {{ source('raw', 'patients') }}

),

renamed as (

    select
        source_name,
        nullif(trim(cast(patient_id as varchar)), '') as patient_id,
        coalesce(nullif(trim(cast(site_id as varchar)), ''), '') as recorded_site,
        nullif(lower(trim(cast(sex as varchar))), '') as sex_code,
        {{ safe_date('birth_date') }} as birth_date,
        {{ safe_date('enrolled_on') }} as enrolled_on,
        {{ safe_date('left_on') }} as left_on,
        {{ safe_date('death_date') }} as death_date,
        {{ unreadable_dates(['birth_date', 'enrolled_on', 'left_on', 'death_date']) }} as unreadable_date,
        _source_file,
        _source_row
    from source

),

final as (

    select
        *,
        case when recorded_site in ('all', 'not_recorded') then '' else recorded_site end as site,
        case
            when patient_id is null then 'patient_id is missing'
            when unreadable_date is not null then unreadable_date || ' is not a date'
            when birth_date is null then 'birth_date is missing'
            when birth_date < cast('1900-01-01' as date) then 'birth_date is before 1900'
            when recorded_site in ('all', 'not_recorded') then 'site_id is a reserved word (all, not_recorded)'
            when left_on < enrolled_on then 'left_on is before enrolled_on'
            when death_date < birth_date then 'death_date is before birth_date'
        end as row_fault
    from renamed

)

select * from final
