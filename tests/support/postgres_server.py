"""Starts a real PostgreSQL server for tests: an unprivileged user's, in a folder of its own, on loopback only."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.ports import free_port

OWNER, OWNER_PASSWORD = "owner", 'owner\'s "word"'


def programs() -> Path | None:
    """The folder with initdb and pg_ctl, the newest installed; None when there is none."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = installed[-1] if installed else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@dataclass(frozen=True)
class Server:
    """A running server: its address, and how to connect to it."""

    port: int
    database: str = "postgres"
    host: str = "127.0.0.1"

    def connect(self, user: str = OWNER, password: str = OWNER_PASSWORD) -> psycopg.Connection:
        return psycopg.connect(
            host=self.host, port=self.port, dbname=self.database, user=user, password=password, autocommit=True
        )


@contextmanager
def server() -> Iterator[Server]:
    """A server for the length of the block. PostgreSQL refuses to run as root: then it runs as `nobody`."""
    bin_folder = programs()
    assert bin_folder is not None
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    folder = Path(tempfile.mkdtemp(prefix="equity-pg-", dir="/tmp"))
    password_file = folder / "password"
    password_file.write_text(OWNER_PASSWORD + "\n", encoding="utf-8")
    if account:
        for path in (folder, password_file):
            os.chown(path, account.pw_uid, account.pw_gid)
    data = folder / "data"
    port = free_port()

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(bin_folder / program), *arguments],
            check=True,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"},
            **identity,
        )

    options = (
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} "
        "-c fsync=off -c shared_buffers=16MB -c track_counts=on"
    )
    try:
        run(
            "initdb",
            *("-D", str(data), "-U", OWNER, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}"),
        )
        run("pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield Server(port)
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
