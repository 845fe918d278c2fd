"""Shared by all tests: nothing reaches the network, and one small run of the whole job that several tests look at."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import Settings
from tests.support import small_run


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to rewrite snapshots instead of comparing with them."""
    parser.addoption("--update-snapshots", action="store_true", help="write snapshots anew instead of comparing")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Refuse every connection that would leave this machine, in the whole session."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"something reached for the network: {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local_only)
        patch.setattr(socket.socket, "connect_ex", local_only)
        patch.delenv("EQUITY_SETTINGS", raising=False)
        yield


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a small registry on which the whole job has run once. To look at; `published_copy` is to touch."""
    return small_run.publish(tmp_path_factory.mktemp("published"))


@pytest.fixture
def published_copy(published: Settings, tmp_path: Path) -> Settings:
    """The same, in a folder of the test's own."""
    return small_run.copy_of(published, tmp_path / "var")


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder without settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def equity(capsys: pytest.CaptureFixture[str]) -> Callable[..., small_run.Ended]:
    """Run an `equity` command in this process: `equity("run", "--data-dir", …)`."""

    def run(*arguments: object) -> small_run.Ended:
        return small_run.command(capsys, *arguments)

    return run
