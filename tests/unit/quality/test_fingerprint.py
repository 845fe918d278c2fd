from __future__ import annotations

import duckdb
import pytest

from orchestration.errors import TransformError
from orchestration.quality.fingerprint import DATA_TABLES, data_fingerprint


def test_the_same_rows_in_another_order_have_the_same_fingerprint(sound: duckdb.DuckDBPyConnection) -> None:
    before = data_fingerprint(sound)

    sound.execute("create table shuffled as select * from fct_measure_stratum order by hash(stratum, site, rowid)")
    sound.execute("drop table fct_measure_stratum; alter table shuffled rename to fct_measure_stratum")

    assert data_fingerprint(sound) == before


@pytest.mark.parametrize(
    "change",
    [
        "update fct_measure_stratum set numerator = numerator + 1 where rowid = 0",
        "update fct_measure_stratum set stratum_2 = null where rowid = 0",
        "insert into fct_measure_stratum select * from fct_measure_stratum where rowid = 0",
        "insert into fct_quality select * from fct_quality union all select * from fct_quality",
        "delete from fct_quality where rowid = 3",
        "update fct_structure set value = 1 where check_name = 'orphan_rows'",
        "update fct_conservation set rows_used = 1209",
        "update dim_stratum set label = 'Other' where stratum = 'ASIAN'",
        "alter table dim_site rename column site_label to name",
        "alter table dim_site alter sort_order type varchar",
        "create table dim_new as select 1 as x",
    ],
)
def test_any_change_of_what_is_published_changes_the_fingerprint(sound: duckdb.DuckDBPyConnection, change: str) -> None:
    before = data_fingerprint(sound)

    sound.execute(change)

    assert data_fingerprint(sound) != before


@pytest.mark.parametrize("table", DATA_TABLES)
def test_a_missing_table_is_named(sound: duckdb.DuckDBPyConnection, table: str) -> None:
    sound.execute(f"drop table {table}")

    with pytest.raises(TransformError, match=table):
        data_fingerprint(sound)


def test_rows_that_stand_twice_do_not_cancel_each_other_out(sound: duckdb.DuckDBPyConnection) -> None:
    prints = []
    for row in (3, 4):
        sound.execute("begin")
        for _ in range(2):
            sound.execute(f"insert into fct_quality select * from fct_quality where rowid = {row}")
        prints.append(data_fingerprint(sound))
        sound.execute("rollback")

    assert prints[0] != prints[1]
