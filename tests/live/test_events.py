"""GET /events in a whole house: who hears what, and when a stream ends."""

import asyncio
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.harness.house import House, free_port
from tests.harness.processes import Process
from tests.harness.waiting import until
from tests.live.clients import QUICK, bearer, reading, run


def start(house: House, username: str) -> str:
    """The id of a quick query of theirs."""
    with house.api(username) as client:
        answer = client.post("/queries", json=QUICK)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def astart(house: House, username: str) -> str:
    return await asyncio.to_thread(start, house, username)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sky_wrong"}])
@pytest.mark.parametrize("path", ["/events", "/api/v1/events"])
def test_nobody_reads_without_a_token(house: House, path: str, headers: dict[str, str]) -> None:
    answer = httpx.get(house.url + path, headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_own_and_the_teams_operations_come_by_themselves(house: House) -> None:
    async def scenario() -> None:
        async with (
            reading(house.url, bearer(house, "carol")) as own,
            reading(house.url, bearer(house, "victor"), "/api/v1/events") as mate,
        ):
            query = await astart(house, "carol")
            for reader in (own, mate):
                assert (await reader.next("operation"))["id"] == query
            states: list[str] = []
            while not states or states[-1] not in ("succeeded", "failed", "cancelled"):
                shown = await own.next("operation", 30)
                states.append(shown["state"])
            assert states[-1] == "succeeded", shown

    run(scenario())


def test_a_session_reads_too(house: House) -> None:
    async def scenario() -> None:
        cookie = house.cookie("carol")
        async with reading(house.url, {"Cookie": f"{cookie['name']}={cookie['value']}"}) as reader:
            query = await astart(house, "carol")
            assert (await reader.next("operation"))["id"] == query

    run(scenario())


def test_strangers_hear_nothing_of_it(house: House) -> None:
    async def scenario() -> None:
        async with (
            reading(house.url, bearer(house, "charlie")) as stranger,
            reading(house.url, bearer(house, "root")) as site_admin,
            reading(house.url, bearer(house, "carol")) as own,
        ):
            query = await astart(house, "carol")
            assert (await own.next("operation"))["id"] == query
            theirs = await astart(house, "charlie")
            # News keep their order: the query of carol would have come before.
            assert (await stranger.next("operation"))["id"] == theirs
            roots = await site_admin_operation(house)
            assert (await site_admin.next("operation", 30))["id"] == roots

    run(scenario())


async def site_admin_operation(house: House) -> str:
    """An operation of root's own, in the team that they join for it."""
    with house.api("root") as client:
        joined = client.post("/teams/ops/members", json={"username": "root", "role": "analyst"})
        assert joined.status_code == 201, joined.text
    return await astart(house, "root")


def test_a_stream_survives_redis(house: House) -> None:
    async def scenario() -> None:
        async with reading(house.url, bearer(house, "bob")) as reader:
            query = await astart(house, "bob")
            assert (await reader.next("operation"))["id"] == query
            house.programs["redis"].kill()
            house.programs["redis"].start()
            await reader.next("ready", 15)
            query = await astart(house, "bob")
            while (await reader.next("operation", 15))["id"] != query:
                pass

    run(scenario())


@pytest.fixture
def quick_web(house: House) -> Iterator[str]:
    """The address of a second web process of the house, which asks each second who reads."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.live.quick:application", "--port", str(port)]
    process = Process([*command, "--no-access-log"], house.data / "logs" / "quick", house.environment)
    process.start()
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(url), 60, f"the second web process\n{process.words()}")
        yield url
    finally:
        process.kill()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


REVOKE = """
from django.contrib.sessions.models import Session
from django.utils import timezone
from portal.accounts.models import ApiToken
assert ApiToken.objects.filter(user__username="alice").update(revoked_at=timezone.now())
assert Session.objects.filter(session_key="{session}").delete()[0]
"""


def test_a_stream_ends_with_its_token_or_session(house: House, quick_web: str) -> None:
    async def scenario() -> None:
        cookie = {"Cookie": f"skydeck_session={house.people['victor'].session}"}
        async with (
            reading(quick_web, bearer(house, "alice")) as by_token,
            reading(quick_web, cookie) as by_session,
            reading(quick_web, bearer(house, "carol")) as other,
        ):
            code = REVOKE.format(session=house.people["victor"].session)
            await asyncio.to_thread(house.shell, code)
            await by_token.end(30)
            await by_session.end(30)
            query = await astart(house, "carol")
            assert (await other.next("operation"))["id"] == query

    run(scenario())
