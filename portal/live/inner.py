"""Asking Django something from outside a request: a GET with the caller's own credentials, answered in memory."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
NOT_PASSED_ON = {b"prefer", b"content-length", b"content-type", b"range", b"if-none-match", b"transfer-encoding"}


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


async def get(app: App, scope: Scope, address: str) -> Answer:
    """GET `address` (path and query) as the one who made the request of `scope`."""
    parts = urlsplit(address)
    headers = [(key, value) for key, value in scope["headers"] if key.lower() not in NOT_PASSED_ON]
    inner = {
        **scope, "method": "GET", "headers": headers, "path": parts.path,
        "raw_path": parts.path.encode(), "query_string": parts.query.encode(),
    }  # fmt: skip
    answer = Answer(500, [], b"")
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()  # Django listens for a disconnect, which never comes from in here
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], list(message["headers"])
        else:
            answer.body += message.get("body", b"")

    await app(inner, receive, send)
    return answer
