"""The methods page as text."""

from __future__ import annotations

from orchestration.settings import PROJECT_ROOT
from tests.spec.methods import coverage, gaps, indices, intervals, over_time

PAGE = PROJECT_ROOT / "docs" / "methods.md"
PARTS = {
    "One group": intervals.METHODS,
    "Two groups": gaps.METHODS,
    "All groups": indices.METHODS,
    "Over time": over_time.METHODS,
    "How often intervals cover": coverage.METHODS,
}
HEAD = """# Methods

How every published number is computed: the formula, where it comes from, and an example that the tests compute too.
Intervals are 95 % intervals unless the settings say otherwise. Formulas work on unrounded numbers.

This page is made from the specification tests: `python -m tests.spec.methods` writes it anew.
"""


def render() -> str:
    """The whole page."""
    text = HEAD
    for title, methods in PARTS.items():
        text += f"\n# {title}\n\n" + "\n".join(method.section() for method in methods)
    return text
