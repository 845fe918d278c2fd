{{ config(materialized='view') }}
{#
How far what is known of the children's neighborhoods can be trusted: addresses that were placed, the largest difference
in that between groups of race and ethnicity of at least 30 children, and children in tracts whose poverty estimate is
unreliable.
#}
with groups as (

    select
        geocode.site,
        geocode.grain,
        geocode.period_starts_on,
        geocode.stratifier,
        geocode.n,
        geocode.n_matched / cast(geocode.n as double) as match_rate
    from {{ ref('int_quality__geocode') }} as geocode
    left join {{ ref('dim_stratum') }} as label
        on geocode.stratifier = label.stratifier and geocode.stratum = label.stratum
    where
        geocode.stratifier = 'overall'
        or (geocode.stratifier = 'race_omb2024_multi' and geocode.n >= 30 and not label.is_missing)

),

reliable as (

    select
        site.site,
        head.grain,
        head.period_starts_on,
        sum(head.n_patients) as n,
        sum(head.n_patients) filter (where tract.is_poverty_unreliable) as n_unreliable
    from {{ ref('int_tract__head') }} as head
    inner join {{ ref('int_tract') }} as tract
        on
            head.tract_geoid = tract.tract_geoid and head.tract_vintage = tract.tract_vintage
            and tract.is_poverty_unreliable is not null
    inner join {{ ref('dim_site') }} as site on site.site_code in (head.site_code, -1)
    group by site.site, head.grain, head.period_starts_on

)

select 'address' as field, site, grain, period_starts_on, 'geocode_match_rate' as metric, match_rate as value, n
from groups
where stratifier = 'overall'
union all
select
    'address', site, grain, period_starts_on, 'geocode_match_difference', max(match_rate) - min(match_rate), sum(n)
from groups
where stratifier = 'race_omb2024_multi'
group by site, grain, period_starts_on
having count(*) > 1
union all
select
    'address', site, grain, period_starts_on, 'area_unreliable_share', coalesce(n_unreliable, 0) / cast(n as double), n
from reliable
where n > 0
