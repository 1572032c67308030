"""The way to the local cloud's server: one call is one connection to its socket, one line out, one line back."""

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from portal.cloud.errors import Broken, Temporary
from portal.cloud.local.wire import error_from_json, pack, unpack

_DOWN = "The local cloud is not answering. It starts again by itself; try again in a moment."


class Client:
    """Calls methods of the server. Holds no connection, so it may be shared by threads and outlive a fork or a restart
    of the server; a connection costs about 0.1 ms."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def call(self, method: str, params: Mapping[str, Any] | None = None, timeout: float = 30.0) -> Any:
        """The result of a method. Raises what the server raised; Temporary(LOCAL_CLOUD_DOWN) where it is not there,
        went away or was silent for `timeout` seconds. After that the call may have been carried out: all methods that
        change something are idempotent, so call again."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(timeout)
                connection.connect(str(self._path))
                connection.sendall(pack({"method": method, "params": dict(params or {})}))
                with connection.makefile("rb") as stream:
                    line = stream.readline()
        except OSError as error:
            raise Temporary("LOCAL_CLOUD_DOWN", _DOWN) from error
        if not line.endswith(b"\n"):
            raise Temporary("LOCAL_CLOUD_DOWN", _DOWN)
        try:
            answer = unpack(line)
        except json.JSONDecodeError as error:
            raise Broken("LOCAL_CLOUD_GARBLED", "The local cloud gave an answer that cannot be read.") from error
        if "error" in answer:
            raise error_from_json(answer["error"])
        return answer["result"]

    def inspect(self, task: str, files: Sequence[Path], args: Mapping[str, Any]) -> dict[str, Any]:
        """Run a task of `inspect.py` over exactly these files in a fenced process, 60 seconds at most."""
        params = {"task": task, "files": [str(file) for file in files], "args": dict(args)}
        answer: dict[str, Any] = self.call("inspect", params, timeout=90.0)
        return answer
