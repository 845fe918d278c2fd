select
    min(row_no) as row_no,
    false as is_cut,
    {'resourceType': 'Organization', 'id': replace(site_id, '_', '-'), 'active': true, 'name': site_id} as resource
from patients
where site_id is not null
group by site_id
