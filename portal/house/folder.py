"""The data folder: made, found fit, and held by one house at a time."""

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class Refused(Exception):
    """The house cannot stand like this. The message is one line that says what to do."""


@dataclass(frozen=True)
class Folder:
    """A data folder and the folder of its sockets, which may lie elsewhere (places.run_folder)."""

    data: Path
    run: Path

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def lock(self) -> Path:
        return self.data / "run" / "lock"

    @property
    def supervisor_pid(self) -> Path:
        return self.data / "run" / "supervisor.pid"

    @property
    def sample_wanted(self) -> Path:
        """There from the first start until the sample workspace is loaded whole."""
        return self.data / "sample-wanted"

    def prepare(self) -> None:
        """Make the folders, for their owner's eyes alone. Refused where that cannot be."""
        for folder in (self.data, self.data / "run", self.run, self.logs):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                found = folder.lstat()
                if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                    raise Refused(
                        f"{folder} belongs to somebody else. Remove it, or set SKYDECK_DATA to another folder."
                    )
                folder.chmod(0o700)
                (folder / ".writable").touch()
                (folder / ".writable").unlink()
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise Refused(
                    f"The data folder {self.data} cannot be written ({why}). "
                    "Make it writable or set SKYDECK_DATA to one that is."
                ) from None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for as long as this process lives. Refused where another does."""
        with open(self.lock, "a+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.seek(0)
                holder = handle.read().strip() or "unknown"
                raise Refused(
                    f"Skydeck runs on {self.data} already (process {holder}). Stop it with Ctrl-C where it was started "
                    f"or with “kill {holder}”, or start another elsewhere: SKYDECK_DATA=… SKYDECK_PORT=… make run"
                ) from None
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            yield


def require_port(host: str, port: int) -> None:
    """Refused where somebody else listens there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise Refused(
            f"Port {port} on {host} cannot be had ({error.strerror or error}). "
            f"Stop the program that has it, or choose another: SKYDECK_PORT={port % 65535 + 1} make run"
        ) from None
