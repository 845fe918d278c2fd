"""Where Dagster's own messages go: a file per run when the command line launches, the console otherwise."""

import logging
from pathlib import Path

import dagster as dg


@dg.logger({"folder": str}, description="Dagster's own log of a run, in a file.")
def file_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """One file per run; the screen stays free for what the run says about the data."""
    folder = Path(context.logger_config["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    logger = logging.Logger("equity.dagster", level=logging.INFO)
    handler = logging.FileHandler(folder / f"{context.run_id or 'run'}.dagster.log", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    return logger


LOGGERS: dict[str, dg.LoggerDefinition] = {"console": dg.colored_console_logger, "file": file_logger}
