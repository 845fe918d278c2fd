"""`equity synth` says what a source of each form needs in its settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.cli.synth import synth
from tests.support.small_run import Ended


@pytest.mark.parametrize(("form", "is_said"), [("omop", True), ("fhir", False)])
def test_settings_that_a_form_needs_are_said(
    form: str, is_said: bool, tmp_path: Path, equity: Callable[..., Ended]
) -> None:
    ended = equity("synth", tmp_path / "new", "--patients", 200, "--months", 12, "--format", form)
    assert ended.code == 0
    assert ("condition_types = [32840]" in ended.err) is is_said
    assert ended.out.strip() == str(tmp_path / "new"), "a script can read the folder"


@pytest.mark.parametrize("source", ["registry_files", "fhir_files", "omop"])
def test_the_help_names_the_source_of_each_form(source: str) -> None:
    assert f"`{source}` for" in " ".join((inspect.getdoc(synth) or "").split())
