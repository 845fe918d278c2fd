with sites as (

    select distinct site, site_code from {{ ref('int_patient') }}

)

select
    case when site = '' then 'not_recorded' else site end as site,
    case when site = '' then 'Site not recorded' else site end as site_label,
    site_code,
    site_code + 1 as sort_order
from sites
union all
select 'all', 'All sites', -1, 0
