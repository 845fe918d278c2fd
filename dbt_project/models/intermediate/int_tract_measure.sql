{{ config(materialized='view') }}

with native as (

    select tract_geoid, tract_vintage, area_measure, category, direction, area_value, is_unreliable
    from {{ ref('int_tract_measure__checked') }}
    where quarantine_reason is null and area_level = 'tract'

),

parts as (

    select
        crosswalk.*,
        people.area_value as n_children
    from {{ ref('stg_area__tract_crosswalk') }} as crosswalk
    left join native as people
        on
            crosswalk.from_geoid = people.tract_geoid and crosswalk.from_vintage = people.tract_vintage
            and people.area_measure = 'child_population'

),

-- a part without a value stays, so that what is not known weighs too
carried as (

    select
        parts.to_geoid, parts.to_vintage, wanted.area_measure, wanted.category, wanted.direction,
        bool_or(found.is_unreliable) as is_unreliable,
        {{ carried_value() }} as area_value
    from parts
    inner join (select distinct tract_vintage, area_measure, category, direction from native) as wanted
        on parts.from_vintage = wanted.tract_vintage
    left join native as found
        on
            parts.from_geoid = found.tract_geoid and parts.from_vintage = found.tract_vintage
            and wanted.area_measure = found.area_measure and wanted.category = found.category
    group by parts.to_geoid, parts.to_vintage, wanted.area_measure, wanted.category, wanted.direction

)

select *, false as is_carried from native
union all
select
    tract_geoid, tract_vintage, area_measure, category, direction, area_value, is_unreliable, true
from (select * exclude (to_geoid, to_vintage), to_geoid as tract_geoid, to_vintage as tract_vintage from carried)
anti join native using (tract_geoid, tract_vintage, area_measure, category)
