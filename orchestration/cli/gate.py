"""`equity gate`: judge the warehouse as it is, for instance after a threshold was changed, and say what is held."""

from __future__ import annotations

from orchestration.cli.options import DataDir, SettingsFile


def gate(settings_file: SettingsFile = None, data_dir: DataDir = None) -> None:
    """Judge the data of the last run anew and show the verdicts; nothing is published.

    Useful after editing expectations/thresholds.toml. Exit code 3 when the structure of the data is wrong.
    """
    from rich.console import Console

    from orchestration.cli.screen import Screen
    from orchestration.cli.summary import verdict_table
    from orchestration.settings import load_settings

    settings = load_settings(settings_file, data_dir=data_dir)
    with Screen(settings.title) as screen:
        from orchestration.definitions import build_definitions
        from orchestration.defs.gate import KEY
        from orchestration.defs.launch import launch

        launch(build_definitions(settings, screen.progress), settings, [KEY])
    Console().print(verdict_table(settings))
