"""The server's queries: accepted once a token, run in children, their ends kept.

A query that is not in memory and whose record does not say how it ended was running when an earlier server died: it is
LOST. What is settled is durable in this order: result, record, journal.
"""

import asyncio
import hashlib
import json
import logging
import os
import re
import shutil
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from portal.cloud.errors import CloudError, Failure, Rejected, Temporary
from portal.cloud.local.children import Child, ChildGone, Pool
from portal.cloud.local.ends import end_of_work, end_without_answer
from portal.cloud.local.layout import Layout, sync_folder, write_durably
from portal.cloud.local.wire import spec_from_json, status_from_json, status_to_json
from portal.cloud.ports import RunState, RunStatus, SqlSpec, Table, TableRead

log = logging.getLogger(__name__)

SPILL_FILE_BYTES = 1024**3  # the largest of the files that intermediate data go to
_REF = re.compile(r"q-[0-9a-f]{40}")


class Tables(Protocol):
    """What is asked of the catalog: a table, and its files with the values of their partitions."""

    def table(self, database: str, name: str) -> Table: ...

    def table_files(self, database: str, name: str) -> Sequence[tuple[Path, tuple[str, ...]]]: ...


@dataclass
class Run:
    """A query that has not ended."""

    ref: str
    token: str
    task: dict[str, Any]
    state: RunState = RunState.QUEUED
    work: "asyncio.Task[None] | None" = None
    stopping: bool = False
    settling: bool = False
    accepted: "asyncio.Future[None]" = field(default_factory=asyncio.Future)


def ref_of(token: str) -> str:
    """The ref of a token: the same for the same token, whichever server is asked."""
    return "q-" + hashlib.sha256(token.encode()).hexdigest()[:40]


