"""The commands of `equity`, and how a failure ends: what was wrong, where, and what to do; no traceback, no data."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

import typer

from orchestration.cli import doctor, gate, init, query, releases, report, run, synth
from orchestration.errors import EXIT_ERROR, EquityError

app = typer.Typer(
    name="equity",
    help="Stratified measures, gated and disclosure-controlled, for learning health systems that pursue equity.",
    epilog="Exit codes: 0 published or fine, 1 error, 2 usage or settings, 3 blocked by the gate or the audit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("pull")(run.pull)
app.command("gate")(gate.gate)
app.add_typer(releases.app, name="release")
app.command("report")(report.report)
app.command("query")(query.query)
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.command("synth")(synth.synth)
app.command("dagster-home")(run.dagster_home)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    try:
        app(args=None if arguments is None else list(arguments))
    except EquityError as error:
        _say(f"{error}")
        _leave(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_ERROR)
    except Exception as error:
        from orchestration.cli.failure import explained

        _say(explained(error))
        sys.exit(EXIT_ERROR)


def _leave(code: int) -> NoReturn:
    """End at once: dbt may still be at work in its thread, on a warehouse that the next run replaces anyway."""
    from orchestration.defs.dbt_runner import THREAD_NAME

    if any(thread.name == THREAD_NAME for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _say(message: str) -> None:
    print(f"equity: {message}", file=sys.stderr)
