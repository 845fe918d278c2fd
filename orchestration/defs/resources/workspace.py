"""The one resource of every step: settings, progress, the warehouse, and the lock that is held while a run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.defs.resources.progress import Phase, Progress
from orchestration.defs.resources.redaction import unexpected
from orchestration.defs.resources.run_lock import exclusive
from orchestration.errors import BlockedError, EquityError
from orchestration.quality.gx_process import ExpectationProcess
from orchestration.quality.thresholds import load_profile
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Workspace:
    """What a step works with. `run_id` is Dagster's id of the run that is going on."""

    settings: Settings
    progress: Progress
    run_id: str
    expectations: ExpectationProcess

    @property
    def logs_dir(self) -> Path:
        """Where logs go; none of them holds data."""
        return self.settings.data_dir / "logs"

    @contextmanager
    def phase(self, name: str) -> Iterator[Phase]:
        """One timed phase. Errors of our own pass; of any other only type and place go on, for it may quote data."""
        with self.progress.phase(name) as phase:
            try:
                yield phase
            except (EquityError, GeneratorExit):
                raise
            except Exception as error:
                raise unexpected(error, where=name, logs_dir=self.logs_dir, run_id=self.run_id) from None

    @contextmanager
    def warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The working database, open for writing. Raises BlockedError when no run has built it."""
        import duckdb

        path = self.settings.warehouse_path
        if not path.is_file():
            raise BlockedError(
                "the warehouse must have been built",
                where=str(path),
                found="no such file",
                remedy="run the whole job: `equity run`",
            )
        con = duckdb.connect(str(path))
        try:
            yield con
        finally:
            con.close()


def workspace_resource(settings: Settings, progress: Progress | None = None) -> dg.ResourceDefinition:
    """A Workspace for the length of one run, which holds the data folder meanwhile.

    A gate profile that cannot be used ends the run before anything is pulled.
    """

    @dg.resource(description="Settings, progress, warehouse and the run lock.")
    def workspace(context: dg.InitResourceContext) -> Iterator[Workspace]:
        load_profile(settings.gate.profile)
        run_id = context.run.run_id if context.run else "no-run"
        with exclusive(settings.data_dir), ExpectationProcess() as expectations:
            yield Workspace(settings, progress or Progress(), run_id, expectations)

    return workspace
