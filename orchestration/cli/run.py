"""`equity run` and `equity pull`: launch the one Dagster job, whole or in part, here, and show how it goes."""

from __future__ import annotations

import gc
import time
from typing import Annotated

import typer

from orchestration.cli.options import DataDir, SettingsFile
from orchestration.errors import SettingsError


def run(settings_file: SettingsFile = None, data_dir: DataDir = None) -> None:
    """Run the whole job: pull, transform, judge, analyse and publish a release.

    Without settings it runs on the built-in demo: invented children in an invented county. It ends with the largest
    gaps, what was held and why, what was suppressed, and the folder of the release. The run is visible in the web UI
    afterwards (`make dev`). Exit code 3: the gate refused publication; the previous release then stays current.
    """
    started = time.perf_counter()
    # Importing makes a million objects that stay; looking for garbage among them again and again costs a tenth of it.
    gc.set_threshold(100_000, 50, 50)
    from orchestration.cli.screen import Screen
    from orchestration.settings import load_settings

    settings = load_settings(settings_file, data_dir=data_dir)
    with Screen(settings.title) as screen:
        with screen.progress.phase("Start up") as phase:
            phase.started = started
            from orchestration.definitions import build_definitions
            from orchestration.defs.launch import launch

            definitions = build_definitions(settings, screen.progress)
        launch(definitions, settings)
    from orchestration.cli.summary import print_summary

    print_summary(settings, screen.progress.phases, time.perf_counter() - started)


def pull(
    source: Annotated[
        str | None, typer.Argument(help="Name of one source of the settings. Default: every source.")
    ] = None,
    settings_file: SettingsFile = None,
    data_dir: DataDir = None,
) -> None:
    """Bring new files of the sources into the raw zone, and nothing more.

    Files whose content has been pulled before are skipped. Nothing is transformed or published: `equity run` does that.
    """
    from orchestration.cli.screen import Screen
    from orchestration.settings import load_settings

    settings = load_settings(settings_file, data_dir=data_dir)
    names = [one.name for one in settings.sources]
    if source is not None and source not in names:
        raise SettingsError(
            "the source is one of the settings",
            where="equity pull",
            found=f"no source {source!r}",
            remedy=f"one of: {', '.join(names) or 'none is configured'}",
        )
    with Screen(settings.title) as screen:
        from orchestration.definitions import build_definitions
        from orchestration.defs.ingest import pull_selection
        from orchestration.defs.launch import launch

        definitions = build_definitions(settings, screen.progress)
        launch(definitions, settings, pull_selection(settings, source))


def dagster_home(settings_file: SettingsFile = None, data_dir: DataDir = None) -> None:
    """Make the folder that Dagster's web UI shares with this command, and print it (`make dev` uses it)."""
    from orchestration.defs.instance import write_dagster_home
    from orchestration.settings import load_settings

    typer.echo(write_dagster_home(load_settings(settings_file, data_dir=data_dir).dagster_home))
