{# One combination of all stratifier values, decoded from its key. #}
{{ config(materialized='view') }}
{%- set dimensions = ['language', 'sex', 'age_band', 'payer', 'poverty_quintile', 'deprivation_quintile'] -%}
{%- set strata, rollups = ref('strata'), ref('int_race__rollup') -%}
with cells as (

    select distinct cell_key from {{ ref('int_cell__head_change') }}
    union
    select distinct cell_key from {{ ref('int_cell__part_time') }}

),

decoded as (

    select
        cell_key,
        {{ cell_code('site') }} as site_code,
        {%- for dimension in dimensions %}
        {{ cell_code(dimension) }} as {{ dimension }}_code,
        {%- endfor %}
        {{ cell_code('race') }} as race_code
    from cells

)

select
    decoded.cell_key,
    site.site,
    {%- for dimension in dimensions %}
    {{ dimension }}.stratum as {{ dimension }},
    {%- endfor %}
    multi.stratum as race_omb2024_multi,
    freq.stratum as race_omb2024_freq,
    hispanic_first.stratum as race_omb1997_hispanic_first
from decoded
inner join {{ ref('dim_site') }} as site on decoded.site_code = site.site_code
{%- for name in ['multi', 'freq', 'hispanic_first'] %}
inner join {{ rollups }} as {{ name }}
    on
        decoded.race_code = {{ name }}.race_code
        and {{ name }}.stratifier = '{{ 'race_omb1997_' if name == 'hispanic_first' else 'race_omb2024_' }}{{ name }}'
{%- endfor %}
{%- for dimension in dimensions %}
inner join {{ strata }} as {{ dimension }}
    on {{ dimension }}.dimension = '{{ dimension }}' and decoded.{{ dimension }}_code = {{ dimension }}.code
{%- endfor %}
