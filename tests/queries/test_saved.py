"""Saved queries: who sees, changes, shares, deletes and runs them; their versions."""

from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import Membership
from portal.operations.models import Operation
from portal.problems import Conflict
from portal.queries import saved
from tests.harness.people import People, Person
from tests.queries.conftest import Shop, carried_out

JSON = "application/json"
ROOT = "/api/v1/saved-queries"
BODY = {"name": "Top items", "sql": "SELECT 1", "database": "shop"}


def make(person: Person, **more: Any) -> dict[str, Any]:
    answer = person.api.post(ROOT, {**BODY, **more}, content_type=JSON)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def statuses(people: People, path: str, method: str = "get", body: dict[str, Any] | None = None) -> dict[str, int]:
    names = ("alice", "bob", "victor", "charlie")
    clients = {name: getattr(people, name).api for name in names}
    clients |= {"nobody": Client(), "wrong": Client(headers={"Authorization": "Bearer sky_no"})}
    options = {"data": body, "content_type": JSON} if body is not None else {}
    return {name: getattr(client, method)(path, **options).status_code for name, client in clients.items()}


def test_a_private_one_is_its_owners_alone(people: People) -> None:
    found = make(people.carol, chart={"kind": "bar"}, tags=["weekly"], parameters=["1"])
    assert {key: found[key] for key in ("team", "owner", "version", "chart", "tags", "parameters")} == {
        "team": None, "owner": "carol", "version": 1, "chart": {"kind": "bar"}, "tags": ["weekly"], "parameters": ["1"],
    }  # fmt: skip
    path = f"{ROOT}/{found['id']}"
    assert people.carol.api.get(path).json() == found
    assert statuses(people, path) == {
        "alice": 404, "bob": 404, "victor": 404, "charlie": 404, "nobody": 401, "wrong": 401,
    }  # fmt: skip
    assert people.bob.api.get(ROOT).json()["items"] == []


def test_a_teams_one_is_seen_by_the_team_and_changed_by_owner_and_admin(people: People) -> None:
    path = f"{ROOT}/{make(people.carol, team='growth')['id']}"
    assert statuses(people, path) == {
        "alice": 200, "bob": 200, "victor": 200, "charlie": 404, "nobody": 401, "wrong": 401,
    }  # fmt: skip
    assert statuses(people, path, "put", {"description": "mine"}) == {
        "alice": 200, "bob": 403, "victor": 403, "charlie": 404, "nobody": 401, "wrong": 401,
    }  # fmt: skip
    assert statuses(people, f"{path}/shares", "put", {"items": []}) == {
        "alice": 200, "bob": 403, "victor": 403, "charlie": 404, "nobody": 401, "wrong": 401,
    }  # fmt: skip
    deleted = {
        name: getattr(people, name).api.delete(path).status_code for name in ("charlie", "victor", "bob", "alice")
    }
    assert deleted == {"charlie": 404, "victor": 403, "bob": 403, "alice": 204}
    assert people.carol.api.get(path).status_code == 404


def test_a_viewer_keeps_nothing_and_nobody_keeps_for_another_team(people: People) -> None:
    assert people.victor.api.post(ROOT, BODY, content_type=JSON).status_code == 403
    assert people.carol.api.post(ROOT, {**BODY, "team": "ops"}, content_type=JSON).status_code == 404
    assert Client().post(ROOT, BODY, content_type=JSON).status_code == 401


def test_shared_with_a_person_and_a_team(people: People) -> None:
    path = f"{ROOT}/{make(people.carol)['id']}"
    items = [{"principal": "team:ops", "can_edit": False}, {"principal": "user:bob", "can_edit": True}]
    put = people.carol.api.put(f"{path}/shares", {"items": items}, content_type=JSON)
    assert (put.status_code, put.json()["items"]) == (200, items)
    assert statuses(people, path) == {
        "alice": 404, "bob": 200, "victor": 404, "charlie": 200, "nobody": 401, "wrong": 401,
    }  # fmt: skip
    assert statuses(people, path, "put", {"description": "x"}) == {
        "alice": 404, "bob": 200, "victor": 404, "charlie": 403, "nobody": 401, "wrong": 401,
    }  # fmt: skip
    assert people.charlie.api.get(ROOT).json()["items"][0]["owner"] == "carol"
    assert people.bob.api.put(f"{path}/shares", {"items": []}, content_type=JSON).status_code == 403
    people.carol.api.put(f"{path}/shares", {"items": []}, content_type=JSON)
    assert people.charlie.api.get(path).status_code == 404


