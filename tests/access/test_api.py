"""Grants and explanations over REST: who may give, see and take back."""

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from portal.access.models import Grant
from portal.accounts.models import Team
from portal.catalog.models import Database, Table
from portal.datasets.models import Bucket
from tests.harness.people import People


@pytest.fixture
def shop(people: People) -> Table:
    """`shop.reviews` of growth, in the mirror; grants need no files."""
    growth = Team.objects.get(slug="growth")
    Bucket.objects.create(connection="local", name="growth-data", team=growth)
    database = Database.objects.create(connection="local", name="shop", team=growth)
    columns = [{"name": name, "type": "varchar", "comment": ""} for name in ("title", "body")]
    return Table.objects.create(
        database=database, name="reviews", location="s3://growth-data/reviews/", format="csv",
        columns=columns, version="1", synced_at=timezone.now(),
    )  # fmt: skip


def post(client: Client, **body: object) -> tuple[int, dict[str, object]]:
    answer = client.post("/api/v1/grants", body, content_type="application/json")
    return answer.status_code, answer.json()


GOOD = {"principal": "team:ops", "resource": "table:shop.reviews", "action": "read"}


def test_an_admin_gives_and_takes_back(people: People, shop: Table) -> None:
    status, grant = post(people.alice.api, **GOOD, columns=["Title"])
    assert (status, grant["columns"], grant["principal"]) == (201, ["title"], "team:ops")
    explained = people.charlie.api.get("/api/v1/access?action=read&resource=table:shop.reviews").json()
    assert (explained["allowed"], explained["columns"]) == (True, ["title"])
    assert [item["id"] for item in people.charlie.api.get("/api/v1/grants").json()["items"]] == [grant["id"]]
    assert people.charlie.api.delete(f"/api/v1/grants/{grant['id']}").status_code == 403
    assert people.alice.api.delete(f"/api/v1/grants/{grant['id']}").status_code == 204
    assert not people.charlie.api.get("/api/v1/access?action=read&resource=table:shop.reviews").json()["allowed"]


@pytest.mark.parametrize(
    ("username", "status"), [("alice", 201), ("bob", 403), ("carol", 403), ("victor", 403), ("charlie", 404)]
)
def test_who_may_give(people: People, shop: Table, username: str, status: int) -> None:
    assert post(getattr(people, username).api, **GOOD)[0] == status


def test_a_site_admin_gives_in_a_team_they_name(people: People, shop: Table) -> None:
    assert post(people.root.api, **GOOD)[0] == 422
    assert post(people.root.api, **GOOD, team="growth")[0] == 201


def test_strangers_and_wrong_tokens_get_nothing(people: People, shop: Table) -> None:
    grant = post(people.alice.api, **{**GOOD, "principal": "user:bob"})[1]
    assert Client().get("/api/v1/grants").status_code == 401
    assert Client(headers={"Authorization": "Bearer sky_wrong"}).get("/api/v1/grants").status_code == 401
    assert people.charlie.api.get("/api/v1/grants").json()["items"] == []
    assert people.charlie.api.delete(f"/api/v1/grants/{grant['id']}").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"principal": "team:nobody"}, "principal"),
        ({"principal": "ops"}, "principal"),
        ({"resource": "reviews"}, "resource"),
        ({"action": "own"}, "action"),
        ({"columns": []}, "columns"),
        ({"columns": ["price"]}, "columns"),
        ({"columns": ["title"], "action": "write"}, "columns"),
        ({"resource": "database:shop", "columns": ["title"]}, "columns"),
        ({"row_filter": "stars > 3"}, "row_filter"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"resource": "bucket:growth-data/reviews/a.csv"}, "resource"),
    ],
)
def test_bad_grants_are_refused_by_field(people: People, shop: Table, change: dict[str, object], field: str) -> None:
    status, problem = post(people.alice.api, **{**GOOD, **change})
    assert status == 422, problem
    assert problem["errors"][0]["field"] == field  # type: ignore[index]
    assert not Grant.objects.exists()


def test_what_is_not_there_looks_like_what_may_not_be_known(people: People, shop: Table) -> None:
    absent = post(people.charlie.api, **{**GOOD, "resource": "table:shop.absent"})
    hidden = post(people.charlie.api, **GOOD)
    assert absent[0] == hidden[0] == 404
    assert absent[1]["detail"].replace("absent", "reviews") == hidden[1]["detail"]  # type: ignore[attr-defined]


def test_explaining_others_takes_an_admin(people: People, shop: Table) -> None:
    question = "/api/v1/access?action=read&resource=table:shop.reviews&user=victor&team=growth"
    assert people.alice.api.get(question).json()["allowed"] is True
    assert people.root.api.get(question).json()["allowed"] is True
    assert people.carol.api.get(question).status_code == 403
    assert people.charlie.api.get(question).status_code == 403


def test_the_page_of_a_browser_needs_its_csrf_token(people: People, shop: Table) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(people.alice.user)
    assert browser.post("/api/v1/grants", GOOD, content_type="application/json").status_code == 403
    browser.get("/")
    token = browser.cookies[settings.CSRF_COOKIE_NAME].value
    answer = browser.post("/api/v1/grants", GOOD, content_type="application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 201
