"""The gate: runs both kinds of suites, writes what it decided, and lets the publisher ask whether that still stands.

`run_gate` judges the warehouse as it is; `require_passed` refuses whatever was not judged exactly so. Publishing asks
the latter whichever way it is launched, so leaving the gate out does not lead around it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.fitness import fitness_suite
from orchestration.errors import BlockedError, GateError
from orchestration.quality.checks import Check, fitness_checks, structural_checks, write_checks
from orchestration.quality.fingerprint import data_fingerprint, verdict_fingerprint
from orchestration.quality.fitness import field_frames, findings
from orchestration.quality.gx_runner import Outcome, Work, run_suites
from orchestration.quality.slices import prepare_slices, read_quality
from orchestration.quality.structure import structural_work
from orchestration.quality.thresholds import THRESHOLDS_FILE, Profile, file_sha256, load_profile
from orchestration.quality.verdicts import with_reasons, write_no_verdicts, write_quality, write_verdicts

if TYPE_CHECKING:
    import duckdb

    from orchestration.settings import Settings

GATE_TABLES = ("gate_result", "gate_verdict", "gate_quality", "gate_check", "gate_stratifier")
_RUN_AGAIN = "run the whole job again, so that the gate judges what is published"


@dataclass(frozen=True)
class HeldReason:
    """One reason why slices are held or carry a warning, and how many slices it concerns."""

    verdict: str
    reasons: str
    n_slices: int


@dataclass(frozen=True)
class GateSummary:
    """What the gate decided, in counts: no values of patients, fit for printing and for run metadata.

    `verdicts` counts slices per verdict (publish, warn, hold); `reasons` is ordered with holds and frequent ones first.
    """

    run_id: str
    profile: str
    is_profile_verified: bool
    n_expectations: int
    n_failed: int
    verdicts: dict[str, int]
    reasons: tuple[HeldReason, ...]
    data_fingerprint: str


def run_gate(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    run_id: str,
    *,
    thresholds: Path = THRESHOLDS_FILE,
    run: Callable[[Work], list[list[Outcome]]] = run_suites,
) -> GateSummary:
    """Judges the warehouse behind `con` and writes publish.gate_result, gate_verdict, gate_check and gate_quality.

    `run` carries the suites out: here, or in a process that has Great Expectations loaded already.
    Raises BlockedError when a structural expectation fails (gate_result then says so), GateError when an expectation
    could not be carried out (there is then no gate_result), SettingsError for thresholds that cannot be used.
    """
    profile = load_profile(settings.gate.profile, thresholds)
    con.execute("create schema if not exists publish")
    for table in GATE_TABLES:
        con.execute(f"drop table if exists publish.{table}")
    work = structural_work(con)
    results = run(work)
    checks = structural_checks(work, results)
    blocking = [check for check in checks if not check.success]
    if blocking:
        write_checks(con, checks)
        _refuse_errors(results)
        write_no_verdicts(con)
        _decide(con, run_id, profile, checks, is_passed=False)
        raise _structure_wrong(blocking)

    spine = prepare_slices(con, profile, settings.disclosure.kept_in_marts)
    quality = read_quality(con)
    units = field_frames(quality[quality["stratifier"] == ""], spine, profile)
    results = run([(unit.frame, partial(fitness_suite, unit.name, unit.rules)) for unit in units])
    checks += fitness_checks(units, results)
    write_checks(con, checks)
    _refuse_errors(results)
    found = findings(units, results)
    write_verdicts(con, with_reasons(con, found, profile, settings.disclosure.min_cell))
    write_quality(con, quality, units, found, profile)
    return _decide(con, run_id, profile, checks, is_passed=True)


def _structure_wrong(blocking: list[Check]) -> BlockedError:
    shown = "; ".join(f"{check.metric or check.suite} ({check.failing})" for check in blocking[:5])
    return BlockedError(
        "the structure of the data must be right before anything is published",
        where="gate",
        found=f"{len(blocking)} structural expectation(s) failed: {shown}",
        remedy="correct the source or the models named; the previous release stays current",
    )


def _refuse_errors(results: list[list[Outcome]]) -> None:
    raised = [outcome for outcomes in results for outcome in outcomes if outcome.error]
    if raised:
        first = raised[0]
        raise GateError(
            "every expectation must be carried out: one that raised neither passed nor failed",
            where=f"gate: suite {first.suite}",
            found=f"{len(raised)} raised; first: {first.expectation} on `{first.column}`: {first.error}",
            remedy="publish.gate_check lists them; correct the suite or the table that it looks at",
        )


def _decide(
    con: duckdb.DuckDBPyConnection, run_id: str, profile: Profile, checks: list[Check], *, is_passed: bool
) -> GateSummary:
    """Writes publish.gate_result, last of all: without it nothing is published."""
    n_expectations, n_failed = len(checks), sum(not check.success for check in checks)
    fingerprint = data_fingerprint(con)
    con.execute(
        """
        create or replace table publish.gate_result (
            run_id varchar, decided_at timestamp, profile varchar, structural_passed boolean, n_expectations bigint,
            n_failed bigint, data_fingerprint varchar, thresholds_sha256 varchar, verdict_fingerprint varchar,
            profile_title varchar, is_profile_verified boolean, profile_note varchar
        )
        """
    )
    con.execute(
        "insert into publish.gate_result values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(run_id, dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0), profile.name, is_passed),
            *(n_expectations, n_failed, fingerprint, profile.sha256, verdict_fingerprint(con)),
            *(profile.title, profile.is_verified, profile.note),
        ],
    )
    counted = dict(con.execute("select verdict, count(*) from publish.gate_verdict group by verdict").fetchall())
    reasons = con.execute(
        "select verdict, reasons, count(*) from publish.gate_verdict where verdict <> 'publish' "
        "group by verdict, reasons order by verdict, count(*) desc, reasons"
    ).fetchall()
    return GateSummary(
        run_id=run_id,
        profile=profile.name,
        is_profile_verified=profile.is_verified,
        n_expectations=n_expectations,
        n_failed=n_failed,
        verdicts={verdict: counted.get(verdict, 0) for verdict in ("publish", "warn", "hold")},
        reasons=tuple(HeldReason(*row) for row in reasons),
        data_fingerprint=fingerprint,
    )


def require_passed(con: duckdb.DuckDBPyConnection, run_id: str, *, thresholds: Path = THRESHOLDS_FILE) -> None:
    """Returns when the gate passed in this run for exactly the data and verdicts that are in the warehouse now.

    Reads only. Raises BlockedError for everything else: no result, another run's, a structural failure, data, verdicts
    or thresholds changed since, a slice without a verdict.
    """
    missing = [table for table in GATE_TABLES if not _exists(con, table)]
    if missing:
        raise _blocked("the gate must have judged the data", f"no publish.{missing[0]}")
    rows = con.execute(
        "select run_id, structural_passed, data_fingerprint, thresholds_sha256, verdict_fingerprint "
        "from publish.gate_result"
    ).fetchall()
    if len(rows) != 1:
        raise _blocked("the gate must have judged the data once", f"{len(rows)} results")
    judged_run, is_passed, data, thresholds_sha256, verdicts = rows[0]
    if judged_run != run_id:
        raise _blocked("the gate must have judged the data in this run", f"a result of run {judged_run}")
    if is_passed is not True:
        raise _blocked(
            "the structure of the data must be right", "structural expectations that failed; see publish.gate_check"
        )
    if not thresholds_sha256 or thresholds_sha256 != file_sha256(thresholds):
        raise _blocked(
            "the thresholds must be those that the gate judged by", f"{thresholds.name} missing or changed since"
        )
    if data != data_fingerprint(con):
        raise _blocked("the data must be those that the gate judged", "data changed after the gate")
    if verdicts != verdict_fingerprint(con):
        raise _blocked("the verdicts must be those that the gate gave", "verdicts changed after the gate")
    without = _slices_without_verdict(con)
    if without:
        raise _blocked("every slice must have exactly one verdict", f"{without} slice(s) without one")


def _exists(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    found = con.execute(
        "select count(*) from information_schema.tables "
        "where table_catalog = current_database() and table_schema = 'publish' and table_name = ?",
        [table],
    ).fetchone()
    return found == (1,)


def _slices_without_verdict(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute(
        """
        select count(*) from (
            select distinct measure_id, stratifier, site, grain, period_starts_on from fct_measure_stratum
            where stratifier in (select stratifier from publish.gate_stratifier)
        ) left join (
            select measure_id, stratifier, site, grain, period_starts_on, count(*) as n_verdicts
            from publish.gate_verdict where verdict in ('publish', 'warn', 'hold')
            group by all
        ) using (measure_id, stratifier, site, grain, period_starts_on)
        where n_verdicts is distinct from 1
        """
    ).fetchone()
    return int(row[0]) if row else 0


def _blocked(rule: str, found: str) -> BlockedError:
    return BlockedError(rule, where="publication", found=found, remedy=_RUN_AGAIN)
