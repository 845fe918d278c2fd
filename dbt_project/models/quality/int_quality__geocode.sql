{{ config(materialized='view') }}
{# Children whose address went through a geocoder, and how many were placed in a tract, by group, at a period's end. #}
with homes as (

    select
        address.starts_on,
        coalesce(address.ends_on, cast('9999-12-31' as date)) as ends_on,
        address.geocode_status = 'matched' as is_matched,
        patient.patient_key,
        patient.site_code,
        patient.race_code,
        patient.language_code,
        patient.sex_code
    from {{ ref('int_address') }} as address
    inner join {{ ref('int_patient') }} as patient on address.patient_key = patient.patient_key
    where address.geocode_status is not null

),

at_end as (

    select
        period.grain,
        period.period_starts_on,
        homes.is_matched,
        homes.site_code,
        homes.race_code,
        homes.language_code,
        homes.sex_code
    from homes
    inner join {{ ref('dim_period') }} as period
        on period.period_ends_on between homes.starts_on and homes.ends_on and period.grain in ('quarter', 'year')
    inner join {{ ref('pop_t1d') }} as population
        on
            homes.patient_key = population.patient_key
            and period.period_ends_on between population.starts_on and population.ends_on

)

select
    site.site,
    at_end.grain,
    at_end.period_starts_on,
    member.stratifier,
    member.stratum,
    count(*) as n,
    count(*) filter (where at_end.is_matched) as n_matched
from at_end
inner join {{ ref('int_stratum__member') }} as member
    on
        member.code_2 = -1
        and member.code = case member.dimension
            when 'race' then at_end.race_code when 'language' then at_end.language_code
            when 'sex' then at_end.sex_code
        end
inner join {{ ref('dim_site') }} as site on site.site_code in (at_end.site_code, -1)
group by site.site, at_end.grain, at_end.period_starts_on, member.stratifier, member.stratum
