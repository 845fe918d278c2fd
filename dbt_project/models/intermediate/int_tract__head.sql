{# Children of the population per site and tract at the end of each month, from address spans. #}
with spans as (

    select
        patient.site_code,
        address.tract_geoid,
        address.tract_vintage,
        greatest(
            {{ month_number('address.starts_on', 'run.window_starts_on') }},
            {{ month_number('population.starts_on', 'run.window_starts_on') }}, 0
        ) as month_from,
        least(
            coalesce({{ month_number(plus_days('address.ends_on', 1), 'run.window_starts_on') }}, 100000),
            {{ month_number(plus_days('population.ends_on', 1), 'run.window_starts_on') }}
        ) as month_after
    from {{ ref('int_address') }} as address
    inner join {{ ref('pop_t1d') }} as population on address.patient_key = population.patient_key
    inner join {{ ref('int_patient') }} as patient on address.patient_key = patient.patient_key
    cross join {{ source('raw', 'run') }} as run
    where address.tract_geoid is not null

),

edges as (

    select site_code, tract_geoid, tract_vintage, month_from as month_number, 1 as change
    from spans
    where month_from < month_after
    union all
    select site_code, tract_geoid, tract_vintage, month_after, -1
    from spans
    where month_from < month_after

),

changes as (

    select site_code, tract_geoid, tract_vintage, month_number, sum(change) as change
    from edges
    group by site_code, tract_geoid, tract_vintage, month_number

)

select
    changes.site_code,
    changes.tract_geoid,
    changes.tract_vintage,
    period.grain,
    period.period_starts_on,
    sum(changes.change) as n_patients
from changes
inner join {{ ref('dim_period') }} as period on changes.month_number <= period.last_month_number
where period.grain in ('quarter', 'year')
group by changes.site_code, changes.tract_geoid, changes.tract_vintage, period.grain, period.period_starts_on
