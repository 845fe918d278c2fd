{# How completely each field is recorded, and why it is not, among the population at the end of each period. #}
{%- set reasons = ['not_asked', 'asked_unknown', 'declined', 'unmapped', 'conflict', 'not_recorded', 'no_address',
                   'tract_not_in_area_file', 'area_value_missing'] -%}
{%- set always = ['not_asked', 'asked_unknown', 'declined', 'conflict'] -%}
with totals as (

    select
        field,
        site,
        grain,
        period_starts_on,
        sum(n_patients) as n,
        sum(n_patients) filter (where not is_missing) as n_known,
        {%- for reason in reasons %}
        sum(n_patients) filter (where missing_reason = '{{ reason }}') as n_{{ reason }},
        {%- endfor %}
        sum(n_patients) filter (where stratum = 'OTHER') as n_other
    from {{ ref('int_quality__head') }}
    group by field, site, grain, period_starts_on

)

select
    field, site, grain, period_starts_on, 'completeness' as metric,
    coalesce(n_known, 0) / cast(n as double) as value, n
from totals
where n > 0
{%- for reason in reasons %}
union all
select field, site, grain, period_starts_on, 'missing_{{ reason }}', n_{{ reason }} / cast(n as double), n
from totals
where n > 0 and n_{{ reason }} {{ 'is not null' if reason in always else '> 0' }}
{%- endfor %}
union all
select field, site, grain, period_starts_on, 'conflict_share', n_conflict / cast(n as double), n
from totals
where n > 0 and n_conflict is not null
union all
select field, site, grain, period_starts_on, 'other_share', coalesce(n_other, 0) / cast(n as double), n
from totals
where n > 0 and field = 'race_ethnicity'
