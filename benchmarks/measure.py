"""Runs one command and measures it: wall and CPU seconds, and the peak memory of the process."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

PHASE = re.compile(r"^done\s+([0-9.]+) s\s+(.+?): ", re.MULTILINE)


@dataclass(frozen=True)
class Measured:
    """One command's cost; `phases` are the seconds that it printed itself."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    phases: dict[str, float] = field(default_factory=dict)


def measured(command: Sequence[str]) -> Measured:
    """Run `command` to its end. Raises CalledProcessError with what it printed when it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    with subprocess.Popen(
        list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), output)
    return Measured(
        wall_seconds=wall,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / 1024,
        phases={name: float(seconds) for seconds, name in PHASE.findall(output)},
    )
