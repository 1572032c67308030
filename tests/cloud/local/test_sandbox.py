"""Attacks on the child itself, with the gate and the translation passed over: the fence, the locks and the limits."""

import asyncio
import os
import tempfile
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portal.cloud.local import fence
from portal.cloud.local.children import Pool
from portal.cloud.local.layout import Layout
from portal.cloud.local.queries import Queries
from portal.cloud.local.wire import spec_to_json, status_from_json
from portal.cloud.ports import Column, Limits, RunState, RunStatus, SqlSpec, Table, TableRead

MIB = 1024**2
CANARY = "canary-4711"
TABLE = Table("shop", "t", (Column("a", "bigint"), Column("secret", "varchar")), "s3://data/t/", "parquet", version="1")
READ = TableRead("shop", "t", ("a",), "1")


class OneTable:
    """A catalog of one table over one file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def table(self, database: str, name: str) -> Table:
        return TABLE

    def table_files(self, database: str, name: str) -> Sequence[tuple[Path, tuple[str, ...]]]:
        return [(self._file, ())]


class Engine:
    """Queries over a pool of children that run raw SQL, on a loop of its own."""

    def __init__(self, folder: Path, zygote: str) -> None:
        self.folder = folder
        self.zygote = zygote
        self.file = folder / "t.parquet"
        self.neighbour = folder / "neighbour.csv"
        self.neighbour.write_text(f"x\n{CANARY}\n")
        pq.write_table(pa.table({"a": [1, 2, 3], "secret": [CANARY] * 3}), self.file)
        self.layout = Layout(folder / "data", folder / "s").make()
        self._runner = asyncio.Runner()
        self._count = 0
        self.await_(self._open())

    async def _open(self) -> None:
        self._pool = Pool(1, self.zygote)
        self._queries = Queries(self.layout, OneTable(self.file), self._pool, 1)

    def await_(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    def run(self, sql: str, limits: Limits = Limits(seconds=20, memory_bytes=512 * MIB)) -> RunStatus:
        self._count += 1
        status: RunStatus = self.await_(self._run(SqlSpec(sql, "shop", (READ,), (), limits), f"token-{self._count}"))
        return status

    async def _run(self, spec: SqlSpec, token: str) -> RunStatus:
        ref = await self._queries.start(spec_to_json(spec), token)
        return status_from_json((await self._queries.poll([ref], 60.0))[0])

    def result(self, status: RunStatus) -> str:
        return str(pq.read_table(self.layout.results / f"{status.ref}.parquet").to_pylist())

    def close(self) -> None:
        self.await_(self._close())
        self._runner.close()

    async def _close(self) -> None:
        await self._queries.close()
        await self._pool.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="sky") as folder:
        engine = Engine(Path(folder), "tests.cloud.local.raw_zygote")
        yield engine
        engine.close()


@pytest.fixture(scope="module")
def unlocked() -> Iterator[Engine]:
    """As `engine`, with the engine's own locks left out: what is refused then is refused by the kernel."""
    with tempfile.TemporaryDirectory(prefix="sky") as folder:
        engine = Engine(Path(folder), "tests.cloud.local.unlocked_zygote")
        yield engine
        engine.close()


