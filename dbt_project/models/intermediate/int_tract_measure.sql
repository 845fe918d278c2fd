{{ config(materialized='view') }}

with native as (

    select tract_geoid, tract_vintage, area_measure, category, direction, area_value, is_unreliable
    from {{ ref('int_tract_measure__checked') }}
    where quarantine_reason is null and area_level = 'tract'

),

parts as (

    select
        crosswalk.from_geoid, crosswalk.from_vintage, crosswalk.to_geoid, crosswalk.to_vintage, crosswalk.weight,
        crosswalk.part_size, people.area_value as n_children
    from {{ ref('stg_area__tract_crosswalk') }} as crosswalk
    left join native as people
        on
            crosswalk.from_geoid = people.tract_geoid and crosswalk.from_vintage = people.tract_vintage
            and people.area_measure = 'child_population'

),

wanted as (

    select distinct tract_vintage, area_measure, category, direction from native

),

-- a part without a value stays, so that what is not known weighs too
carried as (

    select
        parts.to_geoid, parts.to_vintage, wanted.area_measure, wanted.category, wanted.direction,
        bool_or(found.is_unreliable) as is_unreliable,
        {{ carried_value() }} as area_value
    from parts
    inner join wanted on parts.from_vintage = wanted.tract_vintage
    left join native as found
        on
            parts.from_geoid = found.tract_geoid and parts.from_vintage = found.tract_vintage
            and wanted.area_measure = found.area_measure and wanted.category = found.category
    group by parts.to_geoid, parts.to_vintage, wanted.area_measure, wanted.category, wanted.direction

)

select
    tract_geoid, tract_vintage, area_measure, category, direction, area_value, is_unreliable, false as is_carried
from native
union all
select
    carried.to_geoid, carried.to_vintage, carried.area_measure, carried.category, carried.direction,
    carried.area_value, carried.is_unreliable, true
from carried
left join native as own
    on
        carried.to_geoid = own.tract_geoid and carried.to_vintage = own.tract_vintage
        and carried.area_measure = own.area_measure and carried.category = own.category
where own.tract_geoid is null
