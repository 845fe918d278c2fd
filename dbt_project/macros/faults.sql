{#- A row that cannot be used keeps its reason in words. Reasons name the column and the rule, never the value. -#}

{# The first of `columns` that holds something which is not a date; NULL when all can be read. #}
{% macro unreadable_dates(columns) -%}
    case
        {%- for column in columns %}
            when {{ column }} is not null and {{ safe_date(column) }} is null then '{{ column }}'
        {%- endfor %}
        end
{%- endmacro %}

{# Whether `column` is text of exactly `length` digits. #}
{% macro all_digits(column, length) %}{{ return(adapter.dispatch('all_digits', 'equity')(column, length)) }}{% endmacro %}
{% macro default__all_digits(column, length) %}({{ column }} rlike '^[0-9]{% raw %}{{% endraw %}{{ length }}{% raw %}}{% endraw %}$'){% endmacro %}
{% macro duckdb__all_digits(column, length) %}regexp_full_match({{ column }}, '[0-9]{% raw %}{{% endraw %}{{ length }}{% raw %}}{% endraw %}'){% endmacro %}

{# An ICD-10 code in upper case with its dot, which billing systems leave out: E1010 is E10.10. Other codes stay. #}
{% macro icd_dotted(code) -%}
    case
            when {{ is_undotted_icd(code) }} then substr({{ code }}, 1, 3) || '.' || substr({{ code }}, 4) else {{ code }}
        end
{%- endmacro %}
{% macro is_undotted_icd(code) %}{{ return(adapter.dispatch('is_undotted_icd', 'equity')(code)) }}{% endmacro %}
{% macro default__is_undotted_icd(code) %}({{ code }} rlike '^[A-Z][0-9][0-9A-Z][0-9A-Z]{% raw %}{1,4}{% endraw %}$'){% endmacro %}
{% macro duckdb__is_undotted_icd(code) %}regexp_full_match({{ code }}, '[A-Z][0-9][0-9A-Z][0-9A-Z]{% raw %}{1,4}{% endraw %}'){% endmacro %}

{#
Rows of `relation` whose key stands more than once, with the reason to set them aside: identical repeats give way to
the first of them; repeats that differ cannot be decided and are all set aside.
#}
{% macro repeated_keys(relation, key, payload) -%}
{%- set keys = (['source_name'] + key) | join(', ') %}
{%- set label = key | join(' and ') %}
    select
        source_name,
        _source_file,
        _source_row,
        case
            when min({{ payload }}) over (partition by {{ keys }}) <> max({{ payload }}) over (partition by {{ keys }})
                then '{{ label }} stands on several rows that differ'
            when row_number() over (partition by {{ keys }} order by _source_file, _source_row) > 1
                then '{{ label }} repeats an earlier row'
        end as repeat_fault
    from {{ relation }}
    where
        row_fault is null
        and {{ hash_of(keys) }} in (
            -- a row with a fault of its own may bring a candidate more, which then stands alone
            select {{ hash_of(keys) }} from {{ relation }}
            group by 1
            having count(*) > 1
        )
{%- endmacro %}

{#
A hash of the columns: it narrows down which keys can repeat, and a key is then compared itself. Half of 64 bits is
enough for that, and grouping by four bytes costs a quarter less.
#}
{% macro hash_of(columns) %}{{ return(adapter.dispatch('hash_of', 'equity')(columns)) }}{% endmacro %}
{% macro default__hash_of(columns) %}xxhash64({{ columns }}){% endmacro %}
{% macro duckdb__hash_of(columns) %}cast(hash({{ columns }}) >> 32 as uinteger){% endmacro %}

{# One text of all `columns`, to tell whether two rows say the same. #}
{% macro same_content(columns) -%}
    concat_ws('|'{% for column in columns %}, coalesce(cast({{ column }} as varchar), '?'){% endfor %})
{%- endmacro %}

{# Why a row does not fit its patient (`patient`, left-joined) and the day the data are looked at (`run`). #}
{% macro patient_fault(day, column) -%}
    case
                when patient.patient_key is null then 'patient_id has no patient row that is used'
                when {{ day }} < patient.birth_date then '{{ column }} is before birth'
                when {{ day }} > run.as_of then '{{ column }} is in the future'
            end
{%- endmacro %}

{# Whether `text` begins with any of the prefixes in the list column `prefixes`. #}
{% macro starts_with_any(text, prefixes) -%}
    len(list_filter({{ prefixes }}, lambda prefix: starts_with({{ text }}, prefix))) > 0
{%- endmacro %}