ATTACKS = [
    # reading what is not granted
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/hostname')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_csv('{neighbour}')",
    "SELECT * FROM read_json('{neighbour}')",
    "SELECT * FROM sniff_csv('{neighbour}')",
    "SELECT * FROM read_text('{folder}/*')",
    "SELECT * FROM read_text('{folder}/data/journal.jsonl')",
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM read_text('/proc/1/environ')",
    "SELECT * FROM read_text('/proc/self/maps')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM read_parquet('{folder}/data/results/*.parquet')",
    "SELECT * FROM read_parquet('{file}/../../t.parquet/../neighbour.csv')",
    "SELECT * FROM read_csv('https://example.com/x.csv')",
    "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "SELECT secret FROM shop.t",
    "SELECT getenv('PATH')",
    "SELECT getvariable('x') FROM nowhere",
    # writing
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "COPY shop.t TO '/tmp/sky-out.csv'",
    "SELECT 1) TO '{folder}/out.csv' --",
    "SELECT 1; COPY (SELECT 1) TO '{folder}/out.csv'",
    "EXPORT DATABASE '{folder}/export'",
    # other databases, extensions, settings, secrets
    "ATTACH '{folder}/other.db'",
    "ATTACH '{folder}/data/catalog.sqlite3' AS c (TYPE sqlite)",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{folder}/evil.duckdb_extension'",
    "SET enable_external_access=true",
    "SET memory_limit='100GB'",
    "SET threads=64",
    "SET allowed_paths=['/etc/passwd']",
    "RESET lock_configuration",
    "PRAGMA enable_external_access=true",
    "CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')",
    "CREATE TABLE x AS SELECT 1",
    "DROP VIEW shop.t",
    "IMPORT DATABASE '{folder}'",
    "CALL pragma_version(",
    "SELECT * FROM sqlite_scan('{folder}/data/catalog.sqlite3', 'tables')",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_gets_nothing(engine: Engine, attack: str) -> None:
    text = attack.format(folder=engine.folder, neighbour=engine.neighbour, file=engine.file)
    status = engine.run(text)
    assert status.state is RunState.FAILED
    assert status.failure is not None
    for leak in (CANARY, str(engine.folder), "/etc", "DuckDB", "duckdb", "Traceback"):
        assert leak not in status.failure.message
    assert not (engine.folder / "out.csv").exists()
    assert not os.path.exists("/tmp/sky-out.csv")


@pytest.mark.skipif(not fence.available(), reason="this kernel has no fence")
@pytest.mark.parametrize(
    "attack",
    [
        "SELECT * FROM read_text('{neighbour}')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_text('/proc/self/environ')",
        "SELECT * FROM read_blob('{folder}/data/runs/*')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/other.db'",
        "INSTALL httpfs",
    ],
)
def test_the_fence_holds_without_the_locks(unlocked: Engine, attack: str) -> None:
    assert unlocked.run(f"SELECT a FROM read_parquet('{unlocked.file}')").state is RunState.SUCCEEDED
    status = unlocked.run(attack.format(folder=unlocked.folder, neighbour=unlocked.neighbour))
    found = unlocked.result(status) if status.state is RunState.SUCCEEDED else "[]"
    assert found == "[]"
    assert not (unlocked.folder / "out.csv").exists()
    assert not (unlocked.folder / "other.db").exists()


def test_what_is_granted_is_read_and_the_next_query_is_unharmed(engine: Engine) -> None:
    engine.run("SELECT * FROM read_csv('/etc/passwd')")
    status = engine.run("SELECT sum(a) AS total FROM shop.t")
    assert status.state is RunState.SUCCEEDED
    assert engine.result(status) == "[{'total': Decimal('6')}]"


def test_the_granted_file_does_not_hold_the_withheld_column_in_any_message(engine: Engine) -> None:
    """Reading the granted file directly is the gate's to refuse: what the engine is granted it can open."""
    status = engine.run("SELECT CAST(secret AS integer) FROM read_parquet('" + str(engine.file) + "')")
    assert status.failure is not None
    assert status.failure.code == "INVALID_CAST_ARGUMENT"
    assert CANARY not in status.failure.message


def test_nothing_of_the_servers_environment_reaches_a_child(engine: Engine) -> None:
    zygotes = psutil.Process().children()
    assert zygotes
    for process in (*zygotes, *zygotes[0].children()):
        assert set(process.environ()) <= {"OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"}


@pytest.mark.parametrize(
    "bomb",
    [
        "SELECT count(*) FROM range(10000000000) a, range(1000000) b WHERE a.range + b.range = -1",
        "SELECT length(lpad('x', 2000000000, 'yz')) + length(lpad('x', 1999999999, 'zy'))",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
        "SELECT sum(levenshtein(repeat('ab', 100000), repeat('ba', 100000))) FROM range(1000)",
    ],
)
def test_a_query_that_does_not_end_is_ended(engine: Engine, bomb: str) -> None:
    status = engine.run(bomb, Limits(seconds=2, memory_bytes=512 * MIB))
    assert status.failure is not None
    assert status.failure.code in {"EXCEEDED_TIME_LIMIT", "EXCEEDED_MEMORY_LIMIT"}
    assert engine.run("SELECT 1 AS one").state is RunState.SUCCEEDED


@pytest.mark.parametrize(
    "bomb",
    [
        "SELECT list(range) FROM range(1000000000)",
        "SELECT string_agg(repeat('x', 1000000), ',') FROM range(100000)",
        "SELECT length(repeat('x', 2000000000) || repeat('y', 2000000000))",
        "SELECT list_transform(range(200000000), lambda x: repeat('x', 1000))",
    ],
)
def test_a_query_that_eats_memory_is_ended(engine: Engine, bomb: str) -> None:
    status = engine.run(bomb, Limits(seconds=20, memory_bytes=256 * MIB))
    assert status.failure is not None
    assert status.failure.code == "EXCEEDED_MEMORY_LIMIT"
    assert engine.run("SELECT 1 AS one").state is RunState.SUCCEEDED


def test_a_result_that_is_too_large_is_refused(engine: Engine) -> None:
    limits = Limits(seconds=20, memory_bytes=512 * MIB, result_bytes=1 * MIB)
    status = engine.run("SELECT range AS n, random() AS r FROM range(1000000)", limits)
    assert status.failure is not None
    assert status.failure.code == "EXCEEDED_RESULT_SIZE"
    assert not list(engine.layout.scratch.rglob("*.parquet"))
