with source as (

    select * from {{ source('raw', 'tract_measures') }}

),

renamed as (

    select
        source_name,
        cast(tract_geoid as varchar) as tract_geoid,
        cast(tract_vintage as integer) as tract_vintage,
        cast(data_year as integer) as data_year,
        measure as area_measure,
        category,
        direction,
        try_cast(value as double) as area_value,
        value is not null and try_cast(value as double) is null as is_value_text,
        coalesce(area_level, 'tract') as area_level,
        try_cast(moe as double) as moe,
        cast(is_unreliable as boolean) as is_unreliable,
        missing_reason,
        release,
        _source_file,
        _source_row
    from source

),

final as (

    select
        *,
        case
            when area_level = 'county' and not {{ all_digits('tract_geoid', 5) }}
                then 'county key does not have 5 digits'
            when area_level = 'tract' and not {{ all_digits('tract_geoid', 11) }}
                then 'tract key does not have 11 digits'
            when is_value_text then 'value is not a number'
            when area_value < 0 and direction = 'count' then 'value is negative'
            when area_measure = 'poverty' and area_value not between 0 and 1
                then 'a share lies outside 0 to 1 (a file in percent has the divisor 100)'
        end as row_fault
    from renamed

)

select * from final
