"""Writes docs/methods.md from the specifications: `python -m tests.spec.methods`."""

from tests.spec.methods.page import PAGE, render

PAGE.write_text(render(), encoding="utf-8")
