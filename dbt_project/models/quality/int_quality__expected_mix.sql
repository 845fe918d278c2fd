{{ config(materialized='view') }}

with shares as (

    select
        tract_geoid,
        tract_vintage,
        case category when 'hispanic' then 'HISP' when 'multiple' then 'MULTI' else upper(category) end as stratum,
        area_value / nullif(sum(area_value) over (partition by tract_geoid, tract_vintage), 0) as share
    from {{ ref('int_tract_measure') }}
    where area_measure = 'children_by_race'

)

select
    site.site,
    head.grain,
    head.period_starts_on,
    shares.stratum,
    sum(head.n_patients * shares.share) as n_expected
from {{ ref('int_tract__head') }} as head
inner join shares using (tract_geoid, tract_vintage)
inner join {{ ref('dim_site') }} as site on site.site_code in (head.site_code, -1)
group by site.site, head.grain, head.period_starts_on, shares.stratum
