with listed as (

    select
        file_no,
        line,
        id as patient_id,
        birthDate as birth_date,
        unnest(address) as home,
        generate_subscripts(address, 1) as position
    from patient_current

),

read as (

    select
        file_no,
        line,
        position,
        patient_id,
        birth_date,
        home.use as address_use,
        home.type as address_type,
        first_day(home.period.start) as starts_on,
        last_day_of(home.period."end") as ends_on,
        -- the census tract's extension stands on the address or on one of its lines
        replace(trim(list_filter(
            list_concat(
                coalesce(home.extension, []),
                flatten(list_transform(coalesce(home._line, []), lambda l: coalesce(l.extension, [])))
            ),
            lambda e: e.url = getvariable('tract_extension')
        )[1].valueString), '.', '') as tract_geoid,
        coalesce(
            list_filter(home.extension, lambda e: e.url = getvariable('tract_vintage_extension'))[1].valueInteger,
            getvariable('tract_vintage')
        ) as tract_vintage
    from listed

),

kept as (

    select
        *,
        case
            when address_use in ('work', 'temp', 'billing') or address_type = 'postal' then 'nobody lives there'
            when address_use = 'old' and starts_on is null and ends_on is null then 'an old address without dates'
        end as left_out
    from read

),

dated as (

    -- an address without a first day follows the ones that have ended, or has held since birth
    select
        *,
        coalesce(
            starts_on,
            cast(cast(max(try_cast(ends_on as date)) filter (where left_out is null and ends_on is not null) over (
                partition by file_no, line
                order by coalesce(ends_on, '9999') rows between unbounded preceding and 1 preceding
            ) + interval 1 day as date) as varchar),
            birth_date
        ) as known_from
    from kept

),

compared as (

    select
        *,
        count(*) filter (where left_out is null) over same_day as n_same_day,
        min(tract_geoid || '/' || coalesce(tract_vintage, '')) filter (where left_out is null) over same_day as one_tract,
        max(tract_geoid || '/' || coalesce(tract_vintage, '')) filter (where left_out is null) over same_day
            as another_tract,
        row_number() over (partition by file_no, line, known_from, left_out order by tract_geoid is null, position)
            as repeat
    from dated
    window same_day as (partition by file_no, line, known_from)

)

select
    file_no,
    line,
    position,
    coalesce(
        left_out,
        case when n_same_day > 1 and repeat > 1 and one_tract is not distinct from another_tract
            then 'it repeats another address of the person' end
    ) as left_out,
    case
        when left_out is null and n_same_day > 1 and one_tract <> another_tract
            then 'two addresses of the person begin on the same day in different tracts'
    end as fault,
    patient_id,
    tract_geoid,
    tract_vintage,
    known_from as starts_on,
    ends_on,
    cast(null as varchar) as registry_source
from compared
