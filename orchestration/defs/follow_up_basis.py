"""What charts and aims were computed from: published only beside the strata, gaps and registers that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.defs.analysis_basis import fingerprint
from orchestration.defs.warehouse import has_table
from orchestration.errors import BlockedError
from orchestration.registers.reading import read_registers
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

FOLLOWED = ("chart_series", "charts", "aims", "aim_targets", "change_tests", "drivers")
BASELINES = "chart_baselines"
_TABLE = "follow_up_basis"


def record_follow_up(con: duckdb.DuckDBPyConnection, settings: Settings, registers_sha256: str) -> None:
    """Note what charts and aims in the warehouse were computed from."""
    values = {
        **_inputs(con, settings, registers_sha256),
        "follow_up_fingerprint": fingerprint(con, (*FOLLOWED, BASELINES)),
    }
    con.execute(f"create or replace table publish.{_TABLE} ({', '.join(f'{name} varchar' for name in values)})")
    con.execute(f"insert into publish.{_TABLE} values ({', '.join('?' for _ in values)})", list(values.values()))


def require_follow_up(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Returns when charts and aims come from the strata, gaps and registers of now, and are unchanged since.

    Reads only. Raises BlockedError.
    """
    missing = [name for name in (*FOLLOWED, BASELINES, _TABLE) if not has_table(con, "publish", name)]
    if missing:
        raise _blocked("charts and aims must have been computed", f"no publish.{missing[0]}")
    expected = _inputs(con, settings, read_registers(settings.registers).sha256)
    rows = con.execute(f"select {', '.join(expected)}, follow_up_fingerprint from publish.{_TABLE}").fetchall()
    if len(rows) != 1:
        raise _blocked("charts and aims must have been computed once", f"{len(rows)} records of it")
    for name, recorded in zip(expected, rows[0], strict=False):
        if recorded != expected[name]:
            raise _blocked("charts and aims must come from what is published with them", f"another {name} than now")
    if rows[0][-1] != fingerprint(con, (*FOLLOWED, BASELINES)):
        raise _blocked("charts and aims must be as they were computed", "tables that changed since")


def _inputs(con: duckdb.DuckDBPyConnection, settings: Settings, registers_sha256: str) -> dict[str, str]:
    return {
        "data": fingerprint(con, ("analysis_basis",)),
        "strata_and_gaps": fingerprint(con, ("strata", "gaps")),
        "registers": registers_sha256,
        "confidence_level": repr(settings.statistics.confidence),
    }


def _blocked(rule: str, found: str) -> BlockedError:
    remedy = "run the whole job again, so that charts and aims are computed from what is published"
    return BlockedError(rule, where="publication", found=found, remedy=remedy)
