"""What to print for a failure that nobody foresaw outside a run: its type and a log of where it came from."""

from __future__ import annotations

import tempfile
from pathlib import Path

from orchestration.defs.resources.redaction import unexpected


def explained(error: Exception) -> str:
    """The message for the screen; the log it names holds types and source lines, no values."""
    folder = Path(tempfile.mkdtemp(prefix="equity-"))
    return str(unexpected(error, where="equity", logs_dir=folder, run_id="command"))
