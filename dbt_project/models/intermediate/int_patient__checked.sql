with staged as (

    select * from {{ ref('stg_registry__patients') }}

),

repeats as (

    {{ repeated_keys(ref('stg_registry__patients'), ['patient_id'], same_content(
        ['site', 'sex_code', 'birth_date', 'enrolled_on', 'left_on', 'death_date'])) }}

),

judged as (

    select
        staged.*,
        coalesce(
            staged.row_fault,
            repeats.repeat_fault,
            case when staged.birth_date > run.as_of then 'birth_date is in the future' end,
            case when staged.enrolled_on > run.as_of then 'enrolled_on is in the future' end
        ) as quarantine_reason
    from staged
    cross join {{ source('raw', 'run') }} as run
    left join repeats using (source_name, _source_file, _source_row)

),

final as (

    select
        source_name,
        patient_id,
        case
            when quarantine_reason is null
                then cast(row_number() over (
                    partition by quarantine_reason order by source_name, patient_id
                ) as integer)
        end as patient_key,
        site,
        sex_code,
        birth_date,
        enrolled_on,
        left_on,
        death_date,
        quarantine_reason,
        _source_file,
        _source_row
    from judged

)

select * from final
