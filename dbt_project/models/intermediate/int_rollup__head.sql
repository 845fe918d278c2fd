{{ roll_up(ref('int_cell__head_change'), ['population', 'month_number'], ['n_patients']) }}  -- noqa: PRS
