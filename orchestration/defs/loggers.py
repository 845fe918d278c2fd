"""Where Dagster's own messages go: a file per run when the command line launches, the console otherwise."""

import logging
from pathlib import Path

import dagster as dg


class _AppendingHandler(logging.Handler):
    """Opens the file for each message: Dagster never says when a logger is no longer needed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Append one message."""
        with self._path.open("a", encoding="utf-8") as log:
            log.write(self.format(record) + "\n")


@dg.logger({"folder": str}, description="Dagster's own log of a run, in a file.")
def file_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """One file per run; the screen stays free for what the run says about the data."""
    folder = Path(context.logger_config["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    logger = logging.Logger("equity.dagster", level=logging.INFO)
    logger.addHandler(_AppendingHandler(folder / f"{context.run_id or 'run'}.dagster.log"))
    return logger


LOGGERS: dict[str, dg.LoggerDefinition] = {"console": dg.colored_console_logger, "file": file_logger}
