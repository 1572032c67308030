"""Real processes of a test: started in a group of their own, killed at will, gone at the end."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from portal.house.tie import tie

BASE = Path(__file__).resolve().parents[2]


class Process:
    """A command that can be started, killed and started again. Its output goes to `log`. It does not outlive the thread
    that started it, so a killed test run leaves nothing."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.command = list(command)
        self.log = log
        self.environment = dict(environment) if environment is not None else None
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._popen, "not started"
        return self._popen.pid

    @property
    def alive(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        """Nothing happens where it lives already."""
        if self.alive:
            return
        with open(self.log, "ab") as out:
            self._popen = subprocess.Popen(
                self.command,
                cwd=BASE,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=tie,
            )

    def kill(self) -> None:
        """SIGKILL to it and all its group, as `kill -9` or the OOM killer would."""
        self._end(signal.SIGKILL, 10)

    def kill_alone(self) -> None:
        """SIGKILL to the process itself; what it started lives on, if it can."""
        assert self._popen
        self._popen.kill()
        self._popen.wait(10)

    def stop(self, seconds: float = 10.0) -> None:
        """SIGTERM, and SIGKILL to what is left after `seconds`."""
        if self.alive:
            assert self._popen
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(seconds)
        self._end(signal.SIGKILL, 10)

    def words(self) -> str:
        """The end of its output, for the message of a failed test."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def _end(self, number: signal.Signals, seconds: float) -> None:
        if self._popen is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)
        self._popen.wait(seconds)
