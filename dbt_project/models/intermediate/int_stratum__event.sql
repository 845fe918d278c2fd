{{ to_strata(ref('int_rollup__event'), ['measure_id', 'grain', 'block'], ['y', 'yy', 'yd']) }}  -- noqa: PRS
