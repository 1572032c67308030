"""GET /events: what happens to the reader's operations and to those of their teams, as server-sent events (WHATWG HTML,
section 9.2). `ready` comes first and whenever news may have been missed; `operation` carries one as api.md has it."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from portal.live.inner import Inner, Receive, Scope, Send, disconnected
from portal.live.news import Item, News, following

WHO = "/api/v1/me"
KEEP_ALIVE = 15.0  # seconds between comments on a quiet stream, so that proxies keep it open
READY = "event: ready\ndata: {}\n\n"
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class Streams:
    """Serves the stream. After `who_again` seconds it asks anew who its reader is: rights end, sessions end."""

    def __init__(self, inner: Inner, news: News, who_again: float) -> None:
        self._inner = inner
        self._news = news
        self._who_again = who_again

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Until the reader goes, or may no longer read."""
        with self._news.listen() as news:
            who = await self._inner.get(scope, WHO)
            if who.status != 200:
                await who.send(send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            gone = asyncio.ensure_future(disconnected(receive))
            try:
                async for text in self._lines(scope, news, json.loads(who.body), gone):
                    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            finally:
                gone.cancel()
        with contextlib.suppress(OSError):
            await send({"type": "http.response.body", "body": b""})

    async def _lines(
        self, scope: Scope, news: "asyncio.Queue[Item]", who: dict[str, Any], gone: "asyncio.Future[None]"
    ) -> AsyncIterator[str]:
        yield "retry: 2000\n" + READY
        ask_at = time.monotonic() + self._who_again
        while not gone.done():
            left = ask_at - time.monotonic()
            item, came = await following(news, max(0.0, min(KEEP_ALIVE, left)), gone)
            if time.monotonic() >= ask_at:
                answer = await self._inner.get(scope, WHO)
                if answer.status != 200:
                    return
                who, ask_at = json.loads(answer.body), time.monotonic() + self._who_again
            if not came:
                yield ": \n\n"
            elif item is None:
                yield READY
            elif _concerns(item, who):
                yield f"event: operation\ndata: {json.dumps(item['operation'])}\n\n"


def _concerns(item: dict[str, Any], who: dict[str, Any]) -> bool:
    return item["owner"] == who["username"] or any(team["slug"] == item["team"] for team in who["teams"])
