"""The routes of queries: as owner, team-mate, viewer, stranger, nobody and with a wrong token."""

import json
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import Membership, Team
from portal.operations.models import Operation
from tests.queries.conftest import Shop, carried_out

JSON = "application/json"
SQL = "SELECT id, title FROM items WHERE month = '2026-01' ORDER BY id LIMIT 3"


def post(client: Client, path: str, body: dict[str, Any], **headers: str) -> Any:
    return client.post(f"/api/v1/{path}", body, content_type=JSON, headers=headers)


@pytest.fixture
def done(shop: Shop) -> Operation:
    """A query of carol's at its end, started over the API."""
    answer = post(shop.people.carol.api, "queries", {"sql": SQL, "database": shop.database})
    assert answer.status_code == 202, answer.content
    return carried_out(Operation.objects.get(id=answer.json()["id"]))


def test_from_the_statement_to_its_rows(shop: Shop) -> None:
    api = shop.people.carol.api
    expected = post(api, "queries/estimate", {"sql": SQL, "database": shop.database}).json()
    assert expected["usd"] == "0.00005"
    assert {key: expected["tables"][0][key] for key in ("database", "table", "partitions")} == {
        "database": shop.database, "table": "items", "partitions": 1,
    }  # fmt: skip
    started = post(api, "queries", {"sql": SQL, "database": shop.database})
    body = started.json()
    assert (started.status_code, body["state"]) == (202, "queued")
    assert started["Location"] == body["url"] == f"/api/v1/queries/{body['id']}"
    assert started["Skydeck-Operation"] == body["id"]
    assert api.get(f"{body['url']}/rows").json()["code"] == "not_ended"
    carried_out(Operation.objects.get(id=body["id"]))
    ended = api.get(body["url"]).json()
    assert {key: ended[key] for key in ("state", "rows", "list_usd", "charged_usd", "sql", "error")} == {
        "state": "succeeded", "rows": 3, "list_usd": "0.00005", "charged_usd": "0", "sql": SQL, "error": None,
    }  # fmt: skip
    assert ended["bytes_scanned"] > 0
    assert api.get(f"{body['url']}/rows?offset=1&limit=1").json() == {
        "columns": [{"name": "id", "type": "bigint"}, {"name": "title", "type": "varchar"}],
        "rows": [[10001, "item 10001"]],
        "total": 3,
    }


def test_downloads_are_files_to_be_saved(shop: Shop, done: Operation) -> None:
    api = shop.people.carol.api
    found = {form: api.get(f"/api/v1/queries/{done.id}/download?format={form}") for form in ("csv", "json", "parquet")}
    bodies = {form: answer.getvalue() for form, answer in found.items()}
    assert bodies["csv"].decode().splitlines() == ["id,title", *(f"{n},item {n}" for n in range(10000, 10003))]
    assert json.loads(bodies["json"])[2] == {"id": 10002, "title": "item 10002"}
    assert bodies["parquet"][:4] == b"PAR1"
    for form, answer in found.items():
        assert answer["Content-Disposition"].startswith("attachment")
        assert f".{form}" in answer["Content-Disposition"]
        assert answer["X-Content-Type-Options"] == "nosniff"
    assert api.get(f"/api/v1/queries/{done.id}/download?format=xlsx").status_code == 422


def test_who_may_see_a_query(shop: Shop, done: Operation) -> None:
    people = shop.people
    clients = {
        "owner": people.carol.api, "session": people.carol.page, "mate": people.bob.api, "viewer": people.victor.api,
        "stranger": people.charlie.api, "nobody": Client(), "wrong": Client(headers={"Authorization": "Bearer sky_no"}),
    }  # fmt: skip
    for path in ("", "/rows", "/download"):
        answers = {who: client.get(f"/api/v1/queries/{done.id}{path}") for who, client in clients.items()}
        for answer in answers.values():
            assert answer.getvalue()
        statuses = {who: answer.status_code for who, answer in answers.items()}
        assert statuses == {
            "owner": 200, "session": 200, "mate": 200, "viewer": 200, "stranger": 404, "nobody": 401, "wrong": 401,
        }  # fmt: skip


def test_who_may_run_and_stop(shop: Shop) -> None:
    people, body = shop.people, {"sql": SQL, "database": shop.database}
    statuses = {
        name: post(getattr(people, name).api, "queries", body).status_code for name in ("bob", "victor", "charlie")
    }
    assert statuses == {"bob": 202, "victor": 403, "charlie": 403}
    assert post(Client(), "queries", body).status_code == 401
    running = Operation.objects.get(owner=people.bob.user)
    for name, status in (("charlie", 404), ("victor", 403), ("carol", 403), ("alice", 200)):
        assert post(getattr(people, name).api, f"queries/{running.id}/cancel", {}).status_code == status, name
    running.refresh_from_db()
    assert running.state == "cancelled"


