"""`equity doctor`: what is configured, reachable, readable and missing. Looks at everything, changes nothing."""

from __future__ import annotations

import typer

from orchestration.cli.options import DataDir, SettingsFile
from orchestration.errors import EXIT_ERROR


def doctor(settings_file: SettingsFile = None, data_dir: DataDir = None) -> None:
    """Say what is configured, reachable, readable and missing. Exit code 1 when a run would fail."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from orchestration.cli.findings import Finding, findings
    from orchestration.settings import load_settings

    found: list[Finding] = list(findings(load_settings(settings_file, data_dir=data_dir)))
    table = Table.grid(padding=(0, 2))
    styles = {"ok": "green", "note": "yellow", "wrong": "red"}
    for finding in found:
        table.add_row(Text(finding.state, style=styles[finding.state]), finding.what, Text(finding.words))
    Console().print(table)
    if any(finding.state == "wrong" for finding in found):
        raise typer.Exit(EXIT_ERROR)
