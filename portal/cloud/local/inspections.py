"""Looks at users' bytes: each by a task of `inspect.py` in a fenced child that may read exactly the files named."""

import asyncio
import logging
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from portal.cloud.errors import Broken, Rejected
from portal.cloud.local.children import ChildGone, Pool
from portal.cloud.local.ends import end_of_process
from portal.cloud.local.layout import Layout
from portal.cloud.local.wire import error_from_json

log = logging.getLogger(__name__)

SECONDS = 60
MEMORY_BYTES = 2 * 1024**3
FILE_BYTES = 1024**3
AT_ONCE = 2


class Inspections:
    """Runs the tasks, a few at once; the others wait in order."""

    def __init__(self, layout: Layout, pool: Pool) -> None:
        self._layout = layout
        self._pool = pool
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self, task: str, files: Sequence[str], args: dict[str, Any]) -> dict[str, Any]:
        """The task's answer. Raises what the task raised; Rejected(UNREADABLE_FILE) where it took too much time or
        memory."""
        root = self._layout.root.resolve()
        if not all(Path(file).resolve().is_relative_to(root) for file in files):
            raise Broken("OUTSIDE_THE_STORE", "A file outside the store cannot be looked at.")
        folder = self._layout.scratch / "sql" / f"inspect-{secrets.token_hex(8)}"
        folder.mkdir(parents=True)
        try:
            async with self._slots:
                return await self._ask(
                    {
                        "do": "inspect",
                        "task": task,
                        "files": list(files),
                        "args": args,
                        "folder": str(folder),
                        "seconds": SECONDS,
                        "memory": MEMORY_BYTES,
                        "file_bytes": FILE_BYTES,
                        "threads": 1,
                    }
                )
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _ask(self, task: dict[str, Any]) -> dict[str, Any]:
        child = await self._pool.begin(task)
        try:
            answer = await child.answer(SECONDS)
        except (ChildGone, TimeoutError) as error:
            log.warning("looking at a file ended: %r", error)
            code = end_of_process(error).code
            what = "took too long" if code == "EXCEEDED_TIME_LIMIT" else "needed more memory than it may use"
            raise Rejected(
                "UNREADABLE_FILE", f"Looking at this file {what}. Split it, or convert it to Parquet."
            ) from None
        finally:
            await child.end()
        if "raw" in answer:
            log.info("looking at a file failed: %s", answer["raw"])
        if "error" in answer:
            raise error_from_json(answer["error"])
        if "failure" in answer:
            raise Rejected(
                "UNREADABLE_FILE", "This file cannot be read. It may be damaged, or not be what its name says."
            )
        result: dict[str, Any] = answer["answer"]
        return result
