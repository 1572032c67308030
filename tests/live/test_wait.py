"""`Prefer: wait=N` (RFC 7240) in a whole house, and what is left when the client goes."""

import asyncio
import threading
import time
from typing import Any

import httpx
import psutil
import pytest

from portal.live.application import Live
from portal.live.waits import preferred_wait
from tests.harness.house import House
from tests.harness.waiting import until
from tests.live.clients import QUICK, SHORT, bearer, make_table, run


def test_a_post_is_answered_when_the_operation_has_ended(house: House) -> None:
    with house.api("carol") as client:
        answer = client.post("/queries", json=QUICK, headers={"Prefer": "wait=30"})
        assert (answer.status_code, answer.json()["state"]) == (200, "succeeded"), answer.text
        assert answer.headers["Preference-Applied"] == "wait=30"
        assert client.get(f"/queries/{answer.json()['id']}/rows").json()["rows"] == [[42]]


def test_an_operation_is_answered_when_it_has_ended(house: House) -> None:
    with house.api("carol") as client:
        with house.frozen("worker"):
            query = client.post("/queries", json=QUICK).json()
            answers: list[httpx.Response] = []
            waiter = threading.Thread(
                target=lambda: answers.append(
                    httpx.get(
                        house.url + query["url"], headers=bearer(house, "carol") | {"Prefer": "wait=60"}, timeout=70
                    )
                )
            )
            waiter.start()
            waiter.join(1)
            assert not answers, "it should wait"
        waiter.join(40)
    assert answers[0].json()["state"] == "succeeded"
    assert answers[0].headers["Preference-Applied"] == "wait=60"


def test_when_time_is_over_it_says_how_it_is_now(house: House) -> None:
    with house.api("carol") as client, house.frozen("watch"):
        asked = time.monotonic()
        answer = client.post("/queries", json=SHORT, headers={"Prefer": "wait=4"})
        took = time.monotonic() - asked
        assert 4 <= took < 20
        assert answer.status_code == 202
        assert answer.headers["Preference-Applied"] == "wait=4"
        assert answer.headers["Location"] == f"/api/v1/queries/{answer.json()['id']}"
        assert answer.json()["state"] in ("submitted", "running"), "it was queued at first, and that was long ago"
        again = client.get(f"/operations/{answer.json()['id']}", headers={"Prefer": "respond-async, wait=1"})
        assert (again.status_code, again.json()["state"]) == (200, answer.json()["state"])


def test_a_cancelled_one_is_answered_at_once(house: House) -> None:
    with house.api("carol") as client, house.frozen("worker"):
        query = client.post("/queries", json=QUICK).json()
        asked = time.monotonic()
        threading.Timer(0.5, client.post, [f"/operations/{query['id']}/cancel"]).start()
        with house.api("carol") as other:
            answer = other.get(f"/queries/{query['id']}", headers={"Prefer": "wait=60"})
        assert answer.json()["state"] == "cancelled"
        assert time.monotonic() - asked < 20


def test_without_the_preference_nobody_waits(house: House) -> None:
    with house.api("carol") as client, house.frozen("worker"):
        for headers in ({}, {"Prefer": "wait=0"}, {"Prefer": "wait=soon"}):
            asked = time.monotonic()
            answer = client.post("/queries", json=QUICK, headers=headers)
            assert answer.status_code == 202
            assert ("Preference-Applied" in answer.headers) == (headers == {"Prefer": "wait=0"})
            assert time.monotonic() - asked < 10


def test_a_preview_waits_by_itself(house: House) -> None:
    path = f"/databases/{make_table(house)}/tables/items"
    with house.api("carol") as client:
        with house.frozen("worker"):
            told = client.get(f"{path}/preview", headers={"Prefer": "wait=1"})
            assert (told.status_code, told.json()["state"]) == (202, "queued")
        answer = client.get(f"{path}/preview")
        assert answer.status_code == 200, answer.text
        assert answer.json()["rows"] == [[1, "One"], [2, "Two"]]


def test_a_client_that_goes_leaves_no_socket(house: House) -> None:
    web = psutil.Process(house.programs["web"].pid)

    def sockets() -> int:
        ours = [one for one in web.net_connections("tcp") if one.laddr.port == house.port and one.raddr]
        return sum(one.status in ("ESTABLISHED", "CLOSE_WAIT") for one in ours)

    async def scenario(path: str) -> None:
        headers = {**bearer(house, "carol"), "Prefer": "wait=60"}
        async with httpx.AsyncClient(base_url=house.url, headers=headers, timeout=70) as client:
            waiting = [asyncio.ensure_future(client.get(path)) for _ in range(5)]
            await asyncio.to_thread(until, lambda: sockets() >= before + 5, 20, "five who wait")
            await asyncio.wait(waiting, timeout=1)
            assert not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    with house.api("carol") as client, house.frozen("worker"):
        query = client.post("/queries", json=QUICK).json()
        before = sockets()
        run(scenario(query["url"]))
        until(lambda: sockets() <= before, 10, "the sockets' end")


def test_a_client_that_goes_leaves_no_task(redis_server: str) -> None:
    """`Live` around an application whose operation never ends: its coroutine returns, and nobody listens any more."""

    async def unending(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"skydeck-operation", b"1"), (b"skydeck-again", b"/api/v1/operations/1")]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    async def scenario() -> None:
        live, goes, sent = Live(unending), asyncio.Event(), []

        async def receive() -> dict[str, Any]:
            await goes.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/api/v1/x", "headers": [(b"prefer", b"wait=60")]}
        task = asyncio.ensure_future(live(scope, receive, send))
        done, _ = await asyncio.wait([task], timeout=0.5)
        assert (done, live.news.listeners, sent) == (set(), 1, [])
        goes.set()
        await asyncio.wait_for(task, 5)
        assert live.news.listeners == 0
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert [task.get_coro().__qualname__ for task in left] == ["News._feed"]  # type: ignore[union-attr]
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    run(scenario())


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("wait=5", 5), ("wait=600", 60), ("respond-async, wait=20", 20), ("WAIT=7", 7), ('wait="3"', 3), ("wait=x", None),
     ("await=5", None), ("handling=lenient", None)],
)  # fmt: skip
def test_what_is_understood(header: str, seconds: float | None) -> None:
    assert preferred_wait({"headers": [(b"accept", b"*/*"), (b"Prefer", header.encode())]}) == seconds
