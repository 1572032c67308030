"""What holds for the API as a whole: its document, and how it refuses."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from portal.accounts.models import User
from tests.harness.people import People

DOCUMENT = "/api/v1/openapi.json"


def is_problem(answer: Any, status: int, code: str = "") -> dict[str, Any]:
    """The problem document of an answer, which has to be one."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert body["status"] == status
    assert not code or body["code"] == code
    return body


# --- the document -----------------------------------------------------------------------------------------------------


@pytest.fixture
def document(db: None) -> dict[str, Any]:
    answer = Client().get(DOCUMENT)
    assert answer.status_code == 200, "it is public: clients are made from it"
    found: dict[str, Any] = answer.json()
    return found


def test_every_route_says_what_it_is_for(document: dict[str, Any]) -> None:
    routes = [(path, method, route) for path, methods in document["paths"].items() for method, route in methods.items()]
    assert len(routes) > 60
    for path, method, route in routes:
        assert route["summary"].strip(), (path, method)
        assert "\n" not in route["summary"]
        assert route["tags"], (path, method)
        assert route["security"], (path, method)


def test_every_route_says_what_it_answers(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {"Operation", "Problem", "Page", "Rows"} <= set(schemas)
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            good = {status: answer for status, answer in route["responses"].items() if status[0] == "2"}
            assert good, (path, method)
            for status, answer in good.items():
                assert status == "204" or answer["content"], (path, method, status)
            problem = route["responses"]["4XX"]["content"]["application/problem+json"]["schema"]
            assert problem == {"$ref": "#/components/schemas/Problem"}


def test_every_reference_is_there(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in document["components"]["schemas"]


def test_what_the_document_completes_is_there(document: dict[str, Any]) -> None:
    """The sets of portal/api/document.py name routes that exist."""
    from portal.api import document as completed

    routes = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, found in document["paths"].items()
        for method in found
    }
    named = completed.STARTS | completed.TELLS | completed.MAKES | completed.BYTES
    assert named | {completed.ROWS, completed.PREVIEW, completed.EVENTS, completed.PART} <= routes


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/me", "/api/", "/api/v1/me/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_address_is_a_problem(people: People, path: str, method: str) -> None:
    for client in (Client(enforce_csrf_checks=True), people.bob.api):
        is_problem(getattr(client, method)(path), 404, "not_found")


def test_a_wrong_method_is_a_problem(people: People) -> None:
    answer = people.bob.api.delete("/api/v1/me")
    is_problem(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "GET"


def test_pages_keep_their_own_errors(people: People) -> None:
    assert people.bob.page.get("/nothing-here")["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sky_wrong"}, {"Authorization": "Basic Zm9v"}])
def test_without_a_token_a_post_is_401_also_for_who_has_no_csrf_token(db: None, headers: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True, headers=headers)
    answer = client.post("/api/v1/queries", {"sql": "SELECT 1", "database": "d"}, content_type="application/json")
    is_problem(answer, 401, "unauthenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_session_without_csrf_token_is_refused(people: People) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.bob.user)
    is_problem(client.post("/api/v1/buckets", {"name": "x"}, content_type="application/json"), 403)


def test_a_fault_of_ours_is_a_problem_without_a_word_of_it(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret-inside-the-house")

    monkeypatch.setattr("portal.accounts.api.services.teams_of", broken)
    client = Client(headers={"Authorization": f"Bearer {people.bob.token}"}, raise_request_exception=False)
    answer = client.get("/api/v1/teams")
    is_problem(answer, 500, "internal")
    assert b"secret-inside" not in answer.content


# --- bodies -----------------------------------------------------------------------------------------------------------


def send(people: People, body: bytes, path: str = "/api/v1/queries", method: str = "post") -> Any:
    return getattr(people.carol.api, method)(path, body, content_type="application/json")


@pytest.mark.parametrize("body", [b"{", b"[1", b"\xff\xfe", b'{"sql": NaN}', b"nonsense", b"[" * 100_000])
def test_what_is_no_json_is_refused(people: People, body: bytes) -> None:
    is_problem(send(people, body), 400)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b"{}", b'{"sql": 7, "database": []}'])
def test_json_of_another_shape_is_refused(people: People, body: bytes) -> None:
    is_problem(send(people, body), 422)


def test_a_body_that_is_too_large_is_413(people: People) -> None:
    sql = "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    is_problem(send(people, json.dumps({"sql": sql, "database": "d"}).encode()), 413, "too_large")


@pytest.mark.parametrize("bad", ["\\u0000", "\\ud800", "\\udc00x"])
@pytest.mark.parametrize(
    ("path", "method", "body"),
    [
        ("queries", "post", '{"sql": "SELECT 1 AS a%s", "database": "d"}'),
        ("queries", "post", '{"sql": "SELECT 1", "database": "d%s"}'),
        ("queries/estimate", "post", '{"sql": "SELECT ?", "database": "d", "parameters": ["%s"]}'),
        ("buckets", "post", '{"name": "b%s"}'),
        ("databases", "post", '{"name": "b%s"}'),
        ("databases/d/tables", "post", '{"name": "t", "location": "s3://b/", "options": {"%s": "x"}}'),
        ("saved-queries", "post", '{"name": "n%s", "sql": "SELECT 1", "database": "d"}'),
        ("saved-queries", "post", '{"name": "n", "sql": "SELECT 1", "database": "d", "chart": {"a": ["%s"]}}'),
        ("uploads", "post", '{"bucket": "b", "key": "k%s", "size": 1}'),
        ("teams/growth/invitations", "post", '{"role": "viewer", "email": "%s"}'),
        ("grants", "post", '{"principal": "user:%s", "resource": "bucket:b/", "action": "read"}'),
        ("training-jobs", "post", '{"name": "%s", "template": "text_classifier"}'),
        ("teams/growth", "patch", '{"name": "%s"}'),
    ],
)
def test_text_that_no_database_keeps_is_refused(people: People, path: str, method: str, body: str, bad: str) -> None:
    is_problem(send(people, (body % bad).encode(), f"/api/v1/{path}", method), 422)


@pytest.mark.parametrize(
    "address", ["teams/a%00b", "queries?team=%00", "search?q=a%00", "databases/%00/tables", "buckets/b/object?key=%00"]
)
def test_addresses_with_nul_are_refused(people: People, address: str) -> None:
    is_problem(people.carol.api.get(f"/api/v1/{address}"), 422)


def test_numbers_and_texts_beyond_the_database_are_refused(people: People) -> None:
    root = people.root.api
    for path, body in {
        "uploads": {"bucket": "b", "key": "k", "size": 10**30},
        "teams": {"slug": "x" * 300, "name": "X"},
        "users": {"username": "someone", "email": "x" * 1000 + "@example.org"},
    }.items():
        answer = root.post(f"/api/v1/{path}", body, content_type="application/json")
        assert answer.status_code in (404, 422), answer.content
        is_problem(answer, answer.status_code)
    assert not User.objects.filter(username="someone").exists()
    is_problem(people.alice.api.delete(f"/api/v1/grants/{10**30}"), 404)
