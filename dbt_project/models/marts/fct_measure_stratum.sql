with measured as (

    select * from {{ ref('int_stratum__state_measure') }}
    union all
    select * from {{ ref('int_stratum__rate_measure') }}

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
        -- where no site is recorded for anybody, "not recorded" would say everything twice
        and (site.site <> 'not_recorded' or (select count(*) from {{ ref('dim_site') }}) > 2)

)

select * from final
