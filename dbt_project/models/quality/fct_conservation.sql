{# Rows in = rows used + rows quarantined, per source and table. #}
{%- set tables = {
    'patients': ref('int_patient__checked'), 'race_ethnicity': ref('int_race_ethnicity__checked'),
    'languages': ref('int_language__checked'), 'addresses': ref('int_address__checked'),
    'coverage': ref('int_coverage__checked'), 'encounters': ref('int_encounter__checked'),
    'conditions': ref('int_condition__checked'), 'observations': ref('int_observation__checked'),
    'tract_measures': ref('int_tract_measure__checked'), 'identity_map': ref('int_identity__checked')
} %}
with used as (
    {% for table_name, checked in tables.items() %}
    select '{{ table_name }}' as table_name, source_name, count(*) as rows_used
    from {{ checked }}
    where quarantine_reason is null
    group by source_name
    union all
    {%- endfor %}
    select 'tract_crosswalk', source_name, count(*)  -- taken whole or not at all
    from {{ ref('stg_area__tract_crosswalk') }}
    group by source_name

),

quarantined as (

    select table_name, source_name, count(*) as rows_quarantined
    from {{ ref('quarantine') }}
    group by table_name, source_name

),

pulled as (

    select table_name, source_name, sum(rows_in) as rows_in
    from {{ source('raw', 'pull') }}
    group by table_name, source_name

)

select
    table_name,
    source_name,
    cast(coalesce(pulled.rows_in, 0) as bigint) as rows_in,
    cast(coalesce(used.rows_used, 0) as bigint) as rows_used,
    cast(coalesce(quarantined.rows_quarantined, 0) as bigint) as rows_quarantined
from pulled
full join used using (table_name, source_name)
full join quarantined using (table_name, source_name)
