"""`make dev` opens Dagster's web UI on this code, and says nothing but what its user needs to know."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
WITHIN_SECONDS = 240


@dataclass(frozen=True)
class WebUi:
    """A web UI that serves at `url`; `log` is what it has written to the terminal."""

    url: str
    log: Path

    def ask(self, query: str) -> dict[str, object]:
        request = urllib.request.Request(
            f"{self.url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            data: dict[str, object] = json.load(answer)["data"]
        return data


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def web_ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUi]:
    """`make dev` as a user starts it, in its own data folder, until the tests are done."""
    folder, port = tmp_path_factory.mktemp("web_ui"), free_port()
    log = folder / "log"
    settings = folder / "equity.toml"
    settings.write_text(f"""data_dir = "var"
[[sources]]
type = "registry_files"
name = "registry"
path = "{folder}"
""")
    environment = {**os.environ, "EQUITY_SETTINGS": str(settings)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["make", "dev", f"PORT={port}"], cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        end = time.monotonic() + WITHIN_SECONDS
        # It says that it serves a moment before it does.
        while not _answers(port) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        yield WebUi(f"http://127.0.0.1:{port}", log)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_the_job_and_its_schedule_are_there(web_ui: WebUi) -> None:
    found = web_ui.ask(
        """{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
            ... on RepositoryLocation { repositories { jobs { name } schedules { scheduleState { status } } } }
            ... on PythonError { message } } } } } }"""
    )
    said = json.dumps(found)
    assert '"refresh"' in said
    assert '"STOPPED"' in said and '"RUNNING"' not in said


def test_it_starts_without_a_warning(web_ui: WebUi) -> None:
    said = web_ui.log.read_text()
    assert "Serving dagster-webserver" in said
    assert "arning" not in said and "superseded" not in said
