with repeats as (

    {{ repeated_keys(ref('stg_registry__patients'), ['patient_id'], same_content(
        ['site', 'sex_code', 'birth_date', 'enrolled_on', 'left_on', 'death_date'])) }}

),

judged as (

    select
        staged.*,
        coalesce(identity.person_source, staged.source_name) as person_source,
        coalesce(identity.person_id, staged.patient_id) as person_id,
        identity.person_id is not null as is_linked,
        coalesce(
            staged.row_fault,
            repeats.repeat_fault,
            case when staged.birth_date > run.as_of then 'birth_date is in the future' end,
            case when staged.enrolled_on > run.as_of then 'enrolled_on is in the future' end,
            case when identity.is_birth_date_contradicted then 'birth_date differs between linked records' end
        ) as quarantine_reason
    from {{ ref('stg_registry__patients') }} as staged
    cross join {{ source('raw', 'run') }} as run
    left join repeats using (source_name, _source_file, _source_row)
    left join {{ ref('int_identity') }} as identity
        on staged.patient_id = identity.patient_id and staged.source_name = identity.record_source

),

final as (

    select
        source_name,
        patient_id,
        person_source,
        person_id,
        is_linked,
        case
            when quarantine_reason is null
                then cast(dense_rank() over (
                    partition by quarantine_reason order by person_source, person_id
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
