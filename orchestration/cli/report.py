"""`equity report`: open the current release's report in the browser, or say where it is."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.options import DataDir, SettingsFile
from orchestration.errors import EquityError


def report(
    print_only: Annotated[bool, typer.Option("--print", help="Print the path instead of opening a browser.")] = False,
    settings_file: SettingsFile = None,
    data_dir: DataDir = None,
) -> None:
    """Open the report of the current release; it is one page that needs no network."""
    from orchestration.release.store import find_release
    from orchestration.settings import load_settings

    path = find_release(load_settings(settings_file, data_dir=data_dir)) / "report" / "index.html"
    if not path.is_file():
        raise EquityError(
            "a release has a report",
            where=str(path),
            found="no such file",
            remedy="`equity release verify` says what else is wrong",
        )
    if not print_only:
        import webbrowser

        if webbrowser.open(path.as_uri()):
            return
    typer.echo(path)
