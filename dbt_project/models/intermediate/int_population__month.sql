with spans as (

    select 't1d' as population, patient_key, starts_on, ends_on
    from {{ ref('pop_t1d') }}
    union all
    select 't1d_established' as population, patient_key, starts_on, ends_on
    from {{ ref('pop_t1d_established') }}

),

months as (

    select
        spans.population,
        spans.patient_key,
        greatest({{ month_number('spans.starts_on', 'run.window_starts_on') }}, 0) as month_from,
        {{ month_number(plus_days('spans.ends_on', 1), 'run.window_starts_on') }} - 1 as month_to
    from spans
    cross join {{ source('raw', 'run') }} as run

)

select
    population,
    patient_key,
    cast(month_from as smallint) as month_from,
    cast(month_to as smallint) as month_to
from months
where month_from <= month_to
