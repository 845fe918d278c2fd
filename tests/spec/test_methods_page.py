"""Every published method's worked example comes out, and the methods page says so."""

from __future__ import annotations

import pytest

from orchestration.statistics import bounds, changes, contrasts, decomposition, estimates, inequality, standardised
from orchestration.statistics.inequality_limits import (
    ANALYTIC_METHODS,
    SIMULATION_METHOD,
    SIMULATION_METHOD_OF_MORE,
)
from tests.spec.methods.method import Method, shown
from tests.spec.methods.page import PAGE, PARTS, render

METHODS = [method for methods in PARTS.values() for method in methods]


@pytest.mark.parametrize("method", METHODS, ids=[method.title for method in METHODS])
def test_the_worked_example_comes_out(method: Method) -> None:
    found = method.compute()
    assert {name: shown(found[name], like) for name, like in method.expected.items()} == dict(method.expected)


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "write it anew: python -m tests.spec.methods"


def test_every_method_name_on_a_row_is_on_the_page() -> None:
    text = render()
    names = {
        *estimates.METHOD_NAMES,
        *contrasts.DIFFERENCE_METHODS.values(),
        *contrasts.RATIO_METHODS.values(),
        *contrasts.P_METHODS,
        *(bounds.NO_COUNT, bounds.NO_STATED_LIMITS),
        *standardised.DIRECT_METHODS.values(),
        *(standardised.HEAVY_RATE, standardised.INDIRECT_SHARE),
        *(
            bounds.EXACT,
            bounds.OUTER,
            changes.METHOD,
            decomposition.METHOD,
            SIMULATION_METHOD,
            SIMULATION_METHOD_OF_MORE,
        ),
        *inequality.ORDERED_METHODS.values(),
        *ANALYTIC_METHODS.values(),
        inequality.AS_FOR_PAR,
    }
    assert {name for name in names if f"`{name}`" not in text} == set()
