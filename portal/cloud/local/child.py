"""A child: forked ahead of time, warmed up, given one task, and gone after it.

On its channel it says {"ready": true}, reads one task, says {"begun": true}, does it and answers one line: {"answer":
…}, {"failure": {…}, "raw": text for the log}, or {"error": {…}, "raw"} where a provider's error was raised. Between the
task and the work it limits and fences itself.
"""

import socket
import sysconfig
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portal.cloud.errors import CloudError, Rejected
from portal.cloud.local import engine, fence, process
from portal.cloud.local.connection import keep
from portal.cloud.local.faults import failure_of
from portal.cloud.local.inspect import TASKS
from portal.cloud.local.wire import error_to_json, pack, unpack

GRACE_SECONDS = 1.0  # the server kills at the limit itself; these limits stand should it not be able to
OVERHEAD = 256 * 1024**2  # threads' stacks and the allocator's arenas: address space, little of it used


_LIBRARIES = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
"""What Python may still load: no secrets are there."""


def main(channel: socket.socket, connection: engine.Connection) -> None:
    """Wait for the task and do it. Returns at once where the server closed the channel instead."""
    engine.reseed(connection)
    with channel.makefile("rwb") as stream:
        stream.write(pack({"ready": True}))
        stream.flush()
        line = stream.readline()
        if not line:
            return
        task = unpack(line)
        stream.write(pack({"begun": True}))
        stream.flush()
        stream.write(pack(perform(task, connection)))
        stream.flush()


def perform(task: dict[str, Any], connection: engine.Connection) -> dict[str, Any]:
    """The answer to a task. Everything that goes wrong is part of the answer."""
    try:
        return {"answer": _DO[task["do"]](task, connection)}
    except CloudError as error:
        return {"error": error_to_json(error), "raw": traceback.format_exc()}
    except Exception as error:
        return {"failure": failure_of(error), "raw": traceback.format_exc()}


def _sql(task: dict[str, Any], connection: engine.Connection) -> dict[str, Any]:
    files = [Path(file) for table in task["tables"] for file in table["files"]]
    _confine(task, read=[*files, *_LIBRARIES], write=[Path(task["folder"])])
    return engine.run(task, connection)


def _inspect(task: dict[str, Any], connection: engine.Connection) -> dict[str, Any]:
    keep(connection)
    if task["task"] not in TASKS:
        raise Rejected("UNKNOWN_TASK", "The local cloud does not know how to look at a file in this way.")
    tempfile.tempdir = task["folder"]
    files = [Path(file) for file in task["files"]]
    _confine(task, read=[*files, *fence.system_paths()], write=[Path(task["folder"])])
    return TASKS[task["task"]](task["args"], task["files"])


_DO: dict[str, Callable[[dict[str, Any], engine.Connection], dict[str, Any]]] = {
    "sql": _sql,
    "inspect": _inspect,
}


def _confine(task: dict[str, Any], read: list[Path], write: list[Path]) -> None:
    seconds = task["seconds"] + GRACE_SECONDS
    process.limit(
        memory=task["memory"] + OVERHEAD,
        seconds=seconds,
        cpu_seconds=seconds * task["threads"] + GRACE_SECONDS,
        file_bytes=task["file_bytes"],
    )
    if fence.available():
        fence.restrict(read=read, write=write)
