"""`manage.py run` as a person starts it, on a folder of the test's own."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
import psutil

from portal.house.folder import Folder
from portal.house.places import run_folder
from portal.house.supervisor import rpc
from tests.harness.house import clean_environment, free_port
from tests.harness.processes import Process
from tests.harness.waiting import until

PROGRAMS = {"redis", "cloud", "worker", "beat", "watch", "web"}


class Run:
    """One `manage.py run`, in a session of its own, where a signal to its group is what Ctrl-C is at a terminal."""

    def __init__(self, data: Path, port: int | None = None, **settings: str) -> None:
        self.folder = Folder(data, run_folder(data))
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = clean_environment() | {"SKYDECK_DATA": str(data), "SKYDECK_PORT": str(self.port)}
        environment |= {"SKYDECK_SAMPLE": "false", "SKYDECK_WORKERS": "2", **settings}
        log = Path(tempfile.mkstemp(prefix="run-", suffix=".log", dir=os.environ["SKYDECK_DATA"])[1])
        self.process = Process([sys.executable, "manage.py", "run"], log, environment)

    def start(self) -> "Run":
        """Start, and wait for the line with the link."""
        self.process.start()
        until(lambda: "Sign in:" in self.words() or not self.process.alive, 90, f"the sign-in line\n{self.words()}")
        assert self.process.alive, self.words()
        return self

    def words(self) -> str:
        return self.process.words()

    def interrupt(self) -> None:
        """Ctrl-C, and wait until it has ended."""
        os.killpg(self.process.pid, signal.SIGINT)
        until(lambda: not self.process.alive, 40, f"the end\n{self.words()}")

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def pids(self) -> dict[str, int]:
        """Of the programs that run, by name."""
        try:
            with rpc(self.folder) as supervisor:
                found: list[dict[str, Any]] = supervisor.getAllProcessInfo()
        except OSError:
            return {}
        return {one["name"]: one["pid"] for one in found if one["statename"] == "RUNNING"}

    def members(self) -> list[psutil.Process]:
        """Every living process of this house, but those that `ps` alone would still list."""
        found = []
        for process in psutil.process_iter():
            try:
                # Redis writes its title over its environment.
                told = [process.environ().get("SKYDECK_DATA", ""), *process.cmdline()]
                mine = any(str(self.folder.data) in word or str(self.folder.run) in word for word in told)
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def close(self) -> None:
        """Whatever is left."""
        self.process.kill() if self.process.alive else None
        for process in self.members():
            process.kill()
        shutil.rmtree(self.folder.run, ignore_errors=True)
