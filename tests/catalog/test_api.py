"""Databases, tables and search over REST: as owner, team-mate viewer, stranger, anonymous, with a wrong token."""

import json
from typing import Any

import pytest
from django.test import Client

from portal.catalog import services
from portal.catalog.models import Database, Table
from portal.datasets.models import Bucket
from portal.operations.models import Operation
from tests.catalog.conftest import CSV, MakeTable, carried_out, parquet
from tests.datasets.conftest import Give, Put, name_of_its_own
from tests.harness.people import People, Person
from tests.harness.servers import CloudServer

JSON = "application/json"


def post(person: Person, path: str, body: dict[str, Any], **more: Any) -> Any:
    return person.api.post(f"/api/v1{path}", body, content_type=JSON, **more)


def test_a_table_by_the_api_alone(people: People, database: Database, bucket: Bucket, put: Put) -> None:
    put("people/a.csv", CSV)
    said = {"name": "people", "location": f"s3://{bucket.name}/people/"}
    answer = post(people.carol, f"/databases/{database.name}/tables", said)
    operation = answer.json()
    assert (answer.status_code, operation["kind"], operation["state"]) == (202, "table.create", "queued")
    assert (operation["database"], operation["table"]) == (database.name, "people")
    assert answer["Location"] == operation["url"] == f"/api/v1/operations/{operation['id']}"
    assert carried_out(Operation.objects.get(pk=operation["id"])).state == "succeeded"
    address = f"/api/v1/databases/{database.name}/tables/people"
    table = people.victor.api.get(address).json()
    assert table["columns"][0] == {"name": "id", "type": "bigint", "comment": ""}
    assert (table["rows"], table["bytes"], table["owner"], table["format"]) == (3, len(CSV), "carol", "csv")
    change = {"description": "Who we know", "tags": ["crm"]}
    assert people.carol.api.patch(address, change, content_type=JSON).json()["tags"] == ["crm"]
    assert (
        people.victor.api.get(f"/api/v1/databases/{database.name}/tables").json()["items"][0]["description"]
        == "Who we know"
    )
    assert people.carol.api.delete(address).status_code == 204
    assert people.carol.api.get(address).status_code == 404


def test_the_same_idempotency_key(people: People, database: Database, bucket: Bucket, put: Put) -> None:
    put("people/a.csv", CSV)
    path, said = f"/databases/{database.name}/tables", {"name": "people", "location": f"s3://{bucket.name}/people/"}
    key = {"headers": {"Idempotency-Key": "once"}}
    first = post(people.carol, path, said, **key).json()
    assert carried_out(Operation.objects.get()).state == "succeeded"
    again = post(people.carol, path, said, **key)
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (200, first["id"], "succeeded")
    assert post(people.carol, path, {**said, "name": "other"}, **key).status_code == 409
    assert post(people.carol, path, said).status_code == 409
    assert Operation.objects.count() == 1


def test_databases(people: People, cloud_server: CloudServer) -> None:
    name = name_of_its_own("d").replace("-", "_")
    assert post(people.victor, "/databases", {"name": name}).status_code == 403
    assert post(people.carol, "/databases", {"name": "No-Database"}).status_code == 422
    assert post(people.carol, "/databases", {"name": name, "team": "ops"}).status_code == 404
    made = post(people.carol, "/databases", {"name": name, "team": "growth"})
    assert (made.status_code, made.json()["team"]) == (201, "growth")
    assert post(people.charlie, "/databases", {"name": name}).status_code == 409
    assert [d["name"] for d in people.victor.api.get("/api/v1/databases").json()["items"]] == [name]
    assert people.charlie.api.get("/api/v1/databases").json()["items"] == []
    address = f"/api/v1/databases/{name}"
    clients = (people.victor.api, people.charlie.api, Client(), Client(headers={"Authorization": "Bearer sky_no"}))
    assert [client.get(address).status_code for client in clients] == [200, 404, 401, 401]
    assert [client.delete(address).status_code for client in clients] == [403, 404, 401, 401]
    assert people.carol.api.delete(address).status_code == 204


ROUTES = [
    ("GET", "", 200, 200),
    ("GET", "/tables", 200, 200),
    ("GET", "/tables/people", 200, 403),
    ("GET", "/tables/people/partitions", 200, 403),
    ("PATCH", "/tables/people", 403, 403),
    ("DELETE", "/tables/people", 403, 403),
    ("POST", "/tables/people/refresh", 403, 403),
    ("POST", "/tables", 403, 403),
    ("DELETE", "", 403, 403),
    ("GET", "/tables/nothing", 404, 404),
]


