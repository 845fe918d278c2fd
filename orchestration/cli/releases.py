"""`equity release list | show | verify`: what was published, what a release says about itself, whether it holds."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from orchestration.cli.options import DataDir, SettingsFile
from orchestration.errors import EXIT_ERROR

app = typer.Typer(help="Look at published releases.", no_args_is_help=True)

ReleaseId = Annotated[str, typer.Argument(help="A release id, or `current`.")]


@app.command("list")
def list_(settings_file: SettingsFile = None, data_dir: DataDir = None) -> None:
    """List every release, newest first; `*` marks the current one."""
    from rich.console import Console
    from rich.table import Table

    from orchestration.release.store import list_releases
    from orchestration.settings import load_settings

    releases = list_releases(load_settings(settings_file, data_dir=data_dir))
    if not releases:
        typer.echo("No release yet; `equity run` publishes one.")
        return
    table = Table(show_edge=False)
    for name in ("", "release", "data as of"):
        table.add_column(name, no_wrap=True)
    for name in ("slices published", "with caution", "held"):
        table.add_column(name, justify="right")
    for release in releases:
        manifest = release.manifest or {}
        verdicts = manifest.get("verdicts", {})
        counts = (f"{verdicts.get(verdict, 0):,}" for verdict in ("publish", "warn", "hold"))
        table.add_row(
            "*" if release.is_current else "", release.release_id, manifest.get("data_as_of", "no manifest"), *counts
        )
    # A release id is meant to be copied: it is never cut to the width of the terminal.
    console = Console()
    console.print(table, width=max(console.width, 100))


@app.command("show")
def show(
    release_id: ReleaseId = "current",
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as it is.")] = False,
    settings_file: SettingsFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show what a release says about itself: where its numbers come from, what was held and suppressed, its files."""
    from orchestration.release.store import find_release, show_release
    from orchestration.settings import load_settings

    settings = load_settings(settings_file, data_dir=data_dir)
    manifest = show_release(settings, release_id)
    if as_json:
        typer.echo(json.dumps(manifest, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{manifest['release_id']}  {manifest['title']}\n{find_release(settings, release_id)}\n")
    for name in (
        "created_at",
        "run_id",
        "code_version",
        "data_as_of",
        "window",
        "gate",
        "rows",
        "verdicts",
        "suppression",
        "audit",
    ):
        typer.echo(f"{name.replace('_', ' '):14} {_in_words(manifest.get(name))}")
    typer.echo(f"\n{len(manifest['inputs'])} input files, {len(manifest['files'])} files; `--json` lists them.")


@app.command("verify")
def verify(release_id: ReleaseId = "current", settings_file: SettingsFile = None, data_dir: DataDir = None) -> None:
    """Check that a release is as it was published: every file's hash, equal rows in every format, no small count.

    Exit code 1 when something is wrong.
    """
    from orchestration.release.store import verify_release
    from orchestration.settings import load_settings

    verification = verify_release(load_settings(settings_file, data_dir=data_dir), release_id)
    for finding in verification.findings:
        typer.echo(f"wrong: {finding}")
    state = "as published" if verification.ok else f"{len(verification.findings)} finding(s)"
    typer.echo(f"{verification.release_id}: {verification.files_checked} files checked, {state}")
    if not verification.ok:
        raise typer.Exit(EXIT_ERROR)


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_in_words(item)}" for key, item in value.items())
    return str(value)
