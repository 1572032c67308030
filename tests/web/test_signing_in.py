"""Signing in: by password, by a link that a preview cannot spend, and never on to another host."""

import pytest
from django.test import Client

from portal.accounts.services import invite, set_password, sign_in_link
from tests.harness.people import People

PASSWORD = "correct horse battery"


def test_a_password_signs_in_and_leads_back(people: People) -> None:
    set_password(people.carol.user, PASSWORD)
    client = Client()
    wrong = client.post("/signin", {"username": "carol", "password": "no", "next": "/data"})
    assert wrong.status_code == 422
    right = client.post("/signin", {"username": "carol", "password": PASSWORD, "next": "/data"})
    assert (right.status_code, right.headers["Location"]) == (303, "/data")
    assert client.get("/data").status_code == 200


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_it_never_leads_to_another_host(people: People, elsewhere: str) -> None:
    set_password(people.carol.user, PASSWORD)
    answer = Client().post("/signin", {"username": "carol", "password": PASSWORD, "next": elsewhere})
    assert answer.headers["Location"] == "/"


def test_a_link_is_spent_by_post_alone_and_once(people: People) -> None:
    path = sign_in_link("carol")
    client = Client()
    assert client.get(path).status_code == 200
    assert client.get(path).status_code == 200
    assert client.post(path).status_code == 303
    assert client.get("/").status_code == 200
    assert Client().post(path).status_code == 404


def test_an_invitation_makes_a_member(people: People) -> None:
    _, path = invite(people.alice.actor, "growth", "analyst")
    client = Client()
    assert b"Growth" in client.get(path).content
    weak = client.post(path, {"username": "maria", "name": "Maria", "password": "short"})
    assert weak.status_code == 422
    joined = client.post(path, {"username": "maria", "name": "Maria", "password": PASSWORD})
    assert joined.status_code == 303
    assert b"Growth" in client.get("/").content
    assert Client().get(path).status_code == 404


def test_a_post_without_its_token_is_refused(people: People) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.alice.user)
    assert client.post("/people/invite", {"role": "analyst"}).status_code == 403
