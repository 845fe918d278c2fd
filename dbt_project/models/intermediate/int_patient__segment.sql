{#
Each child's months in the population, cut where the cell changes. Attributes that change over time arrive as packed
integers that grow with their starting day, so that a running maximum is what held at each month's last day.
#}
with base as (

    select
        population.patient_key,
        greatest({{ month_number('population.starts_on', 'run.window_starts_on') }}, 0) as month_from,
        {{ month_number(plus_days('population.ends_on', 1), 'run.window_starts_on') }} - 1 as month_to,
        patient.birth_date,
        run.window_starts_on,
        {{ cell_key({'race': 'patient.race_code', 'language': 'patient.language_code', 'sex': 'patient.sex_code',
                     'site': 'patient.site_code'}) }} as fixed_key
    from {{ ref('pop_t1d') }} as population
    inner join {{ ref('int_patient') }} as patient on population.patient_key = patient.patient_key
    cross join {{ source('raw', 'run') }} as run
    where {{ month_number(plus_days('population.ends_on', 1), 'run.window_starts_on') }} > greatest(
        {{ month_number('population.starts_on', 'run.window_starts_on') }}, 0
    )

),

area as (

    select patient_key, starts_on as holds_from, poverty_quintile * 8 + deprivation_quintile as code
    from {{ ref('int_address') }}
    union all
    select patient_key, {{ plus_days('ends_on', 1) }}, 0 from {{ ref('int_address') }} where ends_on is not null

),

payer as (

    select patient_key, starts_on as holds_from, payer_code as code from {{ ref('int_coverage') }}
    union all
    select patient_key, {{ plus_days('ends_on', 1) }}, 0 from {{ ref('int_coverage') }} where ends_on is not null

),

changes as (

    select patient_key, month_from as month_number, 0 as area_pack, 0 as payer_pack, 0 as age_code from base
    union all
    select base.patient_key, {{ month_number('area.holds_from', 'base.window_starts_on') }},
        {{ day_number('area.holds_from') }} * 64 + area.code, 0, 0
    from base inner join area on base.patient_key = area.patient_key
    union all
    select base.patient_key, {{ month_number('payer.holds_from', 'base.window_starts_on') }},
        0, {{ day_number('payer.holds_from') }} * 64 + payer.code, 0
    from base inner join payer on base.patient_key = payer.patient_key
    union all
    select base.patient_key,
        {{ month_number(plus_years('base.birth_date', 'band.from_years'), 'base.window_starts_on') }}, 0, 0, band.code
    from base cross join {{ ref('age_bands') }} as band

),

at_month as (

    select
        base.patient_key,
        greatest(changes.month_number, base.month_from) as month_from,
        max(changes.area_pack) as area_pack,
        max(changes.payer_pack) as payer_pack,
        max(changes.age_code) as age_code
    from base
    inner join changes on base.patient_key = changes.patient_key and changes.month_number <= base.month_to
    group by base.patient_key, greatest(changes.month_number, base.month_from)

),

running as (

    select
        patient_key,
        month_from,
        lead(month_from) over by_month as next_month_from,
        max(area_pack) over by_month % 64 as area_code,
        max(payer_pack) over by_month % 64 as payer_code,
        max(age_code) over by_month as age_code
    from at_month
    window by_month as (partition by patient_key order by month_from)

),

final as (

    select
        base.patient_key,
        cast(running.month_from as smallint) as month_from,
        cast(coalesce(running.next_month_from - 1, base.month_to) as smallint) as month_to,
        base.fixed_key + {{ cell_key({
            'age_band': 'running.age_code', 'payer': 'running.payer_code',
            'poverty_quintile': int_div('running.area_code', 8), 'deprivation_quintile': 'running.area_code % 8'
        }) }} as cell_key
    from running
    inner join base on running.patient_key = base.patient_key

)

select * from final