@pytest.mark.parametrize(("method", "path", "viewer", "stranger"), ROUTES)
def test_who_may(people: People, make_table: MakeTable, method: str, path: str, viewer: int, stranger: int) -> None:
    table = make_table("people")
    body = json.dumps({"name": "more", "location": table.location} if method == "POST" else {})
    address = f"/api/v1/databases/{table.database.name}{path}"
    wrong = Client(headers={"Authorization": "Bearer sky_no"})
    answers = [c.generic(method, address, body, JSON) for c in (people.victor.api, people.charlie.api, Client(), wrong)]
    assert [answer.status_code for answer in answers] == [viewer, stranger, 401, 401]
    assert "email" not in answers[1].content.decode()
    own = people.carol.api.generic(method, address, body, JSON).status_code
    expected = {("DELETE", ""): {409}, ("GET", "/tables/nothing"): {404}}.get((method, path), {200, 202, 204})
    assert own in expected


def test_a_hidden_table_is_like_none(people: People, make_table: MakeTable) -> None:
    table = make_table("secret")
    services.update_table(people.carol.actor, table.database.name, "secret", hidden=True)
    hidden, absent = (
        people.charlie.api.get(f"/api/v1/databases/{table.database.name}/tables/{name}")
        for name in ("secret", "absent")
    )
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.json()["detail"].replace("secret", "absent") == absent.json()["detail"]
    assert people.charlie.api.get("/api/v1/search?q=secret").json()["items"] == []


def test_some_columns_over_http(people: People, make_table: MakeTable, give: Give) -> None:
    table = make_table("people", body=CSV + b"x,y,z,too many\n")
    Table.objects.update(bad_rows={"count": 1, "examples": [[5, "x,y,z,too many", "one field too many"]]})
    give("table", f"{table.database.name}.people", columns=["id"])
    seen = people.charlie.api.get(f"/api/v1/databases/{table.database.name}/tables/people")
    body = seen.json()
    assert ([c["name"] for c in body["columns"]], body["hidden_columns"]) == (["id"], 2)
    assert body["bad_rows"] == {"count": 1, "examples": []}
    assert "email" not in seen.content.decode()


def test_partitions_in_pages(people: People, database: Database, bucket: Bucket, put: Put, give: Give) -> None:
    for day in ("01", "02", "03"):
        put(f"sales/day=2026-01-{day}/a.parquet", parquet(id=[1]))
    said = {"name": "sales", "location": f"s3://{bucket.name}/sales"}
    assert post(people.carol, f"/databases/{database.name}/tables", said).status_code == 202
    assert carried_out(Operation.objects.get()).state == "succeeded"
    address = f"/api/v1/databases/{database.name}/tables/sales/partitions"
    page = people.victor.api.get(address, {"limit": 2}).json()
    assert [one["values"] for one in page["items"]] == [{"day": "2026-01-01"}, {"day": "2026-01-02"}]
    rest = people.victor.api.get(address, {"limit": 2, "cursor": page["next"]}).json()
    assert (rest["items"][0]["location"], rest["next"]) == (f"s3://{bucket.name}/sales/day=2026-01-03/", None)
    give("table", f"{database.name}.sales", columns=["id"])
    assert people.charlie.api.get(address).status_code == 403


def test_search_over_http(people: People, make_table: MakeTable) -> None:
    make_table("people")
    found = people.charlie.api.get("/api/v1/search", {"q": "people"}).json()["items"]
    assert [(one["kind"], one["name"], one["may_read"], one["columns"]) for one in found] == [
        ("table", "people", False, None)
    ]
    assert people.charlie.api.get("/api/v1/search", {"q": "people", "limit": 0}).status_code == 422


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "file:///etc/passwd", "s3://no-such-bucket/x/", "http://169.254.169.254/"]
)
def test_locations_that_are_none(people: People, database: Database, location: str) -> None:
    answer = post(people.carol, f"/databases/{database.name}/tables", {"name": "t", "location": location})
    assert answer.status_code in (404, 422)
    assert answer["Content-Type"] == "application/problem+json"
    assert not Operation.objects.exists()
