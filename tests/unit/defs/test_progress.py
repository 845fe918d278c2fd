"""Phases are timed, told of as they go, and marked when they fail; the screen shows them on a terminal and off it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from orchestration.cli.screen import Screen
from orchestration.defs.resources.progress import Phase, Progress


def test_a_phase_reports_when_it_starts_says_something_and_ends() -> None:
    heard: list[tuple[str, str, str]] = []
    progress = Progress(lambda phase: heard.append((phase.name, phase.state, phase.detail)))
    with progress.phase("Pull") as phase:
        phase.say("3 files")
    assert heard == [("Pull", "running", ""), ("Pull", "running", "3 files"), ("Pull", "done", "3 files")]
    assert phase.seconds >= 0
    assert phase.seconds == phase.seconds, "the time stands still when the phase has ended"


def test_a_failing_phase_is_marked_and_the_error_goes_on() -> None:
    progress = Progress()
    with pytest.raises(KeyError), progress.phase("Pull"):
        raise KeyError
    assert [phase.state for phase in progress.phases] == ["failed"]


def test_a_warning_is_kept_apart_from_what_goes_on() -> None:
    phase = Phase("Pull")
    phase.say("3 files")
    phase.say("warning: no languages")
    assert (phase.detail, phase.warnings) == ("3 files", ["no languages"])


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_screen_shows_each_phase_once_it_has_ended(is_terminal: bool) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=is_terminal, width=100)
    with Screen("Title", console) as screen:
        with screen.progress.phase("Pull registry") as phase:
            phase.say("[bold]8[/bold] new file(s)")
            phase.say("warning: no languages")
        with pytest.raises(KeyError), screen.progress.phase("Build"):
            raise KeyError
    text = out.getvalue()
    for words in ("Title", "Pull registry", "[bold]8[/bold] new file(s)", "Build", "note: no languages"):
        assert words in text
    if not is_terminal:
        assert "\x1b" not in text
        assert text.count("Pull registry") == 1
        assert "FAILED" in text
