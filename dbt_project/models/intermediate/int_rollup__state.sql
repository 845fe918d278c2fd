{{ roll_up(ref('int_cell__state_change'), ['population', 'month_number'], state_sums()) }}  -- noqa: PRS
