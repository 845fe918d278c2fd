"""Writes a generated registry as FHIR R4 resources in NDJSON files, one per resource type, column by column in SQL.

What FHIR has no place for is left out: an address of a person who is not there. Everything else that the tables say,
unusable rows included, is in the resources.
"""

from __future__ import annotations

from importlib.resources import files as package_files
from pathlib import Path

import duckdb

from orchestration.synthetic.layout import TABLES

RESOURCES = (
    *("Organization", "Patient", "EpisodeOfCare", "Provenance"),
    *("Coverage", "Condition", "Encounter", "Observation"),
)
# A line with more fields than columns becomes a resource that was cut while it was written.
_EXTRA = ("extra_1", "extra_2")
_SHARED = """
create macro nulled(code) as {
    'url': 'ombCategory',
    'valueCoding': {'system': 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor', 'code': code},
    'valueString': cast(null as varchar)
};
create macro texted(words) as {
    'url': 'text', 'valueCoding': cast(null as struct(system varchar, code varchar)), 'valueString': words
};
create macro coded(system, code) as {'coding': [{'system': system, 'code': code}], 'text': cast(null as varchar)};
create macro informant(capture_method, patient_id) as case capture_method
    when 'self' then {'reference': 'Patient/' || patient_id, 'display': cast(null as varchar)}
    when 'proxy' then {'reference': 'RelatedPerson/' || patient_id || '-family', 'display': null}
    when 'observed' then {'reference': 'Practitioner/front-desk', 'display': null}
    else {'reference': cast(null as varchar), 'display': 'not recorded'}
end;
create view first_answer as
    select patient_id, arg_min(recorded_on, row_no) as recorded_on, arg_min(capture_method, row_no) as capture_method
    from race_ethnicity
    where source_system = 'ehr'
    group by patient_id;
create view race_in_patient as
    select answer.*
    from race_ethnicity as answer
    inner join first_answer using (patient_id, recorded_on, capture_method)
    where answer.source_system = 'ehr' and patient_id in (select patient_id from patients where not is_cut);
create view language_in_patient as
    select *
    from languages
    where
        language is not null
        and patient_id in (select patient_id from patients where not is_cut)
        and patient_id in (select patient_id from languages group by patient_id having count(*) = 1);
"""
_PLAIN = r"format csv, header false, quote '', escape '', delimiter '\0'"
# JSON has no place for what is not known: absent elements are left out.
_LINE = r"""
select case when is_cut then left(line, length(line) // 2) else line end as line
from (
    select row_no, is_cut, regexp_replace(regexp_replace(
        cast(to_json(resource) as varchar), '"[A-Za-z]+":(null|\[\]|\{{"start":null,"end":null\}}),?', '', 'g'
    ), ',\}}', '}}', 'g') as line
    from ({select})
)
order by row_no
"""


def write_fhir(tables: Path, directory: Path) -> None:
    """Rewrite the CSV tables in the folder `tables` as `<Type>.ndjson` in `directory`."""
    con = duckdb.connect(config={"temp_directory": str(tables)})
    try:
        for table in TABLES:
            _read(con, table, tables / f"{table}.csv")
        con.execute(_SHARED)
        for resource in RESOURCES:
            name = f"fhir_resources/{resource}.sql"
            select = (package_files("orchestration.synthetic") / name).read_text(encoding="utf-8")
            target = _text(directory / f"{resource}.ndjson")
            con.execute(f"copy ({_LINE.format(select=select)}) to {target} ({_PLAIN})")
    finally:
        con.close()


def _read(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    names = [*(column.name for column in TABLES[table]), *_EXTRA]
    columns = "{" + ", ".join(f"'{name}': 'VARCHAR'" for name in names) + "}"
    con.execute(
        f"""create table {table} as
        select row_number() over () as row_no, {_EXTRA[0]} is not null as is_cut, * exclude ({", ".join(_EXTRA)})
        from read_csv({_text(path)}, columns = {columns}, auto_detect = false, header = true, delim = ',', quote = '',
            escape = '', null_padding = true, parallel = false)"""
    )


def _text(path: Path) -> str:
    return "'" + str(path.absolute()).replace("'", "''") + "'"
