"""Great Expectations in a process of its own, started while dbt builds: loading it takes seconds on one core.

What goes there and back is small: frames of aggregates and suites as functions, outcomes without values.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import TYPE_CHECKING

from orchestration.errors import GateError

if TYPE_CHECKING:
    from orchestration.quality.gx_runner import Outcome, Work


def _load() -> None:
    import great_expectations  # noqa: F401

    import orchestration.quality.gx_runner  # noqa: F401


class ExpectationProcess:
    """Runs suites like `run_suites`, in one process that lives until the block ends. Nothing starts before it is asked.

    `begin` starts loading in the background; without it the first `run_suites` does. Raises GateError when the process
    is gone.
    """

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> ExpectationProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def begin(self) -> None:
        """Start loading Great Expectations, and return at once."""
        self._started()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # A forked process would inherit DuckDB's threads as locks that nobody frees: it is started afresh.
            self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
            self._pool.submit(_load)
        return self._pool

    def run_suites(self, work: Work) -> list[list[Outcome]]:
        """Outcomes per frame and suite; see `orchestration.quality.gx_runner.run_suites`."""
        from orchestration.quality.gx_runner import run_suites

        try:
            return self._started().submit(run_suites, work).result()
        except BrokenProcessPool:
            raise GateError(
                "every expectation must be carried out",
                where="gate",
                found="the process that runs Great Expectations ended",
                remedy="see that there is memory for it (about 400 MB), then run again",
            ) from None
