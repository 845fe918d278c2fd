"""A small warehouse with everything that the gate reads: sound data that pass, for tests to spoil in one place.

Three sites and all together; a year in months, quarters and as a whole; each field recorded for 97 % of 400 children
(sex and birth date for all).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

SITES = ("a", "b", "c", "all")
FIELDS = ("race_ethnicity", "language", "payer", "address", "sex", "birth_date", "hba1c")
MEASURES = (
    *("hba1c_above_9", "hba1c_below_7", "hba1c_mean", "hba1c_tested"),
    *("bed_days", "clinic_visits", "dka_admissions", "ed_visits", "severe_hypoglycaemia"),
)

_DIMENSIONS = """
create table dim_measure as
select measure_id, measure_id as title,
    case when measure_id = 'ed_visits' then 'events' else 'patients' end as counts_what,
    case when measure_id = 'ed_visits' then 'patient_months' else 'patients' end as denominator_unit,
    row_number() over () as sort_order
from (select unnest({measures}) as measure_id);

create table dim_stratifier as
select * from (values
    ('overall', 'Everyone', true, false, '', 0),
    ('race_omb2024_aoic', 'Race and ethnicity, alone or in combination', false, false, 'race_ethnicity', 1),
    ('race_omb2024_multi', 'Race and ethnicity, multiracial combined', true, false, 'race_ethnicity', 2),
    ('sex', 'Sex', true, false, 'sex', 3),
    ('poverty_quintile', 'Neighborhood poverty', true, false, 'address', 4),
    ('race_by_poverty', 'Race and ethnicity by neighborhood poverty', true, true, 'race_ethnicity', 5)
) as t (stratifier, label, is_exclusive, is_crossing, quality_field, sort_order);

create table dim_stratum as
select * from (values
    ('overall', 'all', 'Everyone', 0, false, ''),
    ('race_omb2024_aoic', 'ASIAN', 'Asian', 1, false, ''),
    ('race_omb2024_multi', 'ASIAN', 'Asian', 1, false, ''),
    ('race_omb2024_multi', 'declined', 'Chose not to answer', 9, true, 'declined'),
    ('sex', 'female', 'Female', 1, false, ''),
    ('poverty_quintile', 'q1', 'Lowest-poverty fifth', 1, false, '')
) as t (stratifier, stratum, label, sort_order, is_missing, missing_reason);

create table dim_site as
select * from (values ('all', 'All sites', 0), ('a', 'Site A', 1), ('b', 'Site B', 2), ('c', 'Site C', 3))
as t (site, site_label, sort_order);

create table dim_period as
with lengths as (select * from (values ('month', 1), ('quarter', 3), ('year', 12)) as t (grain, n)),
blocks as (select grain, n, unnest(range(12 // n)) as i from lengths)
select grain, cast(i as integer) as period_index,
    cast(date '2025-01-01' + to_months(cast(i * n as integer)) as date) as period_starts_on,
    cast(date '2025-01-01' + to_months(cast((i + 1) * n as integer)) - interval 1 day as date) as period_ends_on,
    grain || ' ' || (i + 1) as period_label, true as is_complete
from blocks;
"""

_FACTS = """
create table fct_measure_stratum as
select measure_id, grain, period_starts_on, site, stratifier, stratum,
    case when stratifier = 'race_by_poverty' then 'poverty_quintile' else '' end as stratifier_2,
    case when stratifier = 'race_by_poverty' then 'q1' else '' end as stratum_2,
    case when is_missing then 40 else 360 end as n_patients,
    case when is_missing then 12 else 108 end as numerator, case when is_missing then 40 else 360 end as denominator,
    0 as sum_yy, 0 as sum_yd, 0 as sum_dd
from dim_measure, dim_period, dim_site, (
    select stratifier, stratum, is_missing from dim_stratum
    union all select 'race_by_poverty', 'ASIAN', false
) as member
where stratifier <> 'race_by_poverty' or site = 'all';

create table fct_quality as
select field, site, grain, period_starts_on, '' as measure_id, '' as stratifier, '' as stratum, metric,
    cast(case when field in ('sex', 'birth_date') and metric = 'completeness' then 1 else value end as double) as value,
    cast(400 as bigint) as n
from dim_site, dim_period, (select unnest({fields}) as field),
    (values ('completeness', 0.97), ('psi', 0.01)) as t (metric, value)
union all
select 'encounters', site, grain, period_starts_on, '', '', '', 'periods_with_records', 1.0, 400
from dim_site, dim_period
union all
select 'race_ethnicity', site, grain, period_starts_on, 'hba1c_above_9', '', '', metric, value, 120
from dim_site, dim_period, (
    values ('differential_missing_rd', 0.0), ('differential_missing_low', -0.06), ('differential_missing_high', 0.06)
) as t (metric, value);

create table fct_structure as
select * from (values
    ('rows', 'int_patient', cast(1200 as bigint)),
    ('duplicate_keys', 'int_patient', 0),
    ('orphan_rows', 'int_coverage', 0)
) as t (check_name, table_name, value);

create table fct_conservation as
select 'patients' as table_name, 'registry' as source_name, 1250 as rows_in, 1210 as rows_used, 40 as rows_quarantined;

create table quarantine as
select 'registry' as source_name, 'patients' as table_name, 'patients.csv' as source_file, i as source_row,
    case when i < 36 then 'birth_date is not a date' else 'patient_id is empty' end as reason
from range(40) as t (i);
"""


def build(path: Path) -> duckdb.DuckDBPyConnection:
    """An open connection to a new warehouse at `path` with sound data."""
    con = duckdb.connect(str(path))
    con.execute(_DIMENSIONS.format(measures=list(MEASURES)))
    con.execute(_FACTS.format(fields=list(FIELDS)))
    return con


def add_site(con: duckdb.DuckDBPyConnection, site: str, *, like: str, label: str) -> None:
    """Another site with the same data as site `like`."""
    con.execute("insert into dim_site select ?, ?, max(sort_order) + 1 from dim_site", [site, label])
    for table in ("fct_measure_stratum", "fct_quality"):
        con.execute(f"insert into {table} select * replace (? as site) from {table} where site = ?", [site, like])


def set_metric(
    con: duckdb.DuckDBPyConnection,
    value: float | None,
    *,
    field: str = "race_ethnicity",
    metric: str = "completeness",
    site: str = "a",
    grain: str = "quarter",
    starts_on: str = "2025-04-01",
    measure_id: str = "",
    n: int = 400,
) -> None:
    """Put `value` in place of one metric of one slice."""
    slot = [field, metric, site, grain, starts_on, measure_id]
    con.execute(
        "delete from fct_quality where field = ? and metric = ? and site = ? and grain = ? and period_starts_on = ? "
        "and measure_id = ?",
        slot,
    )
    con.execute(
        "insert into fct_quality (field, metric, site, grain, period_starts_on, measure_id, stratifier, stratum, "
        "value, n) values (?, ?, ?, ?, ?, ?, '', '', ?, ?)",
        [*slot, value, n],
    )
