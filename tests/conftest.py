"""What every test may ask for. The data folder of the test process is set by harness/environment.py."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.test.client import ClientHandler

from tests.harness import chromium
from tests.harness.house import House
from tests.harness.people import People, make_people
from tests.harness.postgres import NoPostgres, Postgres
from tests.harness.servers import CloudServer, start_redis

logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request would bury the rest

_loaded: dict[str, Any] = {}


def _load_middleware_once(handler: BaseHandler, is_async: bool = False) -> None:
    """Each new Client would list all static files anew: 0.3 s each."""
    if not _loaded:
        BaseHandler.load_middleware(handler, is_async)
        _loaded.update({name: value for name, value in vars(handler).items() if name.endswith(("middleware", "chain"))})
    vars(handler).update(_loaded)


ClientHandler.load_middleware = _load_middleware_once  # type: ignore[assignment]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """A real Redis at settings.REDIS_URL; the value is that URL."""
    process = start_redis(settings.RUN_FOLDER / "redis.sock")
    yield settings.REDIS_URL
    process.stop()


@pytest.fixture(scope="session")
def _cloud_server() -> Iterator[CloudServer]:
    options = settings.CONNECTIONS["local"]
    server = CloudServer(Path(options["root"]), Path(options["socket"]))
    yield server
    server.stop()


@pytest.fixture
def cloud_server(_cloud_server: CloudServer) -> CloudServer:
    """The server behind the connection `local`, alive at the start of each test that asks. It is shared: use names of
    your own for buckets and databases."""
    _cloud_server.start()
    return _cloud_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; `postgres.new_database()` answers the DATABASE_URL of an empty database."""
    try:
        server = Postgres()
    except NoPostgres as error:
        pytest.skip(f"NOT TESTED ON POSTGRESQL: {error}")
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """The DATABASE_URL of an empty database."""
    return postgres.new_database()


@pytest.fixture
def people(db: None) -> People:
    """Alice, Bob, Carol, Victor, Charlie and root, in two teams: see harness/people.py."""
    return make_people()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A whole Skydeck of real processes on SQLite, shared by the tests of a file."""
    made = House()
    try:
        yield made.open()
    finally:
        made.close()


@pytest.fixture
def new_house() -> Iterator[Callable[..., House]]:
    """`new_house(database_url="", **settings)` opens a house that this test alone has."""
    made: list[House] = []

    def make(database_url: str = "", **chosen: str) -> House:
        made.append(House(database_url, **chosen))
        return made[-1].open()

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """pytest-playwright's `page` on the Chromium that `make test` found."""
    found = chromium.find()
    if not found:
        pytest.fail("No Chromium: run `make browser`.")
    return {**browser_type_launch_args, "executable_path": found, "args": chromium.arguments()}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say by name which processes were killed and which journeys were made, and how each ended."""
    for mark, title in (("crash", "real processes killed"), ("journey", "journeys in a real browser")):
        ran = [
            report
            for outcome in ("passed", "failed")
            for report in terminalreporter.getreports(outcome)
            if report.when == "call" and mark in report.keywords
        ]
        if ran:
            terminalreporter.section(title)
            for report in sorted(ran, key=lambda report: report.nodeid):
                terminalreporter.line(f"{report.outcome} {report.nodeid}")
