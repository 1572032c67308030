"""The application around Django: it passes everything on, and waits where somebody has to."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

from django.conf import settings

from portal.live import inner
from portal.live.inner import Answer, App, Message, Receive, Scope, Send
from portal.live.news import Item, News
from portal.operations.events import CHANNEL

STREAMS = ("/events", "/api/v1/events")
WHO = "/api/v1/me"
ENDED = {"succeeded", "failed", "cancelled"}
KEEP_ALIVE = 15.0  # seconds between comments on a quiet stream, so that proxies keep it open
LOOK_AGAIN = 10.0  # seconds after which a waiter looks for itself: a lost message costs no more
WHO_AGAIN = 60.0  # seconds after which a stream asks anew who its reader is: rights end, sessions end


class Live:
    """An ASGI application."""

    def __init__(self, django: App) -> None:
        self._django = django
        self._news = News(settings.REDIS_URL, CHANNEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http" and scope["path"] in STREAMS and scope["method"] == "GET":
            await self._stream(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/api/v1/") and scope["method"] in ("GET", "POST"):
            await self._hold(scope, receive, send)
        else:
            await self._django(scope, receive, send)

    # --- /events ------------------------------------------------------------------------------------------------------

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._news.listen() as news:
            who = await inner.get(self._django, scope, WHO)
            if who.status != 200:
                await who.send(send)
                return
            headers = [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-store"),
                (b"x-accel-buffering", b"no"),
                (b"x-content-type-options", b"nosniff"),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            gone = asyncio.ensure_future(_disconnected(receive))
            try:
                async for text in self._lines(scope, news, json.loads(who.body), gone):
                    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            finally:
                gone.cancel()
            with contextlib.suppress(OSError):
                await send({"type": "http.response.body", "body": b""})

    async def _lines(
        self, scope: Scope, news: "asyncio.Queue[Item]", who: dict[str, object], gone: "asyncio.Future[None]"
    ) -> AsyncIterator[str]:
        yield "retry: 2000\nevent: ready\ndata: {}\n\n"
        asked = time.monotonic()
        while not gone.done():
            item, came = await _next(news, KEEP_ALIVE, gone)
            if time.monotonic() - asked > WHO_AGAIN:
                answer = await inner.get(self._django, scope, WHO)
                if answer.status != 200:
                    return
                who, asked = json.loads(answer.body), time.monotonic()
            if not came:
                yield ": \n\n"
            elif item is None:
                yield "event: ready\ndata: {}\n\n"
            elif _concerns(item, who):
                yield f"event: operation\ndata: {json.dumps(item['operation'])}\n\n"

    # --- Prefer: wait -------------------------------------------------------------------------------------------------

    async def _hold(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; where the answer is about an operation that goes on and the client would wait, keep it till the
        end."""
        with self._news.listen() as news:
            kept = _Kept(send)
            await self._django(scope, receive, kept.send)
            if kept.answer is None:
                return
            asked = preferred_wait(scope)
            seconds = asked if asked is not None else float(kept.answer.header("Skydeck-Wait") or 0)
            if seconds <= 0:
                await kept.answer.send(send)
                return
            answer = await self._until_ended(scope, receive, news, kept.answer, seconds)
        if asked is not None:
            answer.headers.append((b"preference-applied", f"wait={int(asked)}".encode()))
        await answer.send(send)

    async def _until_ended(
        self, scope: Scope, receive: Receive, news: "asyncio.Queue[Item]", first: Answer, seconds: float
    ) -> Answer:
        identity, again = first.header("Skydeck-Operation"), first.header("Skydeck-Again") or scope["path"]
        deadline = time.monotonic() + seconds
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            while (left := deadline - time.monotonic()) > 0 and not gone.done():
                item, came = await _next(news, min(left, LOOK_AGAIN), gone)
                if came and item is not None:
                    operation = item["operation"]
                    if operation["id"] != identity or operation["state"] not in ENDED:
                        continue
                answer = await inner.get(self._django, scope, again)
                if answer.header("Skydeck-Operation") is None:
                    return answer
        finally:
            gone.cancel()
        return first


class _Kept:
    """Sends everything on, but keeps an answer about an operation that goes on."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.answer: Answer | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            answer = Answer(message["status"], list(message["headers"]), b"")
            if answer.header("Skydeck-Operation"):
                self.answer = answer
        if self.answer is None:
            await self._send(message)
        else:
            self.answer.body += message.get("body", b"")


def preferred_wait(scope: Scope) -> float | None:
    """Seconds of `Prefer: wait=N` (RFC 7240), at most WAIT_SECONDS_MAX; None where the client said nothing."""
    for name, value in scope["headers"]:
        if name.lower() == b"prefer" and (found := re.search(rb"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", value)):
            return min(float(found[1]), settings.WAIT_SECONDS_MAX)
    return None


def _concerns(item: dict[str, object], who: dict[str, object]) -> bool:
    teams = who["teams"]
    assert isinstance(teams, list)
    return item["owner"] == who["username"] or any(team["slug"] == item["team"] for team in teams)


async def _next(news: "asyncio.Queue[Item]", timeout: float, gone: "asyncio.Future[None]") -> tuple[Item, bool]:
    """The next news and True, or None and False when the time is over or the client is gone."""
    waiting = asyncio.ensure_future(news.get())
    both: set[asyncio.Future[Any]] = {waiting, gone}
    await asyncio.wait(both, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    if waiting.done():
        return waiting.result(), True
    waiting.cancel()
    return None, False


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
