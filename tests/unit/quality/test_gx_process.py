"""Suites run in a process of their own as they do in this one; a process that is gone is an error, never a pass."""

from __future__ import annotations

import os
import signal
from functools import partial

import pandas as pd
import pytest

from expectations.structural import structure_suite
from orchestration.errors import GateError
from orchestration.quality.gx_process import ExpectationProcess
from orchestration.quality.gx_runner import run_suites

FACTS = pd.DataFrame({"value": [3.0, 1.0], "rows": [3.0, None], "duplicate_keys": [None, 1.0]})


def test_outcomes_are_those_of_this_process() -> None:
    work = [(FACTS, partial(structure_suite, ["rows", "duplicate_keys"]))]
    with ExpectationProcess() as expectations:
        expectations.begin()
        there = expectations.run_suites(work)
    here = run_suites(work)
    assert there == here
    assert [outcome.is_success for outcome in there[0]].count(False) == 1


def test_a_process_that_ended_is_an_error() -> None:
    with ExpectationProcess() as expectations:
        expectations.begin()
        pool = expectations._started()
        os.kill(pool.submit(os.getpid).result(), signal.SIGKILL)
        with pytest.raises(GateError, match="the process that runs Great Expectations ended"):
            expectations.run_suites([(FACTS, partial(structure_suite, ["rows"]))])


def test_nothing_is_started_that_nobody_asked_for() -> None:
    with ExpectationProcess() as expectations:
        assert expectations._pool is None
