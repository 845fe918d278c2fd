"""One dbt command inside this process, without telemetry, colours, version checks or a log of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

WAREHOUSE_VARIABLE = "EQUITY_WAREHOUSE"


def invoke(
    command: Sequence[str],
    *,
    project_dir: Path,
    warehouse: Path,
    target_dir: Path,
    manifest: Any = None,
    callbacks: Sequence[Callable[[Any], None]] = (),
) -> dbtRunnerResult:
    """Run `command` (`["build", …]`) on the database file `warehouse`; with `manifest`, without parsing anew.

    dbt's messages may quote data: they go to `callbacks` only, neither to the screen nor to a file.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    folders = [("--project-dir", project_dir), ("--profiles-dir", project_dir)]
    folders += [("--target-path", target_dir), ("--log-path", target_dir)]
    quiet = ["--no-use-colors", "--no-use-colors-file", "--log-level", "none", "--log-level-file", "none", "--quiet"]
    # Node results come as events; nobody reads the files.
    quiet += ["--no-write-json"] if manifest is not None else []
    offline = ["--no-send-anonymous-usage-stats", "--no-version-check"]
    arguments = [*command, *quiet, *offline, *(str(part) for folder in folders for part in folder)]
    with _environment(WAREHOUSE_VARIABLE, str(warehouse)):
        try:
            return dbtRunner(manifest=manifest, callbacks=list(callbacks)).invoke(arguments)
        finally:
            # A connection that dbt keeps would shut out readers of the file.
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """dbt reads its profile's path from the environment; it is set for the command and put back after it."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