@pytest.mark.parametrize("principal", ["user:nobody-here", "team:none", "carol", "group:x"])
def test_shares_with_whoever_is_not_there_change_nothing(people: People, principal: str) -> None:
    path = f"{ROOT}/{make(people.carol)['id']}/shares"
    people.carol.api.put(path, {"items": [{"principal": "user:bob"}]}, content_type=JSON)
    answer = people.carol.api.put(path, {"items": [{"principal": principal}]}, content_type=JSON)
    assert answer.status_code == 422
    assert people.carol.api.get(path).json()["items"] == [{"principal": "user:bob", "can_edit": False}]


def test_each_change_is_a_version_and_the_first_is_kept(people: People) -> None:
    path = f"{ROOT}/{make(people.carol, team='growth')['id']}"
    people.carol.api.put(path, {"sql": "SELECT 2"}, content_type=JSON)
    people.alice.api.put(path, {"name": "Best items", "chart": {"kind": "line"}}, content_type=JSON)
    same = people.alice.api.put(path, {"name": "Best items"}, content_type=JSON).json()
    assert (same["version"], same["sql"], same["name"]) == (3, "SELECT 2", "Best items")
    kept = people.victor.api.get(f"{path}/versions").json()["items"]
    assert [(v["version"], v["sql"], v["name"], v["author"]) for v in kept] == [
        (3, "SELECT 2", "Best items", "alice"),
        (2, "SELECT 2", "Top items", "carol"),
        (1, "SELECT 1", "Top items", "carol"),
    ]
    assert people.charlie.api.get(f"{path}/versions").status_code == 404


def test_a_change_on_an_old_version_is_refused(people: People) -> None:
    found = make(people.carol)
    path = f"{ROOT}/{found['id']}"
    assert people.carol.api.put(path, {"sql": "SELECT 2", "version": 1}, content_type=JSON).status_code == 200
    assert people.carol.api.put(path, {"sql": "SELECT 3", "version": 1}, content_type=JSON).status_code == 409
    with pytest.raises(Conflict):
        saved.update(people.carol.actor, found["id"], sql="SELECT 4", version=1)
    assert people.carol.api.get(path).json()["sql"] == "SELECT 2"


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"name": "x" * 121}, {"sql": ""}, {"sql": "x" * 262_145}, {"database": ""}]
)
def test_what_cannot_be_kept(people: People, wrong: dict[str, str]) -> None:
    answer = people.carol.api.post(ROOT, {**BODY, **wrong}, content_type=JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == next(iter(wrong))


def test_whoever_left_the_team_no_longer_sees_what_is_the_teams(people: People) -> None:
    path = f"{ROOT}/{make(people.carol, team='growth')['id']}"
    Membership.objects.filter(user=people.carol.user).delete()
    assert people.carol.api.get(path).status_code == 404


def test_who_runs_it_uses_their_own_rights(shop: Shop) -> None:
    people = shop.people
    found = make(
        people.carol,
        team="growth",
        sql="SELECT count(*) FROM items WHERE id < ?",
        database=shop.database,
        parameters=["10005"],
    )
    path = f"{ROOT}/{found['id']}"
    shares = {"items": [{"principal": "user:charlie"}]}
    assert people.carol.api.put(f"{path}/shares", shares, content_type=JSON).status_code == 200
    denied = people.charlie.api.post(f"{path}/run", {}, content_type=JSON)
    assert (denied.status_code, denied.json()["code"]) == (403, "denied")
    assert people.victor.api.post(f"{path}/run", {}, content_type=JSON).status_code == 403
    for body, count in (({}, 5), ({"parameters": ["10002"]}, 2)):
        started = people.bob.api.post(f"{path}/run", body, content_type=JSON)
        assert started.status_code == 202, started.content
        operation = carried_out(Operation.objects.get(id=started.json()["id"]))
        assert (operation.title, operation.params["saved_query"]) == ("Top items", found["id"])
        assert people.bob.api.get(f"/api/v1/queries/{operation.id}/rows").json()["rows"] == [[count]]
    assert people.carol.api.delete(path).status_code == 204
    assert people.bob.api.get(f"/api/v1/queries/{operation.id}").json()["saved_query"] == found["id"]


def test_a_nul_character_is_refused_and_its_escape_is_text(people: People) -> None:
    for wrong in ({"name": "a\x00"}, {"sql": "\x00"}, {"tags": ["\x00"]}, {"chart": {"a": {"\x00": 1}}}):
        assert people.carol.api.post(ROOT, {**BODY, **wrong}, content_type=JSON).status_code == 422, wrong
    assert make(people.carol, sql=r"SELECT '\u0000'")["sql"] == r"SELECT '\u0000'"
