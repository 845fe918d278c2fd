{{ config(materialized='view') }}

with shares as (

    select
        tract_geoid,
        tract_vintage,
        case category when 'hispanic' then 'HISP' when 'multiple' then 'MULTI' else upper(category) end as stratum,
        -- where one category is not known, the shares of the others are not either
        case
            when count(area_value) over of_tract = count(*) over of_tract
                then area_value / nullif(sum(area_value) over of_tract, 0)
        end as share
    from {{ ref('int_tract_measure') }}
    where area_measure = 'children_by_race'
    window of_tract as (partition by tract_geoid, tract_vintage)

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
where shares.share is not null
group by site.site, head.grain, head.period_starts_on, shares.stratum
