"""What a request may bring is bounded before it is written to disk."""

import asyncio
import json
from typing import Any

import pytest

from portal.live import bodies
from portal.live.application import Live
from tests.live.clients import run

PART = "/api/v1/uploads/9187326b-223b-47af-a56b-6df54d1f30f7/parts/1/data"


def answered(path: str, length: str | None, chunks: list[bytes]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """What the client is sent, and what of its body reached the application behind."""
    sent: list[dict[str, Any]] = []
    passed: list[bytes] = []

    async def behind(_: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                passed.append(b"gone")
                return
            passed.append(message["body"])
            if not message["more_body"]:
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return

    async def scenario() -> None:
        messages = iter([{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks])

        async def receive() -> Any:
            await asyncio.sleep(0)
            return next(messages, {"type": "http.request", "body": b"", "more_body": False})

        async def send(message: Any) -> None:
            sent.append(dict(message))

        headers = [(b"content-length", length.encode())] if length else []
        scope = {"type": "http", "method": "PUT", "path": path, "headers": headers, "query_string": b""}
        await Live(behind)(scope, receive, send)

    run(scenario())
    return sent, passed


@pytest.mark.parametrize("path", ["/", "/signin", "/api/v1/queries", PART])
def test_what_says_that_it_is_too_large_is_not_read(path: str) -> None:
    sent, passed = answered(path, str(bodies.most(path) + 1), [b"x"])
    assert (sent[0]["status"], passed) == (413, [])
    assert json.loads(sent[1]["body"])["code"] == "too_large"


def test_what_does_not_say_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LARGEST", 5)
    assert answered("/signin", None, [b"abc", b"de"])[0][0]["status"] == 200
    sent, passed = answered("/signin", None, [b"abc", b"def", b"ghi"])
    assert (sent, passed) == ([], [b"abc", b"gone"])


def test_the_largest_part_of_the_largest_file_is_taken() -> None:
    assert bodies.most(PART) >= 5 * 1024**4 // 10_000
    assert bodies.most(PART + "/../x") == bodies.LARGEST