def test_a_refusal_names_the_place_in_the_text(shop: Shop) -> None:
    body = {"sql": "SELECT id,\n  titel\nFROM items", "database": shop.database}
    for path in ("queries/estimate", "queries"):
        answer = post(shop.people.carol.api, path, body)
        problem = answer.json()
        assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
        assert (problem["code"], problem["line"], problem["column"]) == ("COLUMN_NOT_FOUND", 2, 3)
        assert "title" in problem["detail"]
    denied = post(shop.people.charlie.api, "queries", body)
    assert (denied.status_code, denied.json()["code"]) == (403, "denied")
    assert "title" not in denied.json()["detail"]


def test_the_same_key_answers_the_same_query(shop: Shop) -> None:
    api, body = shop.people.carol.api, {"sql": SQL, "database": shop.database}
    first, again = (post(api, "queries", body, **{"Idempotency-Key": "one"}) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert post(api, "queries", {**body, "sql": "SELECT 2"}, **{"Idempotency-Key": "one"}).status_code == 409
    assert Operation.objects.count() == 1


def test_history_by_team_person_and_state(shop: Shop, done: Operation) -> None:
    people = shop.people
    other = post(people.bob.api, "queries", {"sql": "SELECT 1", "database": shop.database}).json()["id"]

    def ids(name: str, asked: str = "") -> list[str]:
        return [item["id"] for item in getattr(people, name).api.get(f"/api/v1/queries?{asked}").json()["items"]]

    assert ids("carol") == [other, str(done.id)]
    assert ids("carol", "mine=true") == [str(done.id)]
    assert ids("carol", "state=succeeded&team=growth") == [str(done.id)]
    assert ids("charlie") == []
    assert people.charlie.api.get("/api/v1/queries?team=growth").status_code == 404
    assert people.carol.api.get("/api/v1/queries?state=tired").status_code == 422


def test_a_person_in_two_teams_sees_the_queries_of_both(shop: Shop, done: Operation) -> None:
    bob = shop.people.bob
    Membership.objects.create(
        user=bob.user, team=Team.objects.create(slug="a-first", name="A", connection="local"), role="admin"
    )
    assert bob.actor.team == "a-first"
    assert bob.api.get(f"/api/v1/queries/{done.id}/rows").json()["total"] == 3
    assert post(bob.api, "queries", {"sql": "SELECT 1", "database": shop.database}).status_code == 422
    assert post(bob.api, "queries", {"sql": "SELECT 1", "database": shop.database, "team": "growth"}).status_code == 202


@pytest.mark.parametrize(
    ("asked", "status"), [("limit=10001", 422), ("offset=-1", 422), ("limit=0", 200), ("offset=99", 200)]
)
def test_the_edges_of_a_page(shop: Shop, done: Operation, asked: str, status: int) -> None:
    answer = shop.people.carol.api.get(f"/api/v1/queries/{done.id}/rows?{asked}")
    assert answer.status_code == status
    assert status != 200 or (answer.json()["rows"], answer.json()["total"]) == ([], 3)


def test_a_preview_is_rows_once_it_has_ended(shop: Shop) -> None:
    api, path = shop.people.victor.api, f"/api/v1/databases/{shop.database}/tables/items/preview?limit=5"
    first = api.get(path)
    assert (first.status_code, first["Skydeck-Wait"], first["Skydeck-Again"]) == (202, "20", path)
    carried_out(Operation.objects.get(id=first["Skydeck-Operation"]))
    found = api.get(path)
    assert "Skydeck-Operation" not in found
    assert [column["name"] for column in found.json()["columns"]] == ["id", "title", "price", "month"]
    assert len(found.json()["rows"]) == 5
    assert shop.people.charlie.api.get(path).status_code == 403
    assert shop.people.carol.api.get(path.replace("items", "nothing")).status_code == 404
    assert Client().get(path).status_code == 401


def test_a_token_that_may_only_read(shop: Shop, done: Operation) -> None:
    from portal.accounts.services import create_token

    _, secret = create_token(shop.people.carol.user, "reader", scopes=["read"])
    api = Client(headers={"Authorization": f"Bearer {secret}"})
    assert api.get(f"/api/v1/queries/{done.id}/rows").status_code == 200
    assert post(api, "queries", {"sql": SQL, "database": shop.database}).status_code == 403
    assert post(api, f"queries/{done.id}/cancel", {}).status_code == 403
