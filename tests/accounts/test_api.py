"""People, teams, members and invitations over REST: what works, who may, and what is refused."""

import pytest
from django.test import Client

from portal.accounts.models import Membership, Team, User
from portal.accounts.services import create_token
from tests.harness.people import People

JSON = "application/json"


def test_me(people: People) -> None:
    me = people.bob.api.get("/api/v1/me").json()
    assert me["username"] == "bob"
    assert me["is_admin"] is False
    assert me["teams"] == [{"slug": "growth", "name": "Growth", "role": "scientist", "connection": "local"}]


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer sky_wrong", "Basic abc"])
def test_a_wrong_token_is_401_with_a_problem(people: People, token: str) -> None:
    answer = Client(headers={"Authorization": token} if token else {}).get("/api/v1/me")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthenticated"
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_token_is_not_rescued_by_a_session(people: People) -> None:
    browser = people.bob.page
    assert browser.get("/api/v1/me").status_code == 200
    assert browser.get("/api/v1/me", headers={"Authorization": "Bearer sky_wrong"}).status_code == 401


def test_a_deactivated_person_is_out_at_once(people: People) -> None:
    client = people.bob.api
    assert people.root.api.delete("/api/v1/users/bob").status_code == 204
    assert client.get("/api/v1/me").status_code == 401
    assert people.bob.page.get("/api/v1/me").status_code == 401
    assert User.objects.filter(username="bob").exists(), "people are deactivated, never deleted"


def test_a_name_does_not_change_hands(people: People) -> None:
    people.root.api.delete("/api/v1/users/bob")
    answer = people.root.api.post("/api/v1/users", {"username": "bob"}, content_type=JSON)
    assert answer.status_code == 409


@pytest.mark.parametrize("username", ["Bob", "../x", "", "a b", "ü", "x" * 65])
def test_bad_usernames(people: People, username: str) -> None:
    answer = people.root.api.post("/api/v1/users", {"username": username}, content_type=JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "username"


def test_the_last_site_admin_stays(people: People) -> None:
    assert people.root.api.delete("/api/v1/users/root").status_code == 409
    assert people.root.api.patch("/api/v1/users/root", {"is_admin": False}, content_type=JSON).status_code == 409


def test_only_site_admins_make_people_and_teams(people: People) -> None:
    for person in (people.alice, people.bob, people.victor, people.charlie):
        assert person.api.post("/api/v1/users", {"username": "new"}, content_type=JSON).status_code == 403
        assert person.api.get("/api/v1/users").status_code == 403
        assert person.api.post("/api/v1/teams", {"slug": "new", "name": "New"}, content_type=JSON).status_code == 403
    made = people.root.api.post("/api/v1/teams", {"slug": "new", "name": "New"}, content_type=JSON)
    assert (made.status_code, made.json()["connection"]) == (201, "local")
    assert Membership.objects.get(team__slug="new").role == "admin"
    assert people.root.api.post("/api/v1/teams", {"slug": "new", "name": "x"}, content_type=JSON).status_code == 409
    assert people.root.api.post("/api/v1/teams", {"slug": "N E W", "name": "x"}, content_type=JSON).status_code == 422


def test_a_stranger_does_not_know_of_a_team(people: People) -> None:
    for address in ("/api/v1/teams/growth", "/api/v1/teams/growth/members", "/api/v1/teams/absent"):
        assert people.charlie.api.get(address).status_code == 404
    assert [team["slug"] for team in people.charlie.api.get("/api/v1/teams").json()["items"]] == ["ops"]


def test_members_are_an_admins_to_change(people: People) -> None:
    body = {"username": "charlie", "role": "viewer"}
    for person in (people.bob, people.carol, people.victor):
        assert person.api.post("/api/v1/teams/growth/members", body, content_type=JSON).status_code == 403
        assert person.api.delete("/api/v1/teams/growth/members/alice").status_code == 403
    assert people.charlie.api.post("/api/v1/teams/growth/members", body, content_type=JSON).status_code == 404
    assert people.alice.api.post("/api/v1/teams/growth/members", body, content_type=JSON).status_code == 201
    assert people.alice.api.post("/api/v1/teams/growth/members", body, content_type=JSON).status_code == 409
    patched = people.alice.api.patch("/api/v1/teams/growth/members/charlie", {"role": "analyst"}, content_type=JSON)
    assert patched.json()["role"] == "analyst"
    assert (
        people.alice.api.patch("/api/v1/teams/growth/members/charlie", {"role": "king"}, content_type=JSON).status_code
        == 422
    )
    assert people.alice.api.delete("/api/v1/teams/growth/members/charlie").status_code == 204
    assert people.alice.api.delete("/api/v1/teams/growth/members/charlie").status_code == 404


def test_everybody_may_leave_but_the_last_admin(people: People) -> None:
    assert people.victor.api.delete("/api/v1/teams/growth/members/victor").status_code == 204
    assert people.alice.api.delete("/api/v1/teams/growth/members/alice").status_code == 409


def test_a_reading_token_changes_nothing(people: People) -> None:
    _, secret = create_token(people.alice.user, "reader", scopes=["read"])
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get("/api/v1/teams/growth").status_code == 200
    assert client.patch("/api/v1/teams/growth", {"name": "X"}, content_type=JSON).status_code == 403
    assert client.delete("/api/v1/teams/growth/members/victor").status_code == 403
    _, secret = create_token(people.root.user, "reader", scopes=["read"])
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.post("/api/v1/users", {"username": "new"}, content_type=JSON).status_code == 403


def test_a_closed_team_is_gone_and_its_slug_with_it(people: People) -> None:
    assert people.root.api.delete("/api/v1/teams/ops").status_code == 204
    assert people.charlie.api.get("/api/v1/me").json()["teams"] == []
    assert people.root.api.post("/api/v1/teams", {"slug": "ops", "name": "x"}, content_type=JSON).status_code == 409
    assert Team.objects.get(slug="ops").archived_at


def test_lists_are_paged_by_an_opaque_cursor(people: People) -> None:
    seen: list[str] = []
    address = "/api/v1/users?limit=4"
    for _ in range(3):
        answer = people.root.api.get(address).json()
        seen += [user["username"] for user in answer["items"]]
        if answer["next"] is None:
            break
        address = f"/api/v1/users?limit=4&cursor={answer['next']}"
    assert seen == ["alice", "bob", "carol", "charlie", "root", "victor"]
    assert people.root.api.get("/api/v1/users?cursor=forged").status_code == 422
    assert people.root.api.get("/api/v1/users?limit=0").status_code == 422


def test_an_invitation_is_an_admins_to_make(people: People) -> None:
    for person in (people.bob, people.victor):
        answer = person.api.post("/api/v1/teams/growth/invitations", {"role": "viewer"}, content_type=JSON)
        assert answer.status_code == 403
    answer = people.alice.api.post("/api/v1/teams/growth/invitations", {"role": "viewer"}, content_type=JSON)
    assert answer.status_code == 201
    assert "/invitation/" in answer.json()["url"]
    assert answer.json()["expires_at"].endswith("Z")
