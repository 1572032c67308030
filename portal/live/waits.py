"""`Prefer: wait=SECONDS` (RFC 7240, section 4.3): an answer about an operation that goes on is kept until it ends or
the time is over. Routes mark such answers by their headers, see portal/api/operations_http.py."""

import asyncio
import random
import re
import time

from django.conf import settings

from portal.live.inner import Answer, App, Inner, Message, Receive, Scope, Send, disconnected
from portal.live.news import Item, News, following

ENDED = {"succeeded", "failed", "cancelled"}
LOOK_AGAIN = 30.0  # seconds, about, after which a waiter looks for itself; a Redis that was away tells at once
PREFERRED = re.compile(rb"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", re.IGNORECASE)


class Waits:
    """Passes requests on and holds what is to be held."""

    def __init__(self, django: App, inner: Inner, news: News) -> None:
        self._django = django
        self._inner = inner
        self._news = news

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once, or when the operation has ended, the time is over or the client is gone."""
        with self._news.listen() as news:
            kept = _Kept(send)
            await self._django(scope, receive, kept.send)
            answer = kept.answer
            if answer is None:
                return
            asked = preferred_wait(scope)
            seconds = asked if asked is not None else float(answer.header("Skydeck-Wait") or 0)
            if seconds > 0:
                answer = await self._until_ended(scope, receive, news, answer, seconds)
        if asked is not None:
            answer.headers.append((b"preference-applied", f"wait={int(asked)}".encode()))
        await answer.send(send)

    async def _until_ended(
        self, scope: Scope, receive: Receive, news: "asyncio.Queue[Item]", first: Answer, seconds: float
    ) -> Answer:
        identity, again = first.header("Skydeck-Operation"), first.header("Skydeck-Again")
        assert again, "portal/api/operations_http.py names both"
        deadline = time.monotonic() + seconds
        gone = asyncio.ensure_future(disconnected(receive))
        try:
            while True:
                left = max(0.0, deadline - time.monotonic())
                pause = LOOK_AGAIN * random.uniform(0.8, 1.2)  # noqa: S311 - so that many do not look at once
                item, came = await following(news, min(left, pause), gone)
                if gone.done():
                    return first
                over = time.monotonic() >= deadline
                if not over and came and item is not None and not _ended(item, identity):
                    continue
                answer = await self._inner.get(scope, again)
                ended = answer.header("Skydeck-Operation") is None
                if ended or over:
                    answer.headers += [(name, value) for name, value in first.headers if name.lower() == b"location"]
                    return answer if ended else Answer(first.status, answer.headers, answer.body)
        finally:
            gone.cancel()


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
    """Seconds of `Prefer: wait=N`, at most WAIT_SECONDS_MAX; None where the client said nothing that can be read."""
    for name, value in scope["headers"]:
        if name.lower() == b"prefer" and (found := PREFERRED.search(value)):
            return min(float(found[1]), settings.WAIT_SECONDS_MAX)
    return None


def _ended(item: dict[str, dict[str, str]], identity: str | None) -> bool:
    return item["operation"]["id"] == identity and item["operation"]["state"] in ENDED
