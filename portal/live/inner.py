"""Asking Django something from outside a request: a GET with the caller's own credentials, answered in memory."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[..., Awaitable[None]]
NOT_PASSED_ON = {b"prefer", b"content-length", b"content-type", b"range", b"if-none-match", b"transfer-encoding"}
AT_ONCE = 3


@dataclass
class Answer:
    """A response in memory."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: str) -> str | None:
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == wanted), None)

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


class Inner:
    """The way in, for AT_ONCE at a time: 200 who wait and look at once cost no more threads and database handles."""

    def __init__(self, django: App) -> None:
        self._django = django
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def get(self, scope: Scope, address: str) -> Answer:
        """GET `address` (path and query) as the one who made the request of `scope`."""
        parts = urlsplit(address)
        headers = [(key, value) for key, value in scope["headers"] if key.lower() not in NOT_PASSED_ON]
        inner = {
            **scope, "method": "GET", "headers": headers, "path": unquote(parts.path),
            "raw_path": parts.path.encode(), "query_string": parts.query.encode(),
        }  # fmt: skip
        answer = Answer(500, [], b"")

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], list(message["headers"])
            else:
                answer.body += message.get("body", b"")

        async with self._turn:
            await self._django(inner, _empty_body(), send)
        return answer


def _empty_body() -> Receive:
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()  # Django listens for a disconnect, which never comes from in here
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


async def disconnected(receive: Receive) -> None:
    """Returns when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
