"""One Redis subscription a process, fanned out to everybody who waits in it."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator
from typing import Any

import redis.asyncio as redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
Item = dict[str, Any] | None  # None: news may have been missed, look for yourself
QUEUE_MAX = 1000  # of one listener; a slow one is told to look for itself


class News:
    """Listeners, and one task that feeds them. The task starts with the first listener and reconnects for ever."""

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._listeners: set[asyncio.Queue[Item]] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many wait."""
        return len(self._listeners)

    @contextlib.contextmanager
    def listen(self) -> Iterator["asyncio.Queue[Item]"]:
        """A queue of news from now on."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._feed())
        queue: asyncio.Queue[Item] = asyncio.Queue(QUEUE_MAX)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    async def _feed(self) -> None:
        pause = 0.1
        while True:
            try:
                async with redis.Redis.from_url(self._url) as client, client.pubsub() as subscription:
                    await subscription.subscribe(self._channel)
                    async for message in subscription.listen():
                        pause = 0.1
                        # Anything but a message says that we listen (again): what came before may have been missed.
                        self._tell(json.loads(message["data"]) if message["type"] == "message" else None)
            except (RedisError, OSError, ValueError) as error:
                log.warning("no live news for a moment", extra={"error": str(error)})
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 2)

    def _tell(self, item: Item) -> None:
        for queue in self._listeners:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                item = None
            queue.put_nowait(item)


async def following(news: "asyncio.Queue[Item]", timeout: float, gone: "asyncio.Future[None]") -> tuple[Item, bool]:
    """The next news and True, or None and False when `timeout` seconds are over or the client is gone."""
    waiting = asyncio.ensure_future(news.get())
    both: set[asyncio.Future[Any]] = {waiting, gone}
    try:
        await asyncio.wait(both, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        return (waiting.result(), True) if waiting.done() else (None, False)
    finally:
        waiting.cancel()
