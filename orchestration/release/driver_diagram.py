"""Draws a key driver diagram as inline SVG: the aim on the left, what moves it to the right, change tests last."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from orchestration.release.charts import INK, LINE, SHOWN, SOFT
from orchestration.release.report_words import plain

_WIDTH, _GAP, _PAD, _LINE_HEIGHT, _CHARACTERS, _MOST_LINES = 190, 46, 8, 15, 26, 5


@dataclass(frozen=True)
class Box:
    """One box: its key, the keys of the boxes that it moves, its column from 0, and its text."""

    key: str
    moves: tuple[str, ...]
    column: int
    text: str


def diagram(boxes: Sequence[Box], *, title: str) -> Markup:
    """The picture as one image with a name; columns from left to right, arrows from what moves to what is moved."""
    if not boxes:
        return Markup("")
    lines = {box.key: _wrapped(box.text) for box in boxes}
    heights = {key: len(text) * _LINE_HEIGHT + 2 * _PAD for key, text in lines.items()}
    columns = sorted({box.column for box in boxes})
    place: dict[str, tuple[int, int]] = {}
    bottom = 0
    for at, column in enumerate(columns):
        down = 0
        for box in (box for box in boxes if box.column == column):
            place[box.key] = (at * (_WIDTH + _GAP), down)
            down += heights[box.key] + 14
        bottom = max(bottom, down)
    parts = []
    for box in boxes:
        x, y = place[box.key]
        for moved in box.moves:
            if moved in place:
                to_x, to_y = place[moved][0] + _WIDTH, place[moved][1] + heights[moved] // 2
                from_y = y + heights[box.key] // 2
                middle = to_x + _GAP // 2
                parts.append(
                    f'<path d="M{x} {from_y}C{middle} {from_y} {middle} {to_y} {to_x + 5} {to_y}" fill="none" '
                    f'stroke="{SOFT}" stroke-width="1.2"/>'
                    f'<path d="M{to_x} {to_y}l7 -4v8z" fill="{SOFT}"/>'
                )
    for box in boxes:
        x, y = place[box.key]
        stroke = SHOWN if box.column == columns[0] else LINE
        parts.append(
            f'<rect x="{x + 1}" y="{y + 1}" width="{_WIDTH - 2}" height="{heights[box.key] - 2}" rx="6" fill="#fff" '
            f'stroke="{stroke}" stroke-width="1.5"/>'
        )
        parts += [
            f'<text x="{x + _PAD}" y="{y + _PAD + (number + 1) * _LINE_HEIGHT - 4}" font-size="12" fill="{INK}">'
            f"{escape(line)}</text>"
            for number, line in enumerate(lines[box.key])
        ]
    name = escape(plain(title))
    width = len(columns) * (_WIDTH + _GAP) - _GAP
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom}" width="{width}" height="{bottom}" '
        f'role="img" aria-label="{name}"><title>{name}</title><g aria-hidden="true" font-family="sans-serif">'
        f"{''.join(parts)}</g></svg>"
    )


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(plain(text), width=_CHARACTERS, max_lines=_MOST_LINES, placeholder=" …") or [""]
