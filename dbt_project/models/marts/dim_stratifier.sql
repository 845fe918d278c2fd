select
    stratifier,
    label,
    description,
    kind,
    is_ordered,
    is_exclusive,
    is_crossing,
    reference_rule,
    coalesce(quality_field, '') as quality_field,
    coalesce(disadvantaged_end, '') as disadvantaged_end,
    sort_order
from {{ ref('stratifiers') }}
