{#
The columns' values stand in another table: returns the combinations that do not. `other_columns` when they have other
names there; `only` narrows the rows that are looked at.
#}
{% test found_in(model, columns, other, other_columns=none, only='true') %}
select distinct {{ columns | join(', ') }}
from {{ model }} as this
where
    {{ only }}
    and not exists (
        select 1
        from {{ other }} as that
        where
            {%- for column in columns %}
            {{ 'and ' if not loop.first }}this.{{ column }} = that.{{ (other_columns or columns)[loop.index0] }}
            {%- endfor %}
    )
{% endtest %}
