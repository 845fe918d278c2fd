{#- Why what a geocoder found for an address cannot be used; NULL where it can, or where no geocoder was asked. -#}
{% macro geocode_fault() -%}
{%- set words = {
    'imprecise': 'matched less precisely than a street', 'low_score': 'matched with too low a score',
    'no_match': 'no match', 'tie': 'several places match equally well', 'no_tract': 'matched, but to no tract',
    'no_answer': 'the geocoder gave no answer', 'po_box': 'a post office box is no home',
    'institution': 'the address of an institution or of foster care is no home',
    'not_an_address': 'the text is no address'
} %}
        case
            when geocode_status is null or geocode_status = 'matched' then null
            {%- for status, reason in words.items() %}
            when geocode_status = '{{ status }}' then 'address unusable: {{ reason }}'
            {%- endfor %}
            else 'address unusable: the geocoder said something unknown'
        end
{%- endmacro %}
