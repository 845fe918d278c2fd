"""Control charts as pictures: points, centre line, limits, target and change tests, drawn by the report's machinery.

A point that is a signal has another shape and colour; a period that is not shown breaks the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from orchestration.release.charts import CAUTION, INK, LINE, SHOWN, SOFT, draw, heading

TARGET = "#007a5a"


@dataclass(frozen=True)
class ControlPoint:
    """One period: its last day as ISO date, and what is shown there; None where nothing is."""

    day: str
    value: float | None
    centre: float | None
    low: float | None
    high: float | None
    is_signal: bool


def control(
    points: Sequence[ControlPoint],
    marks: Sequence[tuple[str, str]],
    *,
    title: str,
    axis: str,
    target: float | None,
    width: int = 520,
) -> Markup:
    """The picture. `marks` are (day as ISO date, short label) of change tests; `target` a level to be reached.

    At a `width` of 380 its letters can still be read on a phone.
    """
    data = [
        {"t": point.day, "v": point.value, "c": point.centre, "lo": point.low, "hi": point.high,
         "look": "signal" if point.is_signal else "common"}
        for point in points
    ]  # fmt: skip
    x = {"field": "t", "type": "temporal", "timeUnit": "utcyearmonthdate",
         "axis": {"title": None, "format": "%b %Y", "tickCount": 5, "grid": False, "labelOverlap": True}}  # fmt: skip
    scale = {"zero": False, "nice": True}
    y: dict[str, Any] = {"type": "quantitative", "scale": scale, "axis": {"title": None, "tickCount": 5}}
    layers: list[dict[str, Any]] = []
    for name, dash, colour in (("lo", [5, 3], SOFT), ("hi", [5, 3], SOFT), ("c", [1, 0], SOFT)):
        if any(row[name] is not None for row in data):
            mark = {"type": "line", "color": colour, "strokeDash": dash, "strokeWidth": 1.2}
            layers.append({"mark": mark, "encoding": {"x": x, "y": {**y, "field": name}}})
    if target is not None:
        layers.append({
            "data": {"values": [{"v": target}]},
            "mark": {"type": "rule", "color": TARGET, "strokeDash": [2, 2], "strokeWidth": 2},
            "encoding": {"y": {**y, "field": "v"}},
        })  # fmt: skip
    if marks:
        shown = [{"t": day, "label": label} for day, label in marks]
        layers += [
            {"data": {"values": shown}, "mark": {"type": "rule", "color": INK, "strokeWidth": 1},
             "encoding": {"x": {**x}}},
            {"data": {"values": shown},
             "mark": {"type": "text", "align": "left", "baseline": "top", "dx": 3, "fontSize": 11, "color": INK},
             "encoding": {"x": {**x}, "y": {"value": 2}, "text": {"field": "label"}}},
        ]  # fmt: skip
    domain = ["common", "signal"]
    colours = {
        "field": "look",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": domain, "range": [SHOWN, CAUTION]},
    }
    shapes = {
        "field": "look",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": domain, "range": ["circle", "diamond"]},
    }
    layers += [
        {"mark": {"type": "line", "color": LINE, "strokeWidth": 1.5}, "encoding": {"x": x, "y": {**y, "field": "v"}}},
        {"mark": {"type": "point", "filled": True, "size": 50, "opacity": 1},
         "encoding": {"x": x, "y": {**y, "field": "v"}, "color": colours, "shape": shapes}},
    ]  # fmt: skip
    size: dict[str, Any] = {"width": width, "height": 220 if width > 400 else 190}
    return draw({**size, "title": heading(axis), "data": {"values": data}, "layer": layers}, title)