class Queries:
    """Start, poll and stop. At most `at_once` run; the others wait in order."""

    def __init__(self, layout: Layout, tables: Tables, pool: Pool, at_once: int) -> None:
        self._layout = layout
        self._tables = tables
        self._pool = pool
        self._slots = asyncio.Semaphore(at_once)
        self._runs: dict[str, Run] = {}
        self._burying = asyncio.Lock()
        self._closing = False

    async def start(self, spec: dict[str, Any], token: str) -> str:
        """Accept a query; the answer is its ref. Rejected(TABLE_CHANGED, NOT_FOUND); then nothing was accepted."""
        ref = ref_of(token)
        if run := self._runs.get(ref):
            await asyncio.shield(run.accepted)
            return ref
        run = self._runs[ref] = Run(ref, token, {})
        try:
            known = await asyncio.to_thread(self._accept, run, spec_from_json(spec))
        except BaseException as error:
            del self._runs[ref]
            run.accepted.set_exception(error if isinstance(error, CloudError) else RuntimeError("not accepted"))
            run.accepted.exception()  # nobody may be waiting
            raise
        run.accepted.set_result(None)
        if known:
            del self._runs[ref]
        else:
            run.work = asyncio.create_task(self._carry_out(run))
        return ref

    async def poll(self, refs: Sequence[str], wait: float) -> list[dict[str, Any]]:
        """The state of each. With `wait` it is held until one of them has ended or the seconds are over."""
        active = [run.work for ref in refs if (run := self._runs.get(ref)) and run.work]
        if active and len(active) == len(refs) and wait > 0:
            await asyncio.wait(active, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        return [status_to_json(await self._status(ref)) for ref in refs]

    async def stop(self, ref: str) -> None:
        """Have a query ended; nothing happens where it has, or where nobody knows it."""
        run = self._runs.get(ref)
        if run and run.work and not run.stopping and not run.settling:
            run.stopping = True
            run.work.cancel()

    async def close(self) -> None:
        """End all that runs without calling it ended: it is lost, and may be started again."""
        self._closing = True
        works = [run.work for run in self._runs.values() if run.work]
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)

    def _accept(self, run: Run, spec: SqlSpec) -> bool:
        """Make the record, then the journal's line. True where the token was accepted before: by an earlier server,
        which may have died between the two."""
        if self._record_path(run.ref).exists():
            if not self._journaled(run.token):
                self._layout.journal("accepted", run.ref, run.token, "sql")
            return True
        run.task = self._task(run.ref, spec)
        self._write_record(run.ref, run.token, RunStatus(run.ref, RunState.QUEUED))
        self._layout.journal("accepted", run.ref, run.token, "sql")
        return False

    def _task(self, ref: str, spec: SqlSpec) -> dict[str, Any]:
        return {
            "do": "sql",
            "sql": spec.sql,
            "database": spec.database,
            "parameters": spec.parameters,
            "tables": [self._granted(read) for read in spec.reads],
            "folder": str(self._folder(ref)),
            "seconds": spec.limits.seconds,
            "memory": spec.limits.memory_bytes,
            "result_bytes": spec.limits.result_bytes,
            "file_bytes": max(spec.limits.result_bytes, SPILL_FILE_BYTES),
            "threads": min(os.cpu_count() or 1, 8),
        }

    def _granted(self, read: TableRead) -> dict[str, Any]:
        table = self._tables.table(read.database, read.name)
        if table.version != read.version:
            name = f"{read.database}.{read.name}"
            raise Rejected("TABLE_CHANGED", f"{name} has changed since the query was checked. Run the query again.")
        files = [str(path) for path, _ in self._tables.table_files(read.database, read.name)]
        return {"table": asdict(table), "columns": read.columns, "files": files}

    async def _carry_out(self, run: Run) -> None:
        try:
            status = await self._run(run)
        except asyncio.CancelledError:
            if self._closing:
                shutil.rmtree(self._folder(run.ref), ignore_errors=True)
                raise
            failure = Failure("USER_CANCELLED", "The query was stopped.")
            status = RunStatus(run.ref, RunState.CANCELLED, failure=failure)
        except Temporary as error:
            status = RunStatus(run.ref, RunState.FAILED, failure=Failure(error.code, error.message))
        run.settling = True
        try:
            await asyncio.to_thread(self._settle, run.ref, run.token, status)
        finally:  # what could not be settled, the disk being full, is lost
            del self._runs[run.ref]

    async def _run(self, run: Run) -> RunStatus:
        async with self._slots:
            self._folder(run.ref).mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(self._layout.journal, "started", run.ref, run.token, "sql")
            child = await self._pool.begin(run.task)
            run.state = RunState.RUNNING
            try:
                return await self._answer(run, child)
            finally:
                await child.end()

    async def _answer(self, run: Run, child: Child) -> RunStatus:
        try:
            answer = await child.answer(run.task["seconds"])
        except (ChildGone, TimeoutError) as error:
            log.warning("query %s: %r", run.ref, error)
            return end_without_answer(run.ref, error)
        if "raw" in answer:
            log.info("query %s failed: %s", run.ref, answer["raw"])
        return end_of_work(run.ref, answer)

    def _settle(self, ref: str, token: str, status: RunStatus) -> None:
        folder = self._folder(ref)
        if status.state is RunState.SUCCEEDED:
            self._keep_result(folder / "result.parquet", self._layout.results / f"{ref}.parquet")
        self._write_record(ref, token, status)
        self._layout.journal("ended", ref, token, "sql")
        shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _keep_result(made: Path, kept: Path) -> None:
        descriptor = os.open(made, os.O_RDONLY | os.O_NOFOLLOW)  # a child must not have us keep a link to another file
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError("a result is a file")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(made, kept)
        sync_folder(kept.parent)

    async def _status(self, ref: str) -> RunStatus:
        if run := self._runs.get(ref):
            return RunStatus(ref, run.state)
        if not _REF.fullmatch(ref) or not self._record_path(ref).exists():
            return RunStatus(ref, RunState.LOST)
        async with self._burying:
            return await asyncio.to_thread(self._recorded, ref)

    def _recorded(self, ref: str) -> RunStatus:
        """What a record says; one without an end is that of an earlier server, and is lost from now on."""
        record = json.loads(self._record_path(ref).read_bytes())
        status = status_from_json(record)
        if not status.state.ended:
            (self._layout.results / f"{ref}.parquet").unlink(missing_ok=True)
            status = RunStatus(ref, RunState.LOST)
            self._settle(ref, record["token"], status)
        return status

    def _write_record(self, ref: str, token: str, status: RunStatus) -> None:
        record = {"token": token, **status_to_json(status)}
        write_durably(self._record_path(ref), json.dumps(record).encode())

    def _record_path(self, ref: str) -> Path:
        return self._layout.runs / f"{ref}.json"

    def _folder(self, ref: str) -> Path:
        return self._layout.scratch / "sql" / ref

    def _journaled(self, token: str) -> bool:
        """Whether the journal has the token's line. Read whole, but only for a token that an earlier server took."""
        if not self._layout.journal_file.exists():
            return False
        sought = f'"token": {json.dumps(token)}'
        with open(self._layout.journal_file, encoding="utf-8", errors="replace") as lines:
            return any('"event": "accepted"' in line and sought in line for line in lines)
