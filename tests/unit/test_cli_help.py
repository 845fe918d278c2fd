"""Every command explains itself, and saying so costs no heavy import."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
import typer.main

from orchestration.cli.app import app
from orchestration.settings import PROJECT_ROOT

HEAVY = ("dagster", "dagster_dbt", "dbt", "duckdb", "great_expectations", "numpy", "pandas", "pyarrow", "scipy")


def commands() -> Iterator[tuple[str, click.Command]]:
    def walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield name, command
        for inner_name, inner in getattr(command, "commands", {}).items():
            yield from walk(f"{name} {inner_name}", inner)

    return walk("equity", typer.main.get_command(app))


COMMANDS = dict(commands())


def test_the_commands_are_those_of_the_design() -> None:
    assert set(COMMANDS) == {
        "equity",
        *(f"equity {name}" for name in ("run", "pull", "gate", "release", "report", "query")),
        *(f"equity {name}" for name in ("init", "doctor", "synth", "dagster-home")),
        *(f"equity release {name}" for name in ("list", "show", "verify")),
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_argument_and_option_has_words(name: str) -> None:
    command = COMMANDS[name]
    assert len(command.help or "") > 20
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name}: `{parameter.name}` has no help"


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, json, orchestration.cli.app; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert set(HEAVY) & set(json.loads(output.stdout)) == set()
