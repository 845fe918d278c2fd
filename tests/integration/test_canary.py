"""Names, numbers, addresses and birth dates of one child are planted in a registry; nothing that leaves holds them.

Looked through are releases, marts, Dagster's storage, logs and whatever a run prints, also a run that fails: every byte
of every file, and the values of files whose pages are compressed. What stays in the house (the raw zone, the warehouse,
the quarantine) holds the rows themselves and is searched to see that they were there.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from orchestration.settings import DEMO_AS_OF
from orchestration.synthetic.registry import generate
from tests.integration.test_run import write_toml
from tests.support.small_run import MONTHS

NUMBER, NAME, STREET, TRACT, BORN = (
    *("MRN-4711-0815", "Zebulon Quarrington", "12 Canary Street", "39061000100", "2013-04-17"),
)
CANARIES = (NUMBER, NAME, STREET, TRACT, BORN)
LEAVES = ("releases", "marts", "dagster", "logs")


class Ran(NamedTuple):
    """The data folder and everything that two runs printed, of which the second failed."""

    data: Path
    printed: str
    failed: str


def _run(folder: Path, *, code: int) -> str:
    command = [sys.executable, "-m", "orchestration.cli", "run"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == code, ended.stderr
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("canary")
    registry = folder / "registry"
    generate(registry, patients=250, as_of=DEMO_AS_OF, months=MONTHS, file_format="csv", faults=False)
    children = f"read_csv('{registry}/patients*.csv', header = true, all_varchar = true)"
    child, birth = duckdb.execute(f"select patient_id, birth_date from {children} order by all limit 1").fetchall()[0]
    for path in registry.glob("*.csv"):
        text = path.read_text(encoding="utf-8").replace(f"{child},{birth}", f"{child},{BORN}")
        path.write_text(re.sub(rf"\b{re.escape(child)}\b", NUMBER, text), encoding="utf-8")
    more = {
        # Columns that nothing asks for, an unknown code, and rows that cannot be read.
        "patients_more": f"patient_id,birth_date,sex,patient_name,street\nOTHER,{BORN},{NAME},{NAME},{STREET}\n"
        f"THIRD,{NAME},F,{NAME},{STREET}\n",
        "race_ethnicity_more": f"patient_id,source_system,value,recorded_on\n{NUMBER},ehr,{NAME},2025-01-01\n"
        f"{NUMBER},{STREET},{NAME},{BORN}\n",
        "languages_more": f"patient_id,language,recorded_on\n{NUMBER},{NAME},2025-01-01\n",
        "addresses_more": f"patient_id,tract_geoid,tract_vintage,starts_on\n{NUMBER},{TRACT},2020,2025-01-01\n"
        f"{NUMBER},{STREET},2020,2025-01-01\n",
        "observations_more": "observation_id,patient_id,code,observed_on,value,unit\n"
        f"{NAME},{NUMBER},4548-4,{NAME},{BORN},%\n",
    }
    for name, text in more.items():
        (registry / f"{name}.csv").write_text(text, encoding="utf-8")
    write_toml(folder)
    printed = _run(folder, code=0)
    (registry / "patients_more.csv").write_text(f"{NAME},{BORN}\n{STREET},{NUMBER}\n", encoding="utf-8")
    failed = _run(folder, code=1)
    yield Ran(folder / "var", printed, failed)


def _held(text: str | bytes) -> list[str]:
    return [canary for canary in CANARIES if (canary in text if isinstance(text, str) else canary.encode() in text)]


def _values(path: Path) -> str:
    """What a file of tables holds, as text; empty for any other file."""
    with duckdb.connect() as con:
        if path.suffix == ".parquet":
            return str(con.execute(f"from read_parquet('{path}')").fetchall())
        if path.suffix != ".duckdb":
            return ""
        con.execute(f"attach '{path}' as looked (read_only)")
        names = con.execute("select schema_name, table_name from duckdb_tables() where database_name = 'looked'")
        return "".join(
            str(con.execute(f'from looked."{schema}"."{name}"').fetchall()) for schema, name in names.fetchall()
        )


def test_the_canaries_were_there(ran: Ran) -> None:
    raw = "".join(_values(path) for path in (ran.data / "raw").rglob("*.parquet"))
    assert set(_held(raw)) >= {NUMBER, NAME, TRACT, BORN}


@pytest.mark.parametrize("leaves", LEAVES)
def test_no_file_that_leaves_the_house_holds_one(ran: Ran, leaves: str) -> None:
    looked_at = 0
    for path in (ran.data / leaves).rglob("*"):
        if not path.is_file():
            continue
        found = _held(path.read_bytes())
        assert not found, (str(path.relative_to(ran.data)), found)
        assert not _held(_values(path)), str(path.relative_to(ran.data))
        looked_at += 1
    assert looked_at > 0


def test_nothing_that_a_run_prints_holds_one(ran: Ran) -> None:
    assert not _held(ran.printed)
    assert not _held(ran.failed)
    assert "patients_more.csv" in ran.failed
