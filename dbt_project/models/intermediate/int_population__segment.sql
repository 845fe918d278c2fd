with spans as (

    select 't1d' as population, patient_key, starts_on, ends_on from {{ ref('pop_t1d') }}
    union all
    select 't1d_established' as population, patient_key, starts_on, ends_on from {{ ref('pop_t1d_established') }}

),

months as (

    select
        spans.population,
        spans.patient_key,
        {{ month_number('spans.starts_on', 'run.window_starts_on') }} as month_from,
        {{ month_number(plus_days('spans.ends_on', 1), 'run.window_starts_on') }} - 1 as month_to
    from spans
    cross join {{ source('raw', 'run') }} as run

),

final as (

    select
        months.population,
        segment.patient_key,
        cast(greatest(segment.month_from, months.month_from) as smallint) as month_from,
        cast(least(segment.month_to, months.month_to) as smallint) as month_to,
        segment.cell_key
    from {{ ref('int_patient__segment') }} as segment
    inner join months
        on
            segment.patient_key = months.patient_key
            and segment.month_from <= months.month_to
            and segment.month_to >= months.month_from

)

select * from final
