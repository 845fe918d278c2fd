"""Runs one command and measures it: wall and CPU seconds, and the peak memory of the process."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_HIGH_WATER = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
PHASE = re.compile(r"^done\s+([0-9.]+) s\s+(.+?): ", re.MULTILINE)


@dataclass(frozen=True)
class Measured:
    """One command's cost; `phases` are the seconds that it printed itself."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    phases: dict[str, float] = field(default_factory=dict)


class _Peak:
    """The most memory that a process has had, asked again and again while it runs.

    What the system says at its end counts the process that started it too, which may be the larger one.
    """

    def __init__(self, pid: int) -> None:
        self.megabytes = 0.0
        self._status, self._ended = Path(f"/proc/{pid}/status"), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            try:
                found = _HIGH_WATER.search(self._status.read_text())
            except OSError:
                return  # it has ended
            if found:
                self.megabytes = int(found[1]) / 1024


def measured(command: Sequence[str], variables: Mapping[str, str] = os.environ) -> Measured:
    """Run `command` to its end, with these variables. Raises CalledProcessError with what it printed when it fails."""
    environment = {name: value for name, value in variables.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    with subprocess.Popen(
        list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        peak = _Peak(process.pid)
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    peak.stop()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), output)
    return Measured(
        wall_seconds=wall,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mb=peak.megabytes,
        phases={name: float(seconds) for seconds, name in PHASE.findall(output)},
    )
