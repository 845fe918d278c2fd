{%- set months, periods = ref('int_stratum__month'), ref('dim_period') -%}
with state_measures as (
    {% for measure in measures('state') %}
    {%- set d = 'n_state' if measure.denominator == 'tested' else 'n_patients' %}
    {%- set y = 'y_' ~ measure.measure_id %}
    {%- set y = d ~ ' - ' ~ y if measure.counts_complement else y %}
    {%- set yy = y if measure.kind == 'proportion' else 'y' ~ y %}
    select
        '{{ measure.measure_id }}' as measure_id, period.grain, period.period_starts_on, site_code,
        stratifier, stratum, stratum_2,
        {{ d }} as n_patients, {{ y }} as numerator, {{ d }} as denominator,
        {{ yy }} as sum_yy, {{ y }} as sum_yd, {{ d }} as sum_dd
    from {{ months }} as stratum_month
    inner join {{ periods }} as period on stratum_month.month_number = period.last_month_number
    where
        population = '{{ measure.population }}'
        and period.grain in ({% for grain in measure.grains %}'{{ grain }}'{{ ', ' if not loop.last }}{% endfor %})
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

rate_measures as (

    select
        measure.measure_id, period.grain, period.period_starts_on, member.site_code,
        member.stratifier, member.stratum, member.stratum_2,
        member.n_patients, coalesce(event.y, 0) as numerator, member.sum_d as denominator,
        coalesce(event.yy, 0) as sum_yy, coalesce(event.yd, 0) as sum_yd, member.sum_dd
    from {{ ref('int_stratum__person_time') }} as member
    inner join {{ ref('dim_measure') }} as measure
        on
            measure.kind = 'rate'
            and member.population = measure.population
            and (',' || measure.grains || ',') like ('%,' || member.grain || ',%')
    inner join {{ periods }} as period
        on member.grain = period.grain and member.block = period.period_index
    left join {{ ref('int_stratum__event') }} as event
        on
            measure.measure_id = event.measure_id
            and member.grain = event.grain
            and member.block = event.block
            and member.site_code = event.site_code
            and member.stratifier = event.stratifier
            and member.stratum = event.stratum
            and member.stratum_2 = event.stratum_2

),

measured as (

    select * from state_measures
    union all
    select * from rate_measures

),

final as (

    select
        measured.measure_id,
        measured.grain,
        measured.period_starts_on,
        site.site,
        measured.stratifier,
        measured.stratum,
        case when measured.stratum_2 = '' then '' else 'poverty_quintile' end as stratifier_2,
        measured.stratum_2,
        measured.n_patients,
        measured.numerator,
        measured.denominator,
        measured.sum_yy,
        measured.sum_yd,
        measured.sum_dd
    from measured
    inner join {{ ref('dim_site') }} as site on measured.site_code = site.site_code
    inner join {{ ref('stratifiers') }} as stratifier on measured.stratifier = stratifier.stratifier
    where
        case when measured.site_code = -1 then stratifier.grains else coalesce(stratifier.site_grains, '') end
        like '%' || measured.grain || '%'

)

select * from final
