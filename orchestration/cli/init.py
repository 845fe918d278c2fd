"""`equity init`: write a commented `equity.toml` to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from orchestration.errors import SettingsError


def template() -> str:
    """The commented settings file: every setting with its meaning and its default."""
    return (files("orchestration.cli") / "equity.toml.template").read_text(encoding="utf-8")


def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("equity.toml"),
    print_only: Annotated[bool, typer.Option("--print", help="Print it instead of writing a file.")] = False,
) -> None:
    """Write a commented settings file. An existing one is never overwritten."""
    if print_only:
        typer.echo(template(), nl=False)
        return
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template())
    except OSError as error:
        raise SettingsError(
            "the settings file can be written and does not exist yet",
            where=str(path),
            found=error.strerror or type(error).__name__,
            remedy="name another file, or `equity init --print`",
        ) from None
    typer.echo(f"{path}: correct `path` of the sources, then `equity doctor` and `equity run`")
