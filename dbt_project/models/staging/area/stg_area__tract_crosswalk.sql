with source as (

    select * from {{ source('raw', 'tract_crosswalk') }}

),

final as (

    select
        source_name,
        cast(from_geoid as varchar) as from_geoid,
        cast(from_vintage as integer) as from_vintage,
        cast(to_geoid as varchar) as to_geoid,
        cast(to_vintage as integer) as to_vintage,
        cast(weight as double) as weight,
        cast(part_size as double) as part_size,
        basis
    from source

)

select * from final
