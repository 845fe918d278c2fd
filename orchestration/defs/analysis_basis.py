"""What publish.strata, publish.gaps and the like were computed from: they are published only with data they belong to.

The gate answers for the data and the verdicts; this answers for the tables made from them afterwards.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from orchestration.defs.warehouse import has_table
from orchestration.errors import BlockedError
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

ANALYSED = ("strata", "gaps", "inequality", "changes", "decomposition")
REGISTER = "reference_register"
_TABLE = "analysis_basis"
_RUN_AGAIN = "run the whole job again, so that strata and gaps are computed from what the gate judged"


def record_basis(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Note what strata and gaps in the warehouse were computed from and with which settings."""
    columns = {**_inputs(con, settings), "analysis_fingerprint": fingerprint(con, (*ANALYSED, REGISTER))}
    names = ", ".join(f"{name} varchar" for name in columns)
    con.execute(f"create or replace table publish.{_TABLE} ({names})")
    con.execute(f"insert into publish.{_TABLE} values ({', '.join('?' for _ in columns)})", list(columns.values()))


def require_basis(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Returns when strata and gaps come from what the gate judged, with the present settings, and are unchanged since.

    Reads only; asks nothing of the gate itself. Raises BlockedError.
    """
    if not has_table(con, "publish", "gate_result"):
        raise _blocked("the gate must have judged the data", "no result")
    missing = [name for name in (*ANALYSED, REGISTER, _TABLE) if not has_table(con, "publish", name)]
    if missing:
        raise _blocked("strata and gaps must have been computed", f"no publish.{missing[0]}")
    expected = _inputs(con, settings)
    rows = con.execute(f"select {', '.join(expected)}, analysis_fingerprint from publish.{_TABLE}").fetchall()
    if len(rows) != 1:
        raise _blocked("strata and gaps must have been computed once", f"{len(rows)} records of it")
    for name, recorded in zip(expected, rows[0], strict=False):
        if recorded != expected[name]:
            words = name.replace("_", " ")
            raise _blocked("strata and gaps must come from what is published with them", f"another {words} than now")
    if rows[0][-1] != fingerprint(con, (*ANALYSED, REGISTER)):
        raise _blocked("strata and gaps must be as they were computed", "tables that changed since")


def _inputs(con: duckdb.DuckDBPyConnection, settings: Settings) -> dict[str, str]:
    gate = con.execute("select run_id, data_fingerprint, verdict_fingerprint from publish.gate_result").fetchall()
    if len(gate) != 1:
        raise _blocked("the gate must have judged the data", f"{len(gate)} results")
    run_id, data, verdicts = gate[0]
    return {
        "run_id": str(run_id),
        "data_fingerprint": str(data),
        "verdict_fingerprint": str(verdicts),
        "smallest_published_count": str(settings.disclosure.min_cell),
        "confidence_level": repr(settings.statistics.confidence),
    }


def fingerprint(con: duckdb.DuckDBPyConnection, tables: tuple[str, ...]) -> str:
    """A hash of the rows of tables in schema `publish`, whatever their order."""
    digest = hashlib.sha256()
    for table in tables:
        content = con.execute(
            f"select count(*), sum(cast(hash(t) as hugeint)), bit_xor(hash(t)) from publish.{table} as t"
        ).fetchone()
        digest.update(repr((table, content)).encode())
    return digest.hexdigest()


def _blocked(rule: str, found: str) -> BlockedError:
    return BlockedError(rule, where="publication", found=found, remedy=_RUN_AGAIN)
