"""The data steward's list of codes that no seed knows: counted per source, private, and safe to open."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.sources import unmapped


def test_codes_that_no_seed_knows_are_listed_with_their_rows(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        for _, table, code, seed, key in unmapped._FIELDS:
            con.execute(f"create or replace table main.{seed} as select 'known' as {key}")
            con.execute(
                f"create table main.stg_registry__{table} as select 'ehr' as source_name, {code} from "
                f"(values ('known'), ('new'), ('new'), (null)) as t ({code})"
            )
        con.execute("insert into stg_registry__coverage values ('ehr', '=1+1')")
        con.execute("insert into stg_registry__encounters values ('ehr', 'KNOWN'), ('ehr', 'NEW')")
        assert unmapped.export(con, tmp_path) == 6
    lines = (tmp_path / unmapped.FILE_NAME).read_text(encoding="utf-8").splitlines()
    assert lines == [
        "field,source_name,code,row_count,seed",
        "encounter_class,ehr,new,3,seeds/encounter_class_map.csv",
        "language,ehr,new,2,seeds/language_map.csv",
        "payer,ehr,new,2,seeds/payer_map.csv",
        "payer,ehr,'=1+1,1,seeds/payer_map.csv",
        "race_ethnicity,ehr,new,2,seeds/race_ethnicity_map.csv",
        "sex,ehr,new,2,seeds/sex_map.csv",
    ]
