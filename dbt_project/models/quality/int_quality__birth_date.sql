{# A record has no period: each period gets the same share of patient records with a usable birth date. #}
with records as (

    select
        case when site = '' then 'not_recorded' else site end as site,
        count(birth_date) as n_known,
        count(*) as n
    from {{ ref('int_patient__checked') }}
    group by site

),

every_site as (

    select site, n_known, n from records
    union all
    select 'all', sum(n_known), sum(n) from records

)

select
    site.site,
    period.grain,
    period.period_starts_on,
    'completeness' as metric,
    every_site.n_known / cast(every_site.n as double) as value,
    every_site.n
from every_site
inner join {{ ref('dim_site') }} as site on every_site.site = site.site
cross join {{ ref('dim_period') }} as period
where every_site.n > 0
