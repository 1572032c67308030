"""Every route as everybody: who it serves, who it refuses, and how. A route that stands in no row fails by its name."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from portal.access.models import Grant
from portal.accounts.models import Team
from portal.accounts.services import create_token
from portal.api.root import api
from portal.datasets import services as datasets
from portal.operations.models import Operation
from portal.queries import saved
from portal.queries import services as queries
from tests.harness.people import Person
from tests.queries.conftest import Shop, carried_out, shop  # noqa: F401 - a fixture

Names = dict[str, str]


@dataclass(frozen=True)
class Row:
    """One route on what team growth owns. `able` is the status for `who` has the right; `reader` the one for their
    read-only token (by default 403 for what is not a GET); `viewer` for one of growth, `stranger` for one of ops."""

    route: str
    able: int
    viewer: int
    stranger: int
    who: str = "alice"
    body: dict[str, Any] | None = None
    query: str = ""
    reader: int = 0

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]

    def expected(self, caller: str) -> int:
        if caller in ("nobody", "wrong token"):
            return 401
        if caller == "reader":
            return self.reader or (self.able if self.method == "GET" else 403)
        return int(getattr(self, caller))


SQL: dict[str, Any] = {"sql": "SELECT id FROM items WHERE month = '2026-01'", "database": "{database}"}
JOB: dict[str, Any] = {
    "name": "matrix", "source": {"bucket": "{bucket}", "key": "train.py"}, "instance_type": "local.cpu",
    "max_runtime_s": 60,
}  # fmt: skip
SAVED: dict[str, Any] = {"name": "Another", "sql": "SELECT 1", "database": "{database}", "team": "growth"}
GRANT: dict[str, Any] = {"principal": "team:ops", "resource": "table:{database}.items", "action": "read"}
TABLE = "/databases/{database}/tables/{table}"
# What ends things comes last in its part: the rows are undone after each request, files at the provider are not.
ROWS = [
    # who and teams
    Row("GET /me", 200, 200, 200),
    Row("GET /users", 200, 403, 403, who="root"),
    Row("POST /users", 201, 403, 403, who="root", body={"username": "dora"}),
    Row("PATCH /users/{person}", 200, 403, 403, who="root", body={"email": "v@example.org"}),
    Row("DELETE /users/{person}", 204, 403, 403, who="root"),
    Row("GET /teams", 200, 200, 200),
    Row("POST /teams", 201, 403, 403, who="root", body={"slug": "new-team", "name": "New"}),
    Row("GET /teams/{slug}", 200, 200, 404),
    Row("PATCH /teams/{slug}", 200, 403, 404, body={"name": "Grown"}),
    Row("DELETE /teams/{slug}", 204, 403, 403, who="root"),
    Row("GET /teams/{slug}/members", 200, 200, 404),
    Row("POST /teams/{slug}/members", 201, 403, 404, body={"username": "charlie", "role": "viewer"}),
    Row("PATCH /teams/{slug}/members/{member}", 200, 403, 404, body={"role": "viewer"}),
    Row("DELETE /teams/{slug}/members/{member}", 204, 403, 404),
    Row("POST /teams/{slug}/invitations", 201, 403, 404, body={"role": "viewer"}),
    # operations
    Row("GET /operations", 200, 200, 200),
    Row("GET /operations/{operation_id}", 200, 200, 404),
    Row("POST /operations/{operation_id}/cancel", 200, 403, 404, body={}),
    Row("GET /events", 501, 501, 501),  # portal/live answers it under ASGI: tests/live
    # buckets and uploads
    Row("GET /buckets", 200, 200, 200),
    Row("POST /buckets", 201, 403, 404, body={"name": "{new}", "team": "growth"}),
    Row("GET /buckets/{bucket}", 200, 200, 404),
    Row("GET /buckets/{bucket}/objects", 200, 200, 404),
    Row("GET /buckets/{bucket}/object", 200, 200, 404, query="key=train.py"),
    Row("GET /buckets/{bucket}/download", 200, 200, 404, query="key=train.py"),
    Row("POST /uploads", 201, 403, 404, body={"bucket": "{bucket}", "key": "b.csv", "size": 3}),
    # an upload is known to its owner alone, and part of writing
    Row("GET /uploads/{upload_id}", 200, 404, 404, reader=403),
    Row("POST /uploads/{upload_id}/parts/{part}", 200, 404, 404),
    Row("PUT /uploads/{upload_id}/parts/{part}/data", 204, 404, 404),
    Row("POST /uploads/{upload_id}/complete", 200, 404, 404),
    Row("DELETE /uploads/{upload_id}", 204, 404, 404),
    # the catalog
    Row("GET /databases", 200, 200, 200),
    Row("POST /databases", 201, 403, 404, body={"name": "{new_database}", "team": "growth"}),
    Row("GET /databases/{database}", 200, 200, 200),
    Row("GET /databases/{database}/tables", 200, 200, 200),
    Row("POST /databases/{database}/tables", 202, 403, 403, body={"name": "more", "location": "s3://{bucket}/items/"}),
    Row(f"GET {TABLE}", 200, 200, 403),
    Row(f"PATCH {TABLE}", 200, 403, 403, body={"description": "Things"}),
    Row(f"POST {TABLE}/refresh", 202, 403, 403),
    Row(f"GET {TABLE}/partitions", 200, 200, 403),
    Row(f"GET {TABLE}/preview", 202, 202, 403, reader=202),
    Row("GET /search", 200, 200, 200, query="q=items"),
    # queries
    # who may read a table may ask what reading it costs
    Row("POST /queries/estimate", 200, 200, 403, body=SQL, reader=200),
    Row("POST /queries", 202, 403, 403, body=SQL),
    Row("GET /queries", 200, 200, 200),
    Row("GET /queries/{query_id}", 200, 200, 404),
    Row("POST /queries/{query_id}/cancel", 200, 403, 404),
    Row("GET /queries/{query_id}/rows", 200, 200, 404),
    Row("GET /queries/{query_id}/download", 200, 200, 404),
    Row("GET /saved-queries", 200, 200, 200),
    Row("POST /saved-queries", 201, 403, 404, body=SAVED),
    Row("GET /saved-queries/{saved_id}", 200, 200, 404),
    Row("PUT /saved-queries/{saved_id}", 200, 403, 404, body={"name": "Renamed"}),
    Row("GET /saved-queries/{saved_id}/versions", 200, 200, 404),
    Row("POST /saved-queries/{saved_id}/run", 202, 403, 404, body={}),
    Row("GET /saved-queries/{saved_id}/shares", 200, 200, 404),
    Row("PUT /saved-queries/{saved_id}/shares", 200, 403, 404, body={"items": [{"principal": "user:charlie"}]}),
    Row("DELETE /saved-queries/{saved_id}", 204, 403, 404),
    # training
    Row("GET /instance-types", 200, 200, 200),
    Row("GET /training-templates", 200, 200, 200),
    Row("POST /training-jobs/estimate", 200, 403, 403, body=JOB),
    Row("POST /training-jobs", 202, 403, 403, body=JOB),
    Row("GET /training-jobs", 200, 200, 200),
    Row("GET /training-jobs/{job_id}", 200, 200, 404),
    Row("POST /training-jobs/{job_id}/clone", 200, 200, 404, reader=200),
    Row("GET /training-jobs/{job_id}/logs", 200, 200, 404),
    Row("GET /training-jobs/{job_id}/metrics", 200, 200, 404),
    Row("GET /training-jobs/{job_id}/outputs", 200, 200, 404),
    Row("GET /training-jobs/{job_id}/outputs/{path}", 404, 404, 404),  # it has left none
    Row("POST /training-jobs/{job_id}/stop", 200, 403, 404),
    # costs and access
    Row("GET /costs", 200, 200, 200),
    Row("GET /teams/{slug}/budget", 200, 200, 404),
    Row("PUT /teams/{slug}/budget", 200, 403, 404, body={"monthly_usd": "10"}),
    Row("GET /grants", 200, 200, 200),
    Row("POST /grants", 201, 403, 404, body=GRANT),
    Row("DELETE /grants/{grant_id}", 204, 404, 404),
    Row("GET /access", 200, 200, 200, query="action=read&resource=table:{database}.items"),
    # what ends what stands
    Row("DELETE /buckets/{bucket}/object", 204, 403, 404, query="key=train.py"),
    Row("DELETE /buckets/{bucket}", 409, 403, 404),
    Row(f"DELETE {TABLE}", 204, 403, 403),
    Row("DELETE /databases/{database}", 409, 403, 403),
]  # fmt: skip


@dataclass
class World:
    """What team growth owns, by the names of path parameters; and what of it no stranger may read."""

    shop: Shop
    names: Names
    secrets: tuple[str, ...]
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, caller: str, row: Row) -> Client:
        people = self.shop.people
        who = {"able": row.who, "viewer": "victor", "stranger": "charlie", "reader": row.who}.get(caller, "")
        headers = {}
        if caller == "wrong token":
            headers = {"Authorization": "Bearer sky_wrong"}
        elif caller == "reader":
            headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        elif who:
            headers = {"Authorization": f"Bearer {getattr(people, who).token}"}
        return Client(enforce_csrf_checks=True, headers=headers)


def read_only(person: Person) -> str:
    return create_token(person.user, "reads", scopes=["read"])[1]


@pytest.fixture
def world(shop: Shop) -> World:  # noqa: F811
    people, growth = shop.people, Team.objects.get(slug="growth")
    shop.cloud.store.put(shop.bucket, "train.py", BytesIO(b"print('accuracy=0.5')\n"))
    upload = datasets.start_upload(people.alice.actor, shop.bucket, "a.csv", 3)
    query = carried_out(queries.run(people.alice.actor, SQL["sql"], shop.database))
    assert query.state == "succeeded", query.error
    kept = saved.create(people.alice.actor, name="Kept", sql=SQL["sql"], database=shop.database, team="growth")
    request = {"inputs": [], "source_bucket": shop.bucket, "source_key": "train.py", "name": "Job"}
    job = Operation.objects.create(
        kind="training.run", title="Job", team=growth, owner=people.alice.user, connection="local",
        params={"request": request, "spec": {}},
    )  # fmt: skip
    grant = Grant.objects.create(
        user=people.bob.user, connection="local", resource_kind="table", resource_name=shop.items, action="read",
        owner_team=growth, granted_by=people.alice.user,
    )  # fmt: skip
    new = uuid.uuid4().hex[:8]
    names = {
        "slug": "growth", "person": "victor", "member": "bob", "bucket": shop.bucket, "database": shop.database,
        "table": "items", "upload_id": str(upload.id), "part": "1", "operation_id": str(query.id),
        "query_id": str(query.id), "saved_id": str(kept.pk), "job_id": str(job.id), "path": "model.txt",
        "grant_id": str(grant.pk), "new": f"new-{new}", "new_database": f"new_{new}",
    }  # fmt: skip
    secrets = (shop.bucket, str(query.id), str(kept.pk), str(job.id), str(upload.id), '"price"', "train.py")
    tokens = {name: read_only(getattr(people, name)) for name in ("alice", "root")}
    return World(shop, names, secrets, tokens)


def filled(value: Any, names: Names) -> Any:
    """`{name}` in texts, however deep, as it is in the world."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    return [filled(item, names) for item in value] if isinstance(value, list) else value


