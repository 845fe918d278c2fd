with placed as (

    select
        address.patient_key,
        address.starts_on,
        address.ends_on,
        address.tract_geoid,
        address.tract_vintage,
        lead(address.starts_on) over (
            partition by address.patient_key order by address.starts_on, address.source_name, address._source_row
        ) as next_starts_on,
        address.geocode_status,
        tract.is_in_catchment,
        tract.poverty_quintile,
        tract.deprivation_quintile
    from {{ ref('int_address__checked') }} as address
    left join {{ ref('int_tract') }} as tract
        on address.tract_geoid = tract.tract_geoid and address.tract_vintage = tract.tract_vintage
    -- a home that could not be placed is not used, but the one before it has ended all the same
    where address.quarantine_reason is null or address.quarantine_reason = address.geocode_fault

),

final as (

    select
        patient_key,
        tract_geoid,
        tract_vintage,
        starts_on,
        case
            when next_starts_on <= coalesce(ends_on, next_starts_on) then {{ plus_days('next_starts_on', -1) }}
            else ends_on
        end as ends_on,
        geocode_status,
        case
            when tract_geoid is null then 0
            when is_in_catchment is not true then 6
            else coalesce(poverty_quintile, 7)
        end as poverty_quintile,
        case
            when tract_geoid is null then 0
            when is_in_catchment is not true then 6
            else coalesce(deprivation_quintile, 7)
        end as deprivation_quintile
    from placed

)

select * from final
