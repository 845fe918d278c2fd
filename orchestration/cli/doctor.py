"""`equity doctor`: what is configured, reachable, readable and missing. Looks at everything, changes nothing."""

from __future__ import annotations

import typer

from orchestration.cli.options import DataDir, SettingsFile
from orchestration.errors import EXIT_ERROR

_INDENT = 23


def doctor(settings_file: SettingsFile = None, data_dir: DataDir = None) -> None:
    """Say what is configured, reachable, readable and missing. Exit code 1 when a run would fail."""
    from rich.console import Console
    from rich.text import Text

    from orchestration.cli.findings import Finding, findings
    from orchestration.settings import load_settings

    found: list[Finding] = list(findings(load_settings(settings_file, data_dir=data_dir)))
    console = Console()
    styles = {"ok": "green", "note": "yellow", "wrong": "red"}
    for finding in found:
        words = finding.words.replace("\n", "\n" + " " * _INDENT)
        line = Text.assemble((f"{finding.state:6}", styles[finding.state]), f"{finding.what:16} ", words)
        console.print(line, soft_wrap=True)
    if any(finding.state == "wrong" for finding in found):
        raise typer.Exit(EXIT_ERROR)
