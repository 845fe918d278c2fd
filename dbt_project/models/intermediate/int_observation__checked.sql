with repeats as (

    {{ repeated_keys(ref('stg_registry__observations'), ['observation_id'], same_content(
        ['patient_id', 'result_code', 'unit', 'value_number', 'observed_on'])) }}

),

judged as (

    select
        patient.patient_key,
        staged.observed_on,
        run.window_starts_on,
        code.code is not null as is_hba1c,
        case
            when code.code is null then null
            when lower(coalesce(staged.unit, code.default_unit)) = 'mmol/mol' then 0.0915 * staged.value_number + 2.15
            else staged.value_number
        end as hba1c_pct,
        coalesce(
            staged.row_fault,
            repeats.repeat_fault,
            {{ patient_fault('staged.observed_on', 'observed_on') }},
            case
                when staged.resulted_on < staged.observed_on then 'resulted_on is before observed_on'
                when staged.resulted_on > run.as_of then 'resulted_on is in the future'
            end,
            case
                when code.code is null then null
                when staged.is_value_limit then 'HbA1c value is a limit, not a number; map it in a mapping file'
                when staged.value_number is null then 'HbA1c value is not a number'
                when lower(coalesce(staged.unit, code.default_unit)) not in ('%', 'mmol/mol')
                    then 'HbA1c unit is neither % nor mmol/mol'
            end
        ) as fault,
        staged.source_name,
        staged._source_file,
        staged._source_row
    from {{ ref('stg_registry__observations') }} as staged
    cross join {{ source('raw', 'run') }} as run
    left join {{ ref('int_patient__accepted') }} as patient
        on staged.patient_id = patient.patient_id and staged.source_name = patient.source_name
    left join {{ ref('hba1c_codes') }} as code on staged.result_code = code.code
    left join repeats
        on
            staged.source_name = repeats.source_name
            and staged._source_file = repeats._source_file
            and staged._source_row = repeats._source_row

),

final as (

    select
        patient_key,
        observed_on,
        {{ month_number('observed_on', 'window_starts_on') }} as month_number,
        is_hba1c,
        case when hba1c_pct between 3.0 and 20.0 then cast(round(hba1c_pct * 10) as integer) end as hba1c_tenths,
        coalesce(
            fault,
            case when hba1c_pct not between 3.0 and 20.0 then 'HbA1c is outside 3 to 20 %' end
        ) as quarantine_reason,
        source_name,
        case when fault is not null or hba1c_pct not between 3.0 and 20.0 then _source_file end as _source_file,
        case when fault is not null or hba1c_pct not between 3.0 and 20.0 then _source_row end as _source_row
    from judged

)

select * from final
