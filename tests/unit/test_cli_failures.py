"""A failure ends with what was wrong, where, what to do and the right exit code, without a traceback or data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from orchestration.cli import app as cli
from orchestration.errors import BlockedError, EquityError, SettingsError, SourceError
from tests.support.small_run import Ended

SECRET = "Jane Doe 1234567"


@pytest.mark.parametrize(
    ("error", "code"), [(EquityError, 1), (SourceError, 1), (SettingsError, 2), (BlockedError, 3)], ids=str
)
def test_our_own_errors_say_rule_where_found_and_remedy(
    error: type[EquityError], code: int, equity: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = ends_with(error("a rule", where="a file", found="something", remedy="a remedy"), equity, monkeypatch)
    assert ended.code == code
    assert ended.err == "equity: a file: a rule\n  found:  something\n  remedy: a remedy\n"


def test_an_unforeseen_error_names_a_log_and_tells_no_data(
    equity: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = ends_with(ValueError(f"cannot read '{SECRET}'"), equity, monkeypatch)
    assert ended.code == 1
    assert "equity: stopped by an error that this program does not know" in ended.err
    assert "ValueError: cannot read" in ended.err
    assert "Traceback" not in ended.err
    log = Path(next(word for word in ended.err.split() if word.endswith(".failure.log")))
    text = log.read_text(encoding="utf-8")
    assert "raise error" in text, "the log says where it came from"
    assert SECRET not in ended.err + text
    assert "Jane" not in ended.err + text


def test_stopping_by_hand_is_no_traceback(equity: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    ended = ends_with(KeyboardInterrupt(), equity, monkeypatch)
    assert ended.code == 130
    assert "Traceback" not in ended.err


def ends_with(error: BaseException, equity: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> Ended:
    def raises(*arguments: object, **options: object) -> NoReturn:
        raise error

    monkeypatch.setattr("orchestration.synthetic.registry.generate", raises)
    monkeypatch.setattr("orchestration.cli.synth.Path.exists", lambda self: False)
    return equity("synth", "nowhere")


def test_unknown_commands_and_options_are_usage_errors(equity: Callable[..., Ended]) -> None:
    assert equity("no-such-command").code == 2
    assert equity("run", "--no-such-option").code == 2


def test_a_missing_settings_file_is_named(in_folder: Path, equity: Callable[..., Ended]) -> None:
    ended = equity("run", "--settings", "absent.toml")
    assert ended.code == 2
    assert "absent.toml" in ended.err
    assert "equity init" in ended.err


@pytest.mark.parametrize("text", ["no = [toml", "title = 3", "unknown = 1", '[gate]\nprofil = "x"'])
def test_a_wrong_settings_file_is_a_settings_error(text: str, in_folder: Path, equity: Callable[..., Ended]) -> None:
    (in_folder / "equity.toml").write_text(text, encoding="utf-8")
    ended = equity("doctor")
    assert ended.code == 2
    assert "equity.toml" in ended.err
    assert "Traceback" not in ended.err


def test_an_unknown_source_lists_the_known_ones(in_folder: Path, equity: Callable[..., Ended]) -> None:
    ended = equity("pull", "nobody")
    assert ended.code == 2
    assert "registry, tracts" in ended.err


def test_exit_codes_are_in_the_help(equity: Callable[..., Ended]) -> None:
    assert "3 blocked" in " ".join(equity("--help").out.split())


def test_the_settings_file_of_the_environment_is_used(
    in_folder: Path, equity: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUITY_SETTINGS", "elsewhere.toml")
    assert "elsewhere.toml" in equity("doctor").err


def test_main_takes_the_process_arguments(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["equity", "init", "--print"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code in (0, None)
    assert "[[sources]]" in capsys.readouterr().out