def ask(world: World, caller: str, row: Row) -> Any:
    """The answer; what it changed in the portal's rows is undone."""
    path = filled(row.route.partition(" ")[2], world.names)
    address = f"/api/v1{path}" + (f"?{filled(row.query, world.names)}" if row.query else "")
    client = world.client(caller, row)
    call: Callable[..., Any] = getattr(client, row.method.lower())
    with transaction.atomic():
        if row.route.endswith("/data"):
            answer = call(address, b"a,b", content_type="application/octet-stream")
        elif row.method == "GET":
            answer = call(address)
        else:
            answer = call(address, filled(row.body, world.names), content_type="application/json")
        answer.body = answer.getvalue()
        transaction.set_rollback(True)
    return answer


def wrong(world: World, caller: str, row: Row) -> str:
    """What is wrong with the answer, or nothing."""
    answer, expected = ask(world, caller, row), row.expected(caller)
    if answer.status_code != expected:
        return f"{row.route}: {answer.status_code}, not {expected}: {answer.body[:200]!r}"
    if expected >= 400 and expected != 501:
        if answer["Content-Type"] != "application/problem+json":
            return f"{row.route}: {answer['Content-Type']}"
        problem = answer.json()
        if not {"type", "title", "status", "detail", "code"} <= set(problem) or problem["status"] != expected:
            return f"{row.route}: {problem}"
        if expected == 403 and problem["code"] != "denied":
            return f"{row.route}: 403 by the code {problem['code']}"
    text = answer.body.decode(errors="replace")
    asked = filled(row.route + row.query + str(row.body), world.names)
    if caller not in ("able", "viewer", "reader") and (
        told := [s for s in world.secrets if s in text and s not in asked]
    ):
        return f"{row.route} told {told}"
    return ""


@pytest.mark.parametrize("caller", ["nobody", "wrong token", "stranger", "viewer", "reader", "able"])
def test_every_route_as(caller: str, world: World) -> None:
    found = [message for row in ROWS if (message := wrong(world, caller, row))]
    assert not found, f"as {caller}:\n" + "\n".join(found)


def test_every_route_stands_in_a_row() -> None:
    document = api.get_openapi_schema()
    prefix = "/api/v1"
    routes = {
        f"{method.upper()} {path.removeprefix(prefix)}" for path, found in document["paths"].items() for method in found
    }
    rows = [row.route.replace("/users/{person}", "/users/{username}").replace("{member}", "{username}") for row in ROWS]
    assert routes - set(rows) == set(), "add these to ROWS"
    assert set(rows) - routes == set(), "these are no routes any more"
    assert len(rows) == len(set(rows))
