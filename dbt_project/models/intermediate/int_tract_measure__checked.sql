with ranked as (

    select
        *,
        row_number() over (
            partition by tract_geoid, tract_vintage, area_measure, category, row_fault
            order by data_year desc, source_name asc, _source_file asc, _source_row asc
        ) as recency,
        count(*) over (
            partition by source_name, tract_geoid, tract_vintage, data_year, area_measure, category, row_fault
        ) as n_same
    from {{ ref('stg_area__tract_measures') }}

),

final as (

    select
        source_name,
        tract_geoid,
        tract_vintage,
        data_year,
        area_measure,
        category,
        direction,
        area_value,
        area_level,
        moe,
        is_unreliable,
        area_measure || case when category <> '' then ' ' || category else '' end || ': ' || coalesce(
            row_fault,
            case when n_same > 1 then 'tract stands twice in one area file' end,
            case when recency > 1 then 'a newer area file covers the tract' end
        ) as quarantine_reason,
        _source_file,
        _source_row
    from ranked

)

select * from final
