"""The local cloud's server: owns what runs, on a Unix socket.

One request is a line of JSON, {"method", "params"}; one answer a line, {"result"} or {"error": {kind, code, message}}.
Methods: ping; sql.start {spec, token}, sql.poll {refs, wait}, sql.stop {ref}; train.start, train.poll, train.stop
alike; inspect {task, files, args}. Many connections are served at once, a connection's requests one after another.
The fence around the socket is its folder and its mode: whoever can open it may do all this.
"""

import asyncio
import fcntl
import logging
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from portal.cloud.errors import Broken, CloudError, Rejected, Temporary
from portal.cloud.local import fence
from portal.cloud.local.catalog import LocalCatalog
from portal.cloud.local.children import Pool
from portal.cloud.local.client import Client
from portal.cloud.local.inspections import Inspections
from portal.cloud.local.jobs import Jobs
from portal.cloud.local.layout import Layout
from portal.cloud.local.queries import Queries
from portal.cloud.local.store import LocalStore
from portal.cloud.local.wire import LINE_LIMIT, error_to_json, pack, unpack
from portal.cloud.ports import RunState

log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0  # seconds that a poll is held at most
JOB_INTERVAL = 0.25  # seconds between looks at training jobs while somebody waits for them
SOCKET_PATH_LIMIT = 107  # bytes: sun_path of unix(7) less its NUL

Method = Callable[[dict[str, Any]], Awaitable[Any]]


def serve(layout: Layout, accept_unfenced: bool = False) -> int:
    """Serve until SIGTERM or SIGINT; the answer is the exit code. A second server of one folder is refused.
    `accept_unfenced` runs training scripts where the machine cannot fence them off."""
    if len(os.fsencode(layout.socket)) > SOCKET_PATH_LIMIT:
        log.error("The socket's path is longer than %d bytes: choose a shorter folder.", SOCKET_PATH_LIMIT)
        return 2
    os.umask(0o077)
    layout.make()
    with open(layout.root / "server.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.error("Another local cloud is running on this folder. Stop it first, or choose another folder.")
            return 3
        return asyncio.run(Server(layout, accept_unfenced).run())


class Server:
    """One server of one folder."""

    def __init__(self, layout: Layout, accept_unfenced: bool = False) -> None:
        self._layout = layout
        self._accept_unfenced = accept_unfenced
        self._waiting: set[asyncio.Task[None]] = set()
        self._job_thread = ThreadPoolExecutor(1, "jobs")

    async def run(self) -> int:
        """Start what is needed, serve, and leave nothing behind. Training jobs go on: they have runners of their
        own."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        shutil.rmtree(self._layout.scratch / "sql", ignore_errors=True)
        if not fence.available():
            log.warning(
                "This machine cannot fence queries off: they are kept to their tables by the engine's locks alone."
            )
        at_once = max(os.cpu_count() or 1, 2)
        pool = Pool(idle=at_once)
        queries = Queries(self._layout, self._catalog(), pool, at_once)
        methods = self._methods(queries, Inspections(self._layout, pool), await self._adopted_jobs())
        self._layout.socket.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._connection(methods), self._layout.socket, limit=LINE_LIMIT)
        log.info("the local cloud is serving")
        await stop.wait()
        server.close()
        self._layout.socket.unlink(missing_ok=True)
        await queries.close()
        for waiting in self._waiting:
            waiting.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        await pool.close()
        self._job_thread.shutdown()
        log.info("the local cloud has stopped")
        return 0

    def _catalog(self) -> LocalCatalog:
        return LocalCatalog(self._layout, LocalStore(self._layout), Client(self._layout.socket))

    async def _adopted_jobs(self) -> Jobs:
        jobs = Jobs(self._layout, self._accept_unfenced)
        await self._in_job_thread(jobs.adopt)
        return jobs

    def _methods(self, queries: Queries, inspections: Inspections, jobs: Jobs) -> dict[str, Method]:
        async def ping(_: dict[str, Any]) -> str:
            return "pong"

        async def poll_queries(params: dict[str, Any]) -> Any:
            return await queries.poll(params["refs"], min(params["wait"], LONGEST_WAIT))

        async def poll_jobs(params: dict[str, Any]) -> Any:
            return await self._poll_jobs(jobs, params["refs"], min(params["wait"], LONGEST_WAIT))

        return {
            "ping": ping,
            "sql.start": lambda params: queries.start(params["spec"], params["token"]),
            "sql.poll": poll_queries,
            "sql.stop": lambda params: queries.stop(params["ref"]),
            "train.start": lambda params: self._in_job_thread(jobs.start, params["spec"], params["token"]),
            "train.poll": poll_jobs,
            "train.stop": lambda params: self._in_job_thread(jobs.stop, params["ref"]),
            "inspect": lambda params: inspections.run(params["task"], params["files"], params["args"]),
        }

    async def _in_job_thread(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Jobs are asked one thing at a time, and never on the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._job_thread, call, *arguments)

    async def _poll_jobs(self, jobs: Jobs, refs: list[str], wait: float) -> list[dict[str, Any]]:
        until = asyncio.get_running_loop().time() + wait
        while True:
            statuses: list[dict[str, Any]] = await self._in_job_thread(jobs.poll, refs)
            left = until - asyncio.get_running_loop().time()
            if left <= 0 or any(RunState(status["state"]).ended for status in statuses):
                return statuses
            await asyncio.sleep(min(JOB_INTERVAL, left))

    def _connection(self, methods: dict[str, Method]) -> Callable[..., Awaitable[None]]:
        async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            self._waiting.add(task)
            try:
                while line := await reader.readline():
                    writer.write(pack(await answer(methods, line)))
                    await writer.drain()
            except (ConnectionError, ValueError, asyncio.CancelledError):
                pass  # the caller went away, sent too long a line, or the server is stopping
            finally:
                self._waiting.discard(task)
                writer.close()

        return serve_one


async def answer(methods: dict[str, Method], line: bytes) -> dict[str, Any]:
    """The answer to one request. Whatever goes wrong is part of it."""
    try:
        request = unpack(line)
        method = methods[request["method"]]
        return {"result": await method(request["params"])}
    except CloudError as error:
        return {"error": error_to_json(error)}
    except (KeyError, TypeError, ValueError):
        log.exception("a request that is not understood")
        return {"error": error_to_json(Rejected("BAD_REQUEST", "The local cloud does not understand this request."))}
    except OSError:
        log.exception("the machine refused")
        words = "The local cloud could not write: its disk may be full. Free some space and try again."
        return {"error": error_to_json(Temporary("LOCAL_CLOUD_STORAGE", words))}
    except Exception:
        log.exception("a defect")
        return {"error": error_to_json(Broken("LOCAL_CLOUD_DEFECT", "The local cloud failed. Its log says why."))}


def layout_of(root: Path, socket: Path) -> Layout:
    """The folder's layout, with paths that hold whatever the working folder is."""
    return Layout(root.absolute(), socket.absolute())
