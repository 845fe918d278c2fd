{# A condition holds on every row: returns the rows on which it does not, or cannot be decided. #}
{% test holds(model, condition) %}
select *
from {{ model }}
where ({{ condition }}) is not true
{% endtest %}
