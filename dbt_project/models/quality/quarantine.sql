{# Every row that could not be used, with its reason in words: from the pull and from the checks after it. #}
{%- set tables = {
    'patients': ref('int_patient__checked'), 'race_ethnicity': ref('int_race_ethnicity__checked'),
    'languages': ref('int_language__checked'), 'addresses': ref('int_address__checked'),
    'coverage': ref('int_coverage__checked'), 'encounters': ref('int_encounter__checked'),
    'conditions': ref('int_condition__checked'), 'observations': ref('int_observation__checked'),
    'tract_measures': ref('int_tract_measure__checked'), 'identity_map': ref('int_identity__checked')
} %}
{%- for table_name, checked in tables.items() %}
select
    source_name,
    '{{ table_name }}' as table_name,
    _source_file as source_file,
    _source_row as source_row,
    quarantine_reason as reason
from {{ checked }}
where quarantine_reason is not null
union all
{%- endfor %}
select
    source_name,
    table_name,
    source_file,
    source_row,
    reason
from {{ source('raw', 'rejects') }}
