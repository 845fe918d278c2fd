"""Launches the job, or a part of it, in this process, on the instance that the web UI shows."""

from __future__ import annotations

import os
from collections.abc import Sequence

import dagster as dg

from orchestration.defs.instance import open_instance
from orchestration.defs.jobs import REFRESH
from orchestration.defs.resources.run_lock import exclusive
from orchestration.errors import EquityError
from orchestration.settings import Settings

# The web UI finds a run's job through this tag; workspace.yaml gives the code location its name.
_SHOWN_UNDER = {".dagster/repository": "__repository__@equity"}
_STOPPED = "run again: everything is rebuilt; what was published before is unchanged"
_LAUNCHED_BY, _PID = "equity/launched_by", "equity/pid"


class StoppedError(EquityError):
    """Somebody stopped the run."""

    exit_code = 130  # what a shell gives to a command that was interrupted


def launch(definitions: dg.Definitions, settings: Settings, selection: Sequence[dg.AssetKey] = ()) -> str:
    """Run the job (or only the assets of `selection`) and return the run's id.

    Raises the EquityError that ended the run, with what was published before untouched.
    """
    job = definitions.resolve_job_def(REFRESH)
    with open_instance(settings.dagster_home) as instance:
        with exclusive(settings.data_dir):
            _close_dead_runs(instance)
        try:
            result = job.execute_in_process(
                instance=instance,
                asset_selection=list(selection) or None,
                run_config={"loggers": {"file": {"config": {"folder": str(settings.data_dir / "logs")}}}},
                tags={**_SHOWN_UNDER, _LAUNCHED_BY: "command line", _PID: str(os.getpid())},
            )
        except dg.DagsterExecutionInterruptedError:
            raise StoppedError("the run goes on to its end", found="it was stopped", remedy=_STOPPED) from None
        except Exception as error:
            raise _own_error(error) or error from None
        return result.run_id


def _own_error(error: BaseException | None) -> EquityError | None:
    """The error of ours inside what Dagster raised."""
    while error is not None:
        if isinstance(error, EquityError):
            return error
        error = getattr(error, "user_exception", None) or error.__cause__
    return None


def _close_dead_runs(instance: dg.DagsterInstance) -> None:
    """A run of the command line that was killed could not say so: whoever gets the lock knows that it is over."""
    unfinished = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=unfinished, tags={_LAUNCHED_BY: "command line"})):
        instance.report_run_failed(run, "The process that ran it has ended.")
