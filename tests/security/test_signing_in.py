"""The ways in: passwords tried out, links in logs, invitations of teams that are gone, tokens that may only read."""

import io
import logging
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pythonjsonlogger.json import JsonFormatter

from portal.accounts import attempts, services
from portal.accounts.models import Membership, Role, Team
from portal.api.paging import cursor
from portal.datasets.ranges import _RANGE
from tests.harness.people import People

PASSWORD = "correct horse 4711"


@pytest.fixture(autouse=True)
def nobody_tried() -> None:
    cache.clear()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the site's own handler writes."""
    handler = next(one for one in logging.getLogger().handlers if isinstance(one.formatter, JsonFormatter))
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    if before:
        handler.setStream(before)


def sign_in(username: str, password: str) -> int:
    return Client().post("/signin", {"username": username, "password": password}).status_code


def test_passwords_cannot_be_tried_out(people: People) -> None:
    services.set_password(people.carol.user, PASSWORD)
    services.set_password(people.bob.user, PASSWORD)
    assert sign_in("carol", PASSWORD) == 303
    tries = {sign_in("carol", f"guess {number}") for number in range(attempts.AT_MOST)}
    assert tries == {422}
    assert sign_in("carol", PASSWORD) == 429
    assert sign_in(" CAROL ", PASSWORD) == 429
    refused = Client().post("/signin", {"username": "carol", "password": PASSWORD})
    assert int(refused["Retry-After"]) > 0
    assert sign_in("bob", PASSWORD) == 303
    assert [sign_in("nobody", "guess") for _ in range(attempts.AT_MOST + 1)][-1] == 429
    link = services.sign_in_link("carol")
    assert Client().post(link).status_code == 303


def test_who_knows_the_password_is_not_counted(people: People) -> None:
    services.set_password(people.carol.user, PASSWORD)
    assert {sign_in("carol", PASSWORD) for _ in range(attempts.AT_MOST + 2)} == {303}


def test_no_log_holds_a_link_that_still_works(people: People, log: io.StringIO) -> None:
    _, invitation = services.invite(people.alice.actor, "growth", "viewer")
    taken = Client().post(invitation, {"username": "bob", "name": "", "password": PASSWORD})
    assert taken.status_code == 409
    link = services.sign_in_link("carol")
    assert Client(enforce_csrf_checks=True).post(link).status_code == 403
    written = log.getvalue()
    assert "/invitation/\\u2026" in written
    for address in (invitation, link):
        assert address.rpartition("/")[2] not in written
    assert Client().post(link).status_code == 303


def test_an_invited_person_takes_nobodys_name(people: People) -> None:
    _, path = services.invite(people.alice.actor, "growth", "admin")
    for name in ("bob", "BOB", " bob "):
        assert Client().post(path, {"username": name, "name": "Eve", "password": PASSWORD}).status_code in (409, 422)
    people.bob.user.refresh_from_db()
    assert not people.bob.user.has_usable_password()
    assert Membership.objects.get(user=people.bob.user).role == Role.SCIENTIST


def test_an_invitation_ends_with_its_team(people: People) -> None:
    _, path = services.invite(people.alice.actor, "growth", "viewer")
    Team.objects.filter(slug="growth").update(archived_at=timezone.now())
    assert Client().get(path).status_code == 404
    assert Client().post(path, {"username": "eve", "name": "", "password": PASSWORD}).status_code == 404


def test_a_token_that_may_only_read_takes_nobody_out_of_a_team(people: People) -> None:
    _, secret = services.create_token(people.carol.user, "reading", scopes=["read"])
    reading = Client(headers={"Authorization": f"Bearer {secret}"})
    assert reading.delete("/api/v1/teams/growth/members/carol").status_code == 403
    assert people.carol.api.delete("/api/v1/teams/growth/members/carol").status_code == 204


def test_a_session_begun_before_signing_in_does_not_go_on(people: People) -> None:
    client = Client()
    session = client.session
    session["planted"] = "1"
    session.save()
    before = session.session_key
    client.post(services.sign_in_link("carol"))
    assert client.session.session_key not in (None, before)


def test_nobody_is_sent_to_another_host(people: People) -> None:
    services.set_password(people.carol.user, PASSWORD)
    for target in (
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "///evil.example",
    ):
        answer = Client().post("/signin", {"username": "carol", "password": PASSWORD, "next": target})
        assert answer["Location"] == "/"


def test_a_cookie_is_not_enough_to_write_over_the_api(people: People) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people.alice.user)
    for address in ("/api/v1/grants", "/api/v1/queries", "/api/v1/buckets", "/api/v1/training-jobs"):
        assert strict.post(address, {}, content_type="application/json").status_code == 403


def test_a_cursor_of_another_list_is_refused(people: People) -> None:
    answer = people.alice.api.get("/api/v1/teams", {"cursor": cursor("a/key.csv")})
    assert answer.status_code == 422


def test_a_range_of_thousands_of_digits_is_no_range() -> None:
    assert _RANGE.fullmatch("bytes=" + "9" * 5000 + "-") is None
