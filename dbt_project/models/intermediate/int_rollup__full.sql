{{ roll_up(ref('int_cell__full_change'), ['population', 'grain', 'block'], ['n_full']) }}
