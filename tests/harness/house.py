"""A whole Skydeck for a test: its own data folder, and each of its programs a real process that can be killed."""

import configparser
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import redis

from tests.harness.postgres import connect
from tests.harness.processes import BASE, Process
from tests.harness.waiting import until

SESSION_COOKIE = "skydeck_session"


@dataclass(frozen=True)
class Visitor:
    """A person of the house: bearer token, and the value of the session cookie."""

    token: str
    session: str


class House:
    """Programs `redis`, `cloud`, `worker`, `watch`, `web` as supervisord.conf has them, in `programs`. Alice, Bob and
    the others (harness/people.py) are in `people`. `database_url` "" is SQLite in its folder."""

    def __init__(self, database_url: str = "", **settings: str) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="skyhouse-", dir="/tmp"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = clean_environment() | {
            "SKYDECK_DATA": str(self.data),
            "SKYDECK_PORT": str(self.port),
            "SKYDECK_WORKERS": "2",
            "SKYDECK_SAMPLE": "false",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "PYTHONUNBUFFERED": "1",
            **({"DATABASE_URL": database_url} if database_url else {}),
            **settings,
        }
        self.people: dict[str, Visitor] = {}
        self.programs: dict[str, Process] = {}

    def open(self) -> "House":
        """Migrate, make the people, start every program, and wait for /readyz."""
        for folder in ("run", "logs"):
            (self.data / folder).mkdir(mode=0o700)
        variables = self.environment | json.loads(self._python("-c", _VARIABLES))
        self.programs = {
            name: Process(command, self.data / "logs" / name, self.environment)
            for name, command in _commands(variables)
        }
        self.manage("migrate", "--verbosity", "0", "--skip-checks")
        self.people = {
            name: Visitor(**who) for name, who in json.loads(self._python("-m", "tests.harness.seed")).items()
        }
        for program in self.programs.values():
            program.start()
        self.wait_until_ready()
        return self

    def close(self) -> None:
        """End every process, then remove the folder."""
        for program in reversed(self.programs.values()):
            program.kill()
        self._end_jobs()
        shutil.rmtree(self.data, ignore_errors=True)

    def wait_until_ready(self, seconds: float = 60.0) -> None:
        """For /readyz to say so, with the programs' last words where it does not."""
        try:
            until(self.ready, seconds, "/readyz", every=0.1)
        except AssertionError as error:
            words = "\n".join(f"--- {name}: {program.words()[-800:]}" for name, program in self.programs.items())
            raise AssertionError(f"{error}\n{words}") from None

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def api(self, username: str = "bob", timeout: float = 70.0) -> httpx.Client:
        """A client of /api/v1 with that person's token; the caller closes it."""
        headers = {"Authorization": f"Bearer {self.people[username].token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=timeout)

    def cookie(self, username: str = "bob") -> dict[str, Any]:
        """That person's session, for `page.context.add_cookies([...])`."""
        return {"name": SESSION_COOKIE, "value": self.people[username].session, "url": self.url}

    def manage(self, *arguments: str) -> str:
        """What a management command printed."""
        return self._python("manage.py", *arguments)

    def shell(self, code: str) -> str:
        """What Python code, run within this house's Django, printed."""
        return self._python("-c", f"import django; django.setup()\n{code}")

    @contextlib.contextmanager
    def database(self) -> Iterator[Any]:
        """A connection to its database, past Django: sqlite3's or psycopg's."""
        url = self.environment.get("DATABASE_URL", "")
        database: Any = connect(url) if url else sqlite3.connect(self.data / "portal.sqlite3", timeout=20)
        try:
            yield database
        finally:
            database.close()

    @contextlib.contextmanager
    def frozen(self, *programs: str) -> Iterator[None]:
        """Those programs and their children stop where they are, and go on after; on SQLite never in the middle of a
        write, which would stop everybody else's."""
        try:
            with self.database() as database:
                if isinstance(database, sqlite3.Connection):
                    database.execute("BEGIN IMMEDIATE")
                for name in programs:
                    os.killpg(self.programs[name].pid, signal.SIGSTOP)
                database.rollback()
            yield
        finally:
            for name in programs:
                if self.programs[name].alive:
                    os.killpg(self.programs[name].pid, signal.SIGCONT)

    def flush_redis(self) -> None:
        """Empty it, as an administrator's mistake would."""
        with redis.Redis.from_url(f"unix://{self.data / 'run' / 'redis.sock'}") as client:
            client.flushall()

    def journal(self) -> list[dict[str, Any]]:
        """The local cloud's own log: {at, event, kind, ref, token}."""
        file = self.data / "local" / "local" / "journal.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def _python(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=BASE, env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{arguments} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _end_jobs(self) -> None:
        """Training goes on when its house ends; a test's does not."""
        import psutil

        for process in psutil.process_iter(["cmdline", "environ"]):
            told = " ".join(process.info["cmdline"] or []) + " ".join((process.info["environ"] or {}).values())
            if str(self.data) in told and process.pid != os.getpid():
                process.kill()


_VARIABLES = """
import json, sys
from django.conf import settings
from portal.house import redis, supervisor
from portal.house.folder import Folder
print(json.dumps(supervisor.environment(Folder(settings.DATA, settings.RUN_FOLDER), settings, redis.server())))
"""


def _commands(variables: dict[str, str]) -> list[tuple[str, list[str]]]:
    """The programs of supervisord.conf with their commands; what runs here is what runs there."""
    config = configparser.RawConfigParser()
    config.read(BASE / "supervisord.conf")
    values = {f"ENV_{name}": value for name, value in variables.items()}
    sections = [name for name in config.sections() if name.startswith("program:") and name != "program:beat"]
    return [(name.partition(":")[2], shlex.split(config[name]["command"] % values)) for name in sections]


def clean_environment() -> dict[str, str]:
    """Ours, without what belongs to a site or to another test."""
    ours = ("SKYDECK_", "DATABASE_URL", "REDIS_URL", "DJANGO_", "HOUSE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def free_port() -> int:
    """A port of this machine that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
