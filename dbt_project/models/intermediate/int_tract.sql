{%- set burden = "case when direction = 'higher_is_better' then -area_value else area_value end" -%}
with measured as (

    select
        tract_geoid,
        tract_vintage,
        max(area_value) filter (where area_measure = 'child_population') as child_population,
        max(area_value) filter (where area_measure = 'poverty') as poverty,
        max({{ burden }}) filter (where area_measure = 'poverty') as poverty_burden,
        max(area_value) filter (where area_measure = 'deprivation') as deprivation,
        max({{ burden }}) filter (where area_measure = 'deprivation') as deprivation_burden,
        bool_or(is_unreliable) filter (where area_measure = 'poverty') as is_poverty_unreliable
    from {{ ref('int_tract_measure') }}
    group by tract_geoid, tract_vintage

),

placed as (

    select
        measured.*,
        len(run.catchment_counties) = 0
        or array_contains(run.catchment_counties, substr(measured.tract_geoid, 1, 5)) as is_in_catchment
    from measured
    cross join {{ source('raw', 'run') }} as run

),

final as (

    select
        tract_geoid,
        tract_vintage,
        child_population,
        poverty,
        deprivation,
        is_in_catchment,
        is_poverty_unreliable,
        {{ quintile('poverty_burden', 'is_in_catchment', 'coalesce(child_population, 0)') }} as poverty_quintile,
        {{ quintile('deprivation_burden', 'is_in_catchment', 'coalesce(child_population, 0)') }}
            as deprivation_quintile,
        {{ quintile('poverty_burden', 'true', '1') }} as poverty_quintile_of_file,
        {{ quintile('deprivation_burden', 'true', '1') }} as deprivation_quintile_of_file
    from placed

)

select * from final
