{{ roll_up(ref('int_cell__rate'), ['population', 'grain', 'block'], rate_sums()) }}
