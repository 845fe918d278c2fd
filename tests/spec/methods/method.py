"""What one method's specification consists of, and how it reads on the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """`given` and `expected` are the worked example; `compute` runs our code on it and names its results alike.

    `names` are the method names that stand on published rows; results are compared to the digits that `expected` shows.
    """

    title: str
    formula: str
    source: str
    given: Mapping[str, str]
    expected: Mapping[str, str]
    compute: Callable[[], Mapping[str, float]]
    names: tuple[str, ...] = ()
    remark: str = ""

    def section(self) -> str:
        """The method's part of the page, in Markdown."""
        lines = [f"## {self.title}", "", self.formula, "", f"Source: {self.source}"]
        if self.names:
            lines += ["", "On rows as: " + ", ".join(f"`{name}`" for name in self.names)]
        if self.remark:
            lines += ["", self.remark]
        lines += ["", "| given | |", "|---|---|", *(f"| {name} | {value} |" for name, value in self.given.items())]
        lines += ["", "| result | |", "|---|---|", *(f"| {name} | {value} |" for name, value in self.expected.items())]
        return "\n".join(lines) + "\n"


def shown(value: float, like: str) -> str:
    """The number with as many decimals as `like` has."""
    decimals = len(like.partition(".")[2])
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text
