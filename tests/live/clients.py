"""Those who wait: readers of /events, holders of `Prefer: wait`; and a worker that keeps them waiting."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.harness.house import House

QUICK = {"sql": "SELECT 41 + 1 AS answer", "database": "default"}
# About two seconds on one core: longer than the worker's first look.
SHORT = {
    "sql": "SELECT sum((x * y) % 7) AS answer "
    "FROM UNNEST(sequence(1, 10000)) a(x) CROSS JOIN UNNEST(sequence(1, 10000)) b(y)",
    "database": "default",
}
_THREAD = ThreadPoolExecutor(1)  # one for all: a process that a scenario starts dies with its thread
Event = tuple[str, dict[str, Any]]


class Reader:
    """A stream of events, read as they come."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._task = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        name = ""
        try:
            async for line in self.response.aiter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    self._events.put_nowait((name, json.loads(value)))
        finally:
            self._events.put_nowait(None)

    async def next(self, name: str, seconds: float = 30.0) -> dict[str, Any]:
        """The data of the next event of that name; other events are passed over."""
        async with asyncio.timeout(seconds):
            while event := await self._events.get():
                if event[0] == name:
                    return event[1]
        raise AssertionError(f"the stream ended before {name}")

    async def end(self, seconds: float) -> list[Event]:
        """What came until the stream ended."""
        rest = []
        async with asyncio.timeout(seconds):
            while event := await self._events.get():
                rest.append(event)
        return rest

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


def bearer(house: House, username: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.people[username].token}"}


def make_table(house: House) -> str:
    """A small table `items` made by the API alone: the name of its database, and with hyphens of its bucket."""
    name = f"live_{uuid.uuid4().hex[:8]}"
    bucket = name.replace("_", "-")
    body = b"id,title\n1,One\n2,Two\n"
    with house.api("bob") as client:
        assert client.post("/buckets", json={"name": bucket}).status_code == 201
        upload = client.post("/uploads", json={"bucket": bucket, "key": "items/a.csv", "size": len(body)}).json()
        target = client.post(f"/uploads/{upload['id']}/parts/1").json()
        sent = httpx.request(target["method"], target["url"], headers=target["headers"], content=body)
        assert sent.is_success, sent.text
        assert client.post(f"/uploads/{upload['id']}/complete").is_success
        assert client.post("/databases", json={"name": name}).status_code == 201
        made = client.post(
            f"/databases/{name}/tables", json={"name": "items", "location": f"s3://{bucket}/items/"},
            headers={"Prefer": "wait=60"},
        )  # fmt: skip
        assert made.json()["state"] == "succeeded", made.text
    return name


@contextlib.asynccontextmanager
async def reading(url: str, headers: dict[str, str], path: str = "/events") -> AsyncIterator[Reader]:
    """Somebody's stream, open and ready."""
    async with httpx.AsyncClient(timeout=30) as client:
        client.timeout = httpx.Timeout(30, read=None)
        async with client.stream("GET", url + path, headers=headers) as response:
            assert response.status_code == 200, await response.aread()
            reader = Reader(response)
            try:
                await reader.next("ready")
                yield reader
            finally:
                await reader.close()


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """asyncio.run(), in another thread: another file's browser may keep a loop running in the test's."""
    _THREAD.submit(asyncio.run, scenario).result(170)
