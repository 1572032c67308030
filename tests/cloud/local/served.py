"""A real server of the local cloud in a process of its own, on a folder of the test's."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from portal.cloud.errors import Temporary
from portal.cloud.local import connect
from portal.cloud.local.client import Client
from portal.cloud.ports import Caller, Cloud, Column, Limits, RunStatus, SqlSpec, Table, TableRead

CODE = Path(__file__).parents[3]
PATIENCE = 30.0


@dataclass
class Served:
    """A folder, the process that serves it, and a connection to it."""

    root: Path
    socket: Path
    process: "subprocess.Popen[bytes]"
    cloud: Cloud

    @property
    def client(self) -> Client:
        return Client(self.socket)

    def journal(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in (self.root / "journal.jsonl").read_text().splitlines()]

    def family(self) -> list[psutil.Process]:
        """The zygote and its children."""
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def start_again(self) -> None:
        self.process = spawn(self.root, self.socket)
        until(lambda: answers(self.client))


def spawn(root: Path, socket: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "portal.cloud.local", "--root", str(root), "--socket", str(socket)]
    return subprocess.Popen(command, cwd=CODE)


@contextmanager
def serving() -> Iterator[Served]:
    """Serve an empty folder, under a short path since a socket's may not be long."""
    with tempfile.TemporaryDirectory(prefix="sky") as folder:
        root, socket = Path(folder) / "data", Path(folder) / "s"
        options = {"provider": "local", "root": str(root), "socket": str(socket), "region": "us-east-1"}
        served = Served(root, socket, spawn(root, socket), connect("local", options, Caller("growth", "ada")))
        try:
            until(lambda: answers(served.client))
            yield served
        finally:
            served.kill()


def answers(client: Client) -> bool:
    try:
        return bool(client.call("ping") == "pong")
    except Temporary:
        return False


def until(met: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait for a condition; an AssertionError when it does not come."""
    deadline = time.monotonic() + patience
    while not met():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def select(sql: str, *reads: TableRead, limits: Limits = Limits(), parameters: Sequence[str] = ()) -> SqlSpec:
    return SqlSpec(sql, "shop", reads, tuple(parameters), limits)


def finished(cloud: Cloud, ref: str) -> RunStatus:
    """The end of a query."""
    deadline = time.monotonic() + PATIENCE
    while True:
        status = cloud.sql.poll([ref], 5.0)[0]
        if status.state.ended:
            return status
        assert time.monotonic() < deadline, "the query did not end"


def rows(cloud: Cloud, ref: str) -> list[tuple[object, ...]]:
    with cloud.sql.open_result(ref) as handle:
        table = pq.read_table(handle)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def make_reviews(cloud: Cloud, count: int = 10_000) -> Table:
    """A table shop.reviews with a secret column, over one Parquet file."""
    data = pa.table(
        {
            "review_id": pa.array(range(count), pa.int64()),
            "stars": pa.array([i % 5 + 1 for i in range(count)], pa.int32()),
            "title": [f"title {i}" for i in range(count)],
            "secret": [f"secret-{i}" for i in range(count)],
        }
    )
    with tempfile.TemporaryFile() as file:
        pq.write_table(data, file, row_group_size=2_000)
        file.seek(0)
        cloud.store.create_bucket("data")
        cloud.store.put("data", "reviews/part-0.parquet", file)
    cloud.catalog.create_database("shop")
    columns = (
        Column("review_id", "bigint"),
        Column("stars", "integer"),
        Column("title", "varchar"),
        Column("secret", "varchar"),
    )
    return cloud.catalog.create_table(Table("shop", "reviews", columns, "s3://data/reviews/", "parquet"))


def read_of(table: Table, *columns: str) -> TableRead:
    return TableRead(table.database, table.name, columns, table.version)
