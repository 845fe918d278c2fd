{#- Months are small integers counted from the first month of the window, so that spans are pairs of integers. -#}

{% macro int_div(a, b) %}{{ return(adapter.dispatch('int_div', 'equity')(a, b)) }}{% endmacro %}
{% macro default__int_div(a, b) %}cast(floor(({{ a }}) / {{ b }}.0) as integer){% endmacro %}
{% macro duckdb__int_div(a, b) %}(({{ a }}) // {{ b }}){% endmacro %}

{# Month number of a date, counted from the window's first month (0); negative before it. #}
{% macro month_number(day, first_day) -%}
    cast((year({{ day }}) - year({{ first_day }})) * 12 + month({{ day }}) - month({{ first_day }}) as integer)
{%- endmacro %}

{# A date in text or typed form, NULL where it is not one. ISO timestamps count with their date. #}
{% macro safe_date(column) %}{{ return(adapter.dispatch('safe_date', 'equity')(column)) }}{% endmacro %}
{% macro default__safe_date(column) %}try_cast(substr(cast({{ column }} as varchar), 1, 10) as date){% endmacro %}
{% macro duckdb__safe_date(column) %}try_cast({{ column }} as date){% endmacro %}

{# Whole days since 1900-01-01, to order things and to pack them into one integer. #}
{% macro day_number(day) -%}
    {{ dbt.datediff("cast('1900-01-01' as date)", day, 'day') }}
{%- endmacro %}

{# `day` plus a number of days or years, as a date. #}
{% macro plus_days(day, days) -%}
    cast({{ dbt.dateadd('day', days, day) }} as date)
{%- endmacro %}
{% macro plus_years(day, years) -%}
    cast({{ dbt.dateadd('year', years, day) }} as date)
{%- endmacro %}

{#
The grains and their length in months. Blocks of months are counted so that the last one ends with the window; months
that do not fill a first block are left out of that grain.
#}
{% macro grains() %}{{ return([('month', 1), ('quarter', 3), ('year', 12)]) }}{% endmacro %}
{% macro plus_months(day, months) -%}
    cast({{ dbt.dateadd('month', months, day) }} as date)
{%- endmacro %}

{# Number of months in the window of raw.run. #}
{% macro months_in_window() %}{{ return(adapter.dispatch('months_in_window', 'equity')()) }}{% endmacro %}
{% macro default__months_in_window() %}{{ dbt.datediff('window_starts_on', 'window_ends_on', 'month') }} + 1{% endmacro %}
{% macro duckdb__months_in_window() %}date_diff('month', window_starts_on, window_ends_on) + 1{% endmacro %}
