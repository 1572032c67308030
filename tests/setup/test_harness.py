"""The tests' own tools stand: nothing of a site is touched, and the servers are real."""

from collections.abc import Callable
from pathlib import Path

import environ
import psycopg
import pytest
import redis
from django.conf import settings

from tests.harness.house import House
from tests.harness.people import People
from tests.harness.processes import BASE
from tests.harness.servers import CloudServer


def test_the_data_folder_of_a_test_is_not_that_of_the_site() -> None:
    assert BASE / "var" != settings.DATA
    assert str(settings.DATA).startswith("/tmp/skytest-")


def test_redis_answers(redis_server: str) -> None:
    with redis.Redis.from_url(redis_server) as client:
        assert client.ping()


def test_a_killed_cloud_server_is_there_again_for_the_next_test(cloud_server: CloudServer) -> None:
    cloud_server.kill()
    assert not cloud_server.answers()
    cloud_server.start()
    assert cloud_server.answers()


def test_postgres_gives_a_database_for_whoever_asks(postgres_url: str) -> None:
    parsed = environ.Env.db_url_config(postgres_url)
    with psycopg.connect(host=parsed["HOST"], user=parsed["USER"], dbname=parsed["NAME"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_people_come_in_by_session_and_by_token(people: People) -> None:
    assert people.bob.actor.role == "scientist"
    assert people.charlie.actor.team == "ops"
    assert people.root.actor.is_admin


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def test_a_house_of_real_processes_becomes_ready(
    database: str, new_house: Callable[..., House], request: pytest.FixtureRequest
) -> None:
    house = new_house(request.getfixturevalue("postgres_url") if database == "postgres" else "")
    assert set(house.people) == {"alice", "bob", "carol", "victor", "charlie", "root"}
    assert all(program.alive for program in house.programs.values())
    data: Path = house.data
    house.close()
    assert not data.exists()
