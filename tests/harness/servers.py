"""The servers of the test process: Redis and the local cloud, on the sockets that settings name."""

import sys
import tempfile
from pathlib import Path

import redis

from portal.cloud.errors import Temporary
from portal.cloud.local.client import Client
from portal.house.redis import server
from tests.harness.processes import Process
from tests.harness.waiting import until


def start_redis(socket: Path) -> Process:
    """A real Redis on a Unix socket; back when it answers."""
    socket.parent.mkdir(parents=True, exist_ok=True)
    options = {"port": "0", "unixsocket": str(socket), "dir": str(socket.parent), "save": "", "appendonly": "no"}
    command = [server(), *(word for name, value in options.items() for word in (f"--{name}", value))]
    process = Process(command, socket.with_suffix(".log"))
    process.start()
    until(lambda: redis_answers(f"unix://{socket}"), 15, f"Redis\n{process.words()}")
    return process


def redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


class CloudServer:
    """A local cloud's server on a folder: `root`, `socket`, and its process to kill and start again."""

    def __init__(self, root: Path, socket: Path) -> None:
        self.root = root
        self.socket = socket
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [sys.executable, "-m", "portal.cloud.local", "--root", str(root), "--socket", str(socket)]
        self.process = Process(command, Path(tempfile.mkstemp(prefix="cloud-", suffix=".log", dir=socket.parent)[1]))

    def start(self) -> None:
        """Start it where it does not run; back when it answers."""
        self.process.start()
        until(self.answers, 30, f"the local cloud\n{self.process.words()}")

    def answers(self) -> bool:
        try:
            return bool(Client(self.socket).call("ping", timeout=2) == "pong")
        except Temporary:
            return False

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        self.process.stop()
