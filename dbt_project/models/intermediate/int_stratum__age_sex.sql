{# What standardising needs; crossings and the two groupings themselves have no use for it. #}
{%- set keys = ['measure_id', 'period_starts_on', 'age_code', 'sex_code'] -%}
{%- set sums = ['n_patients', 'sum_y', 'sum_d', 'sum_yy'] -%}
with cells as (

    select
        measure_id,
        period_starts_on,
        {{ cell_code('age_band') }} as age_code,
        {{ cell_code('sex') }} as sex_code,
        cell_key,
        n_patients,
        sum_y,
        sum_d,
        sum_yy
    from {{ ref('fct_measure_cell') }}

),

rolled as (

    {{ roll_up('cells', keys, sums) }}

),

strata as (

    {{ to_strata('rolled', keys, sums) }}

),

final as (

    select
        strata.measure_id,
        strata.period_starts_on,
        site.site,
        strata.stratifier,
        strata.stratum,
        standard.age_band,
        standard.sex,
        standard.weight,
        {{ sums | join(', ') }}
    from strata
    inner join {{ ref('dim_site') }} as site on strata.site_code = site.site_code
    inner join {{ ref('strata') }} as age on age.dimension = 'age_band' and strata.age_code = age.code
    inner join {{ ref('strata') }} as sex on sex.dimension = 'sex' and strata.sex_code = sex.code
    inner join {{ ref('standard_population') }} as standard
        on age.stratum = standard.age_band and sex.stratum = standard.sex
    where strata.stratifier not in ('age_band', 'sex', 'race_by_poverty')

)

select * from final
