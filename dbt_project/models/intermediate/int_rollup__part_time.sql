{{ roll_up(ref('int_cell__part_time'), ['population', 'grain', 'block'], ['n_leavers', 'd', 'dd']) }}  -- noqa: PRS
