{#
A cell is one combination of all stratifier values. Its key packs their small codes into one integer, so that no row has
to be joined to learn its cell; every code can be read back out of the key.
#}

{# Code name and how many codes it may have, from the most to the least significant. #}
{% macro cell_parts() %}
    {{ return([
        ('race', 512), ('language', 16), ('sex', 8), ('site', 4096), ('age_band', 16), ('payer', 16),
        ('poverty_quintile', 8), ('deprivation_quintile', 8)
    ]) }}
{% endmacro %}

{# The key's share of the given codes: {code name: SQL expression}; names not given count as 0. #}
{% macro cell_key(codes) -%}
    {%- set ns = namespace(weight=1, terms=[]) -%}
    {%- for name, size in cell_parts() | reverse -%}
        {%- if name in codes -%}
            {%- do ns.terms.append('cast(' ~ codes[name] ~ ' as bigint) * ' ~ ns.weight) -%}
        {%- endif -%}
        {%- set ns.weight = ns.weight * size -%}
    {%- endfor -%}
    ({{ ns.terms | join(' + ') }})
{%- endmacro %}

{# The code of `name` inside a key. #}
{% macro cell_code(name, key='cell_key') -%}
    {%- set ns = namespace(weight=1, found=none) -%}
    {%- for part, size in cell_parts() | reverse -%}
        {%- if part == name -%}{%- set ns.found = (ns.weight, size) -%}{%- endif -%}
        {%- set ns.weight = ns.weight * size -%}
    {%- endfor -%}
    cast({{ int_div(key, ns.found[0]) }} % {{ ns.found[1] }} as integer)
{%- endmacro %}
