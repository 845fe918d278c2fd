{{ roll_up(ref('int_cell__event'), ['measure_id', 'grain', 'block'], ['y', 'yy', 'yd']) }}  -- noqa: PRS
