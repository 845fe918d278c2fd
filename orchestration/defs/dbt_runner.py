"""Runs dbt in this process and hands over each model's, seed's and test's outcome as soon as it is there."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.defs.dbt_invoke import invoke
from orchestration.defs.dbt_project import ParsedProject
from orchestration.defs.resources.redaction import redacted
from orchestration.errors import BlockedError, EquityError, TransformError

THREAD_NAME = "dbt"
_TEST_FAILED = "fail"
_FAILED = (_TEST_FAILED, "error", "runtime error", "partial success")


@dataclass(frozen=True)
class NodeOutcome:
    """What became of one node: `status` is success, error, skipped, pass, fail or warn; `n_failures` rows of a test."""

    unique_id: str
    status: str
    seconds: float
    n_failures: int
    message: str

    @property
    def name(self) -> str:
        """The node's name in the project."""
        return self.unique_id.split(".")[2]

    @property
    def is_test(self) -> bool:
        """True for a test of data."""
        return self.unique_id.startswith("test.")

    @property
    def has_failed(self) -> bool:
        """True when the run must not go on to publish; a warning is no failure."""
        return self.status in _FAILED


def build(
    parsed: ParsedProject, warehouse: Path, target_dir: Path, selection: Sequence[str] = ()
) -> Iterator[NodeOutcome]:
    """Build seeds, models and tests (all, or those of `selection`, by fully qualified names), one outcome each.

    Raises BlockedError when a test failed and TransformError when a model did, after all outcomes were handed over.
    Unit tests of models test code, not data: they are run by the test suite.
    """
    command = ["build", "--exclude-resource-type", "unit_test"]
    if selection:
        command += ["--select", " ".join(selection), "--indirect-selection", "empty"]
    outcomes: queue.SimpleQueue[NodeOutcome | EquityError | None] = queue.SimpleQueue()

    def on_event(event: Any) -> None:
        if event.info.name == "NodeFinished":
            outcomes.put(_outcome(event.data))

    def work() -> None:
        try:
            result = invoke(
                command,
                project_dir=parsed.project_dir,
                warehouse=warehouse,
                target_dir=target_dir,
                manifest=parsed.runnable(),
                callbacks=[on_event],
            )
            outcomes.put(_refusal(str(result.exception)) if result.exception else None)
        except Exception as error:
            outcomes.put(_refusal(str(error) or type(error).__name__))

    thread = threading.Thread(target=work, name=THREAD_NAME, daemon=True)
    thread.start()
    failed: list[NodeOutcome] = []
    while (item := outcomes.get()) is not None:
        if isinstance(item, EquityError):
            raise item
        if item.has_failed:
            failed.append(item)
        yield item
    thread.join()
    if failed:
        raise _failure(failed)


def _outcome(data: Any) -> NodeOutcome:
    result = data.run_result
    return NodeOutcome(
        unique_id=data.node_info.unique_id,
        status=str(result.status),
        seconds=float(result.execution_time),
        n_failures=int(result.num_failures),
        message=redacted(result.message),
    )


def _refusal(message: str) -> TransformError:
    return TransformError(
        "dbt can run the project",
        where="dbt",
        found=redacted(message) or "an error",
        remedy="`equity doctor` checks the set-up",
    )


def _failure(failed: list[NodeOutcome]) -> EquityError:
    broken = [outcome for outcome in failed if outcome.status != _TEST_FAILED]
    if broken:
        first = broken[0]
        return TransformError(
            "every model can be built and every test carried out",
            where=f"dbt {'test' if first.is_test else 'model'} {first.name}",
            found=first.message or first.status,
            remedy="correct the model or what it reads; nothing was published",
        )
    shown = "; ".join(f"{outcome.name} ({outcome.n_failures} rows)" for outcome in failed[:5])
    return BlockedError(
        "every test of keys, grain and relationships must pass before anything is published",
        where="dbt tests",
        found=f"{len(failed)} failed: {shown}",
        remedy="correct the source or the model; the previous release stays current",
    )
