"""What /proc says of a process and its descendants, and how to end them all. Source: proc_pid_stat(5)."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Process:
    """One line of /proc/<pid>/stat; `resident` in bytes."""

    pid: int
    parent: int
    session: int
    resident: int
    zombie: bool


def processes() -> Iterator[Process]:
    """All processes that can be seen."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            text = Path("/proc", name, "stat").read_text(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        fields = text[text.rindex(")") + 2 :].split()
        yield Process(int(name), int(fields[1]), int(fields[3]), int(fields[21]) * _PAGE, fields[0] in "ZX")


def descendants(of: int) -> list[Process]:
    """Children, their children and so on, of process `of`."""
    children: dict[int, list[Process]] = {}
    for process in processes():
        children.setdefault(process.parent, []).append(process)
    found, waiting = [], [of]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += [process.pid for process in below]
    return found


def marked(mark: str) -> list[Process]:
    """Processes that were started with the variable `mark` (NAME=value) in their environment."""
    needle = mark.encode()
    return [process for process in processes() if needle in _environment(process.pid)]


def end_all(find: Callable[[], list[Process]], seconds: float = 10.0) -> bool:
    """SIGKILL whatever `find` finds until it finds nothing; whether that came true within `seconds`."""
    deadline = time.monotonic() + seconds
    while living := [process for process in find() if not process.zombie]:
        for process in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def adopt_orphans() -> None:
    """Make the caller the parent of every descendant that loses its own, so that none escapes `descendants`."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def machine_memory() -> int:
    """Bytes of memory that this machine, or the control group we are in, has."""
    total = os.sysconf("SC_PHYS_PAGES") * _PAGE
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
