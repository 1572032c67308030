"""200 clients who wait cost the web process at most 5 threads and no database connection, on SQLite and PostgreSQL."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from tests.harness.house import House
from tests.harness.postgres import Postgres, connect
from tests.harness.waiting import until
from tests.live.clients import QUICK, bearer, reading, run

EACH = 100  # readers of /events, and as many who hold `Prefer: wait`
AT_A_TIME = 10  # of those who arrive together: what waits is counted, not what arrives
THREADS_MAX = 5
WATCHED = 6.0  # seconds


def handles(pid: int) -> int:
    """How often the process has SQLite's files open."""
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += Path(os.readlink(entry)).name.startswith("portal.sqlite3")
        except FileNotFoundError:
            continue
    return found


def connections(url: str) -> int:
    """Connections to the database of that URL, but the one that asks."""
    with connect(url, "postgres") as database:
        name = url.rpartition("/")[2]
        row = database.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name]).fetchone()
    assert row
    return int(row[0])


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_two_hundred_wait(kind: str, new_house: Callable[..., House], request: pytest.FixtureRequest) -> None:
    url = ""
    if kind == "PostgreSQL":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.new_database()
    house = new_house(url)
    web = psutil.Process(house.programs["web"].pid)

    def measure() -> tuple[int, int]:
        return web.num_threads(), connections(url) if url else handles(web.pid)

    # What else has connections stands still meanwhile, so that they are the web's alone that change.
    with house.api("carol") as client, house.frozen("worker", "watch"):
        query = client.post("/queries", json=QUICK).json()
        until(lambda: measure() == measure(), 10, "rest")
        threads, databases = measure()
        run(wait_and_watch(house, query["url"], measure, threads, databases))


async def wait_and_watch(
    house: House, path: str, measure: Callable[[], tuple[int, int]], threads: int, databases: int
) -> None:
    turns = asyncio.Semaphore(AT_A_TIME)
    headers = {**bearer(house, "carol"), "Prefer": "wait=60"}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with (
        AsyncExitStack() as readers,
        httpx.AsyncClient(base_url=house.url, headers=headers, timeout=90, limits=limits) as client,
    ):

        async def read() -> None:
            async with turns:
                await readers.enter_async_context(reading(house.url, bearer(house, "victor")))

        await asyncio.gather(*(read() for _ in range(EACH)))
        waiting = []
        for _ in range(0, EACH, AT_A_TIME):
            waiting += [asyncio.ensure_future(client.get(path)) for _ in range(AT_A_TIME)]
            await asyncio.sleep(0.3)
        await asyncio.to_thread(until, lambda: measure() <= (threads + THREADS_MAX, databases), 20, "all who wait")
        seen = await asyncio.to_thread(watched, measure)
        assert not any(task.done() for task in waiting)
        print(f"\n{2 * EACH} wait: threads {threads} → {max(t for t, _ in seen)}, ", end="")
        print(f"database handles {databases} → {max(d for _, d in seen)}")
        assert max(t for t, _ in seen) <= threads + THREADS_MAX
        assert max(d for _, d in seen) <= databases
        async with httpx.AsyncClient(base_url=house.url, headers=bearer(house, "carol"), timeout=30) as other:
            await other.post(f"{path}/cancel")
        answers = await asyncio.wait_for(asyncio.gather(*waiting), 30)
        assert {answer.json()["state"] for answer in answers} == {"cancelled"}


def watched(measure: Callable[[], tuple[int, int]]) -> list[tuple[int, int]]:
    deadline = time.monotonic() + WATCHED
    seen = []
    while time.monotonic() < deadline:
        seen.append(measure())
        time.sleep(0.05)
    return seen
