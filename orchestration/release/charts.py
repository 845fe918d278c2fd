"""The report's pictures: Vega-Lite specifications as plain data, drawn to inline SVG by vl-convert.

Labels only ever travel as data, never inside an expression, and a picture shows nothing that its table does not say.
Form carries what colour carries: caution is a triangle, an unreliable value is hollow, each group has its own shape.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from orchestration.release.report_words import plain

VEGA_LITE = "5.21"
INK, SOFT, LINE, SHOWN, CAUTION = "#1b1f24", "#57606a", "#d0d7de", "#0b6aa8", "#9a5b00"
# Told apart with every common colour blindness, and dark enough on white (3:1).
GROUP_COLOURS = ("#0072b2", "#d55e00", "#007a5a", "#7b3294")
GROUP_SHAPES = ("circle", "square", "triangle-up", "diamond")
GROUP_DASHES = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])

_LABELS, _PLOT, _ROW = 172, 175, 28
_CONFIG: dict[str, Any] = {
    "aria": False,
    "font": "sans-serif",  # the page's own font replaces it; measuring text with a list of fonts takes far longer
    "view": {"stroke": None},
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelColor": SOFT,
             "titleColor": INK, "gridColor": "#e6eaef", "domainColor": LINE, "tickColor": LINE},
}  # fmt: skip


@dataclass(frozen=True)
class Dot:
    """One line of a dot picture: a heading, a value with its interval, or a word in place of a value."""

    label: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    text: str = ""
    is_heading: bool = False
    is_caution: bool = False
    is_reliable: bool = True


@dataclass(frozen=True)
class Series:
    """One group over time: (last day of the period as ISO date, value or None where nothing is shown)."""

    points: list[tuple[str, float | None]] = field(default_factory=list)


def dots(rows: list[Dot], *, title: str, axis: str, line: float | None, from_zero: bool = True) -> Markup:
    """Dots with intervals, one below the other; `line` is drawn through all of them (everyone's value, or no gap).

    `from_zero` is False where the distance from zero says nothing, as with a mean HbA1c.
    """
    data = [
        {
            "k": f"{position:03d}",
            "label": [_cut(row.label, 62)] if row.is_heading else _wrapped(row.label),
            "v": row.value,
            # Without both ends there is no interval to draw.
            "lo": row.low if row.high is not None else None,
            "hi": row.high if row.low is not None else None,
            "text": plain(row.text),
            "look": "caution" if row.is_caution else "shown",
            "fill": "reliable" if row.is_reliable else "unreliable",
            "role": "heading" if row.is_heading else "word" if row.value is None else "value",
        }
        for position, row in enumerate(rows)
    ]
    y = {"field": "k", "type": "nominal", "axis": None, "scale": {"domain": [row["k"] for row in data]}}
    label = {"y": y, "x": {"value": -8}, "text": {"field": "label"}}
    x_axis = {"title": None, "tickCount": 4, "orient": "bottom"}
    x = {"field": "v", "type": "quantitative", "axis": x_axis, "scale": {"zero": from_zero, "nice": True}}
    colour = _scale("look", ["shown", "caution"], [SHOWN, CAUTION])
    shape = _scale("look", ["shown", "caution"], ["circle", "triangle-up"])
    layers: list[dict[str, Any]] = []
    if line is not None:
        layers.append({
            "data": {"values": [{"v": line}]},
            "mark": {"type": "rule", "color": SOFT, "strokeDash": [4, 3], "strokeWidth": 1.2},
            "encoding": {"x": x},
        })  # fmt: skip
    layers += [
        _layer("value", {"type": "rule", "strokeWidth": 2.5},
               {"y": y, "x": {**x, "field": "lo"}, "x2": {"field": "hi"}, "color": colour}),
        _layer("value", {"type": "point", "size": 75, "strokeWidth": 2, "opacity": 1},
               {"y": y, "x": x, "stroke": colour, "shape": shape,
                "fill": {"condition": {"test": "datum.fill === 'unreliable'", "value": "#ffffff"}, **colour}}),
        # The first of two lines stands a little higher, so that both together are in the middle of their row.
        _layer("value", _text("right", dy={"expr": "length(datum.label) > 1 ? -6.5 : 0"}), label),
        _layer("word", _text("right", dy={"expr": "length(datum.label) > 1 ? -6.5 : 0"}, color=SOFT), label),
        _layer("value", _text("left"), {"y": y, "x": {"value": _PLOT + 8}, "text": {"field": "text"}}),
        _layer("word", _text("left", fontStyle="italic", color=SOFT),
               {"y": y, "x": {"value": 6}, "text": {"field": "text"}}),
        _layer("heading", _text("left", fontWeight="bold"),
               {"y": y, "x": {"value": -_LABELS}, "text": {"field": "label"}}),
    ]  # fmt: skip
    spec = {"width": _PLOT, "height": {"step": _ROW}, "data": {"values": data}, "layer": layers}
    return draw({**spec, "title": heading(axis)}, title)


def lines(series: list[Series], *, title: str, axis: str) -> Markup:
    """Values over time, one line per group (at most four), broken where a period is not shown."""
    keys = [f"g{position}" for position, _ in enumerate(series)]
    data = [
        {"g": key, "t": day, "v": value} for key, group in zip(keys, series, strict=True) for day, value in group.points
    ]
    n = len(keys)
    encoding = {
        "x": {"field": "t", "type": "temporal", "timeUnit": "utcyearmonth",
              "axis": {"title": None, "format": "%b %Y", "tickCount": 4, "grid": False, "labelOverlap": True}},
        "y": {"field": "v", "type": "quantitative", "scale": {"zero": True}, "axis": {"title": None, "tickCount": 4}},
        "color": _scale("g", keys, list(GROUP_COLOURS[:n])),
        "detail": {"field": "g"},
    }  # fmt: skip
    layers = [
        {"mark": {"type": "line", "strokeWidth": 2},
         "encoding": {"strokeDash": _scale("g", keys, list(GROUP_DASHES[:n]))}},
        {"mark": {"type": "point", "filled": True, "size": 46, "opacity": 1},
         "encoding": {"shape": _scale("g", keys, list(GROUP_SHAPES[:n]))}},
    ]  # fmt: skip
    size: dict[str, Any] = {"width": 380, "height": 170}
    return draw(
        {**size, "title": heading(axis), "data": {"values": data}, "encoding": encoding, "layer": layers}, title
    )


def _layer(role: str, mark: dict[str, Any], encoding: dict[str, Any]) -> dict[str, Any]:
    return {"transform": [{"filter": {"field": "role", "equal": role}}], "mark": mark, "encoding": encoding}


def _text(align: str, **more: Any) -> dict[str, Any]:
    # No `limit`: it makes drawing a third slower, and labels are wrapped and cut before they come here.
    given = {"color": INK, "lineHeight": 13, **more}
    return {"type": "text", "align": align, "baseline": "middle", "fontSize": 12, **given}


def _scale(name: str, domain: list[Any], span: list[Any]) -> dict[str, Any]:
    return {"field": name, "type": "nominal", "legend": None, "scale": {"domain": domain, "range": span}}


def heading(axis: str) -> dict[str, Any]:
    """What the numbers are, over the picture from its left edge on: below the plot a long unit would be cut."""
    look = {"fontSize": 12, "fontWeight": "normal", "color": SOFT, "offset": 4}
    return {"text": _cut(axis, 60), "anchor": "start", "frame": "bounds", **look}


def _cut(text: str, most: int) -> str:
    text = plain(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _wrapped(label: str) -> list[str]:
    return textwrap.wrap(plain(label), width=26, max_lines=2, placeholder="…") or [""]


def draw(spec: dict[str, Any], title: str) -> Markup:
    """The picture as one image with a name; without it a screen reader would read every tick."""
    import vl_convert  # loads a script engine, which takes most of a second

    drawn: str = vl_convert.vegalite_to_svg({**spec, "config": _CONFIG, "background": None}, vl_version=VEGA_LITE)
    name = escape(plain(title))
    head, body = drawn.split(">", 1)
    # The image has a name; its parts are for the eye only.
    body = body.replace("<g ", '<g aria-hidden="true" ', 1)
    # vl-convert escapes all text that it was given as data.
    return Markup(f'{head} role="img" aria-label="{name}"><title>{name}</title>{body}')
