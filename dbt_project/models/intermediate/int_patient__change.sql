{#
Address and insurance arrive as integers that grow with their starting day (days times 64, plus the code), so that the
largest of them is the latest. Days before 1900 stand for "since ever". An end counts as the start of nothing (code 0).
#}
{{ config(materialized='ephemeral') }}
{%- set base = ref('int_patient__month') -%}
{%- set starts_on = "greatest(span.holds_from, cast('1900-01-01' as date))" -%}
{%- set turns_on = plus_years('base.birth_date', 'band.from_years') -%}
with area as (

    select patient_key, starts_on as holds_from, poverty_quintile * 8 + deprivation_quintile as code
    from {{ ref('int_address') }}
    union all
    select patient_key, {{ plus_days('ends_on', 1) }}, 0
    from {{ ref('int_address') }}
    where ends_on is not null

),

payer as (

    select patient_key, starts_on as holds_from, payer_code as code
    from {{ ref('int_coverage') }}
    union all
    select patient_key, {{ plus_days('ends_on', 1) }}, 0
    from {{ ref('int_coverage') }}
    where ends_on is not null

)

select patient_key, month_from as month_number, 0 as area_pack, 0 as payer_pack, 0 as age_code
from {{ base }}
union all
select
    base.patient_key,
    {{ month_number('span.holds_from', 'base.window_starts_on') }},
    {{ day_number(starts_on) }} * 64 + span.code, 0, 0
from {{ base }} as base
inner join area as span on base.patient_key = span.patient_key
union all
select
    base.patient_key,
    {{ month_number('span.holds_from', 'base.window_starts_on') }},
    0, {{ day_number(starts_on) }} * 64 + span.code, 0
from {{ base }} as base
inner join payer as span on base.patient_key = span.patient_key
union all
select base.patient_key, {{ month_number(turns_on, 'base.window_starts_on') }}, 0, 0, band.code
from {{ base }} as base
cross join {{ ref('age_bands') }} as band
