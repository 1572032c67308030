"""supervisord and what is asked of it: start, begin one program, stop, and end what a killed house left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xmlrpc.client import Error as RpcError
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from portal.house.folder import Folder, Refused
from portal.house.tie import tie

BASE = Path(__file__).resolve().parents[2]
CONFIG = BASE / "supervisord.conf"
STOP_SECONDS = 20.0  # two groups of programs, one after the other, of 5 s at most each


def environment(folder: Folder, settings: Any, redis: str) -> dict[str, str]:
    """What supervisord.conf asks for. `redis` is the server's program, or "" where the site has another Redis."""
    cloud = settings.CONNECTIONS[settings.DEFAULT_CONNECTION]
    return {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PYTHONUNBUFFERED": "1",
        "CELERY_SKIP_CHECKS": "1",  # of Django, by worker and beat each: over a second, and `make check` has made them
        "HOUSE_PYTHON": sys.executable,
        "HOUSE_DATA": str(folder.data),
        "HOUSE_RUN": str(folder.run),
        "HOUSE_LOGS": str(folder.logs),
        "HOUSE_REDIS": redis or "redis-server",
        "HOUSE_OWN_REDIS": "true" if redis else "false",
        "HOUSE_CLOUD_ROOT": cloud["root"],
        "HOUSE_CLOUD_SOCKET": cloud["socket"],
        "HOUSE_ACCEPT_UNFENCED_TRAINING": str(settings.ACCEPT_UNFENCED_TRAINING).lower(),
        "HOUSE_WORKERS": str(settings.WORKERS),
        "HOUSE_LOG_LEVEL": settings.LOG_LEVEL,
    }


class Supervisor:
    """One supervisord: a child of this process, in a session of its own so that Ctrl-C reaches us alone."""

    def __init__(self, folder: Folder, variables: dict[str, str]) -> None:
        self._folder = folder
        self._variables = variables
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start supervisord and, by it, every program but web and beat; back when it answers, else Refused."""
        program = [sys.executable, "-m", "supervisor.supervisord", "-c", str(CONFIG)]
        with open(self._folder.logs / "supervisord.out", "wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own configuration
                [*program, "--pidfile", str(self._folder.supervisor_pid)],
                cwd=BASE,
                env=os.environ | self._variables,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=lambda: tie(signal.SIGTERM),  # if we are killed, it stops all in good order
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Refused(f"The processes could not be started: see {self._folder.logs}/supervisord.out")
            time.sleep(0.05)

    def begin(self, program: str) -> None:
        """Start one of the programs that wait for this; from then on it is started again whenever it dies."""
        with rpc(self._folder) as supervisor:
            supervisor.startProcess(f"asks:{program}", False)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> bool:
        """Stop all programs in good order, then supervisord; False where it had to be killed."""
        if self._process is None or not self.alive:
            return True
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def kill(self) -> None:
        """End supervisord at once; its programs are tied to it."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with rpc(self._folder) as supervisor:
                return bool(supervisor.getState()["statename"] == "RUNNING")
        except (OSError, RpcError):
            return False


@contextlib.contextmanager
def rpc(folder: Folder) -> Iterator[Any]:
    """supervisord's own interface on its socket (http://supervisord.org/api.html)."""
    socket = f"unix://{folder.run}/supervisor.sock"
    with ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, serverurl=socket)) as server:
        yield server.supervisor


def end_stale(folder: Folder) -> None:
    """End the supervisord of a house on this folder that was itself killed. Refused where it cannot be ended."""
    try:
        pid = int(folder.supervisor_pid.read_text())
    except (OSError, ValueError):
        return
    for number, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + patience
        if _runs(pid, folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while _runs(pid, folder) and time.monotonic() < deadline:
            time.sleep(0.05)
    if _runs(pid, folder):
        raise Refused(f"A supervisor of an earlier start (process {pid}) does not end. End it with “kill -9 {pid}”.")
    folder.supervisor_pid.unlink(missing_ok=True)


def _runs(pid: int, folder: Folder) -> bool:
    """Is that process a supervisord of this very folder? A number may long belong to somebody else."""
    if sys.platform == "linux":
        file = Path(f"/proc/{pid}/cmdline")
        command = file.read_bytes() if file.exists() else b""
    else:
        command = subprocess.run(["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True).stdout  # noqa: S603
    return b"supervisor" in command and os.fsencode(folder.supervisor_pid) in command
