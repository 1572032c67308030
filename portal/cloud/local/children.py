"""The server's side of its children: a zygote that forks them, and a pool of warm ones, each good for one task."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from portal.cloud.errors import Temporary
from portal.cloud.local.wire import LINE_LIMIT, pack, unpack

log = logging.getLogger(__name__)

ZYGOTE = "portal.cloud.local.zygote"
_CODE = Path(__file__).parents[3]
_WARM_SECONDS = 30.0
_BEGIN_SECONDS = 60.0  # a machine under load forks slowly


class ChildGone(Exception):
    """A child ended without an answer. `signal` is the number of the signal that killed it, or None; `lost` says that
    it was not its own end: the zygote died, and all children with it."""

    def __init__(self, status: int, lost: bool) -> None:
        super().__init__(f"wait status {status}{', with its zygote' if lost else ''}")
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        self.lost = lost


class Child:
    """A process that waits for one task."""

    def __init__(self, zygote: "Zygote", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = 0  # until the zygote tells
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._zygote = zygote
        self._reader = reader
        self._writer = writer

    async def hear(self) -> dict[str, Any]:
        """The next message. ChildGone where it ended instead, or said what is no message."""
        try:
            line = await self._reader.readline()
            if line.endswith(b"\n"):
                return unpack(line)
        except (ValueError, OSError):
            log.warning("child %s said what cannot be read", self.pid)
            self._zygote.kill(self)
        raise ChildGone(await self.exited, self._zygote.gone)

    async def begin(self, task: dict[str, Any]) -> None:
        """Give it its task; returns once it has it. ChildGone where it had died before."""
        with suppress(OSError):  # then there is nothing to hear either
            self._writer.write(pack(task))
            await self._writer.drain()
        await self.hear()

    async def answer(self, seconds: float) -> dict[str, Any]:
        """The answer to its task. TimeoutError after `seconds`, ChildGone where it died."""
        async with asyncio.timeout(seconds):
            return await self.hear()

    async def end(self) -> None:
        """Kill it; returns once it is gone."""
        self._writer.close()
        self._zygote.kill(self)
        await self.exited
        with suppress(OSError):
            await self._writer.wait_closed()


class Zygote:
    """The process that forks children, and what it tells of them."""

    def __init__(self, module: str = ZYGOTE) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        call = f"main({theirs.fileno()}, {os.getpid()})"
        code = f"import sys; sys.path.insert(0, {str(_CODE)!r}); from {module} import main; {call}"
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-I", "-c", code],
            env={"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},  # one thread, little address space; no secrets
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is for the server to hear
        )
        theirs.close()
        self._control.setblocking(False)
        self._forking: deque[Child] = deque()
        self._living: dict[int, Child] = {}
        self.gone = False
        asyncio.get_running_loop().add_reader(self._control, self._listen)

    async def fork(self) -> Child:
        """A warm child. ChildGone or TimeoutError where it cannot be had."""
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours, limit=LINE_LIMIT)
        child = Child(self, reader, writer)
        self._forking.append(child)
        with theirs:
            self._send(b"fork", theirs)
        try:
            async with asyncio.timeout(_WARM_SECONDS):
                await child.hear()
        except BaseException:
            await child.end()
            raise
        return child

    def kill(self, child: Child) -> None:
        """Kill a child: by the zygote, which alone knows that its pid is still its own."""
        if child.pid and not child.exited.done():
            self._send(f"kill {child.pid}".encode())

    def close(self) -> None:
        """End the zygote, and with it its children."""
        self._lost()
        self._process.kill()
        self._process.wait()

    def _send(self, message: bytes, channel: socket.socket | None = None) -> None:
        try:
            socket.send_fds(self._control, [message], [channel.fileno()] if channel else [])
        except OSError:
            self._lost()

    def _listen(self) -> None:
        try:
            message = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._lost()
            return
        told = json.loads(message)
        if "forked" in told:
            child = self._forking.popleft()
            child.pid = told["forked"]
            self._living[child.pid] = child
        else:
            self._living.pop(told["exited"]).exited.set_result(told["status"])

    def _lost(self) -> None:
        """Without the zygote its children are dead: the kernel sees to it."""
        if self.gone:
            return
        self.gone = True
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        for child in (*self._living.values(), *self._forking):
            child.exited.set_result(signal.SIGKILL)


class Pool:
    """Children kept warm: a task begins at once while there are any, and another is forked behind it."""

    def __init__(self, idle: int, module: str = ZYGOTE) -> None:
        self._module = module
        self._warm: asyncio.Queue[Child] = asyncio.Queue(maxsize=idle)
        self._zygote: Zygote | None = None
        self._filler = asyncio.create_task(self._fill())

    async def begin(self, task: dict[str, Any]) -> Child:
        """A child that has begun the task; whoever calls ends it. Waits while none is warm, and passes over those that
        died idle. Temporary(LOCAL_CLOUD_BUSY) where none comes."""
        try:
            async with asyncio.timeout(_BEGIN_SECONDS):
                while True:
                    child = await self._warm.get()
                    try:
                        await child.begin(task)
                        return child
                    except ChildGone:
                        await child.end()
                    except BaseException:
                        await child.end()
                        raise
        except TimeoutError:
            words = "The local cloud could not start a process for this. Try again in a moment; its log says more."
            raise Temporary("LOCAL_CLOUD_BUSY", words) from None

    async def close(self) -> None:
        """End all children, taken ones too."""
        self._filler.cancel()
        await asyncio.gather(self._filler, return_exceptions=True)
        while not self._warm.empty():
            await self._warm.get_nowait().end()
        if self._zygote:
            self._zygote.close()

    async def _fill(self) -> None:
        while True:
            if self._zygote is None or self._zygote.gone:
                if self._zygote:
                    log.warning("the zygote ended; starting another")
                    self._zygote.close()
                self._zygote = Zygote(self._module)
            try:
                child = await self._zygote.fork()
                try:
                    await self._warm.put(child)
                except asyncio.CancelledError:
                    await child.end()
                    raise
            except (ChildGone, TimeoutError) as error:
                log.error("a child did not warm up: %s", error)
                await asyncio.sleep(1.0)
