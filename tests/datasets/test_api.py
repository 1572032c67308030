"""Buckets, objects and uploads over REST: as owner, team-mate viewer, stranger, anonymous, with a wrong token."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import Membership, Team
from portal.accounts.services import create_token
from portal.datasets.models import Bucket
from tests.datasets.conftest import Give, Put, name_of_its_own
from tests.harness.people import People, Person
from tests.harness.servers import CloudServer

JSON = "application/json"


def announce(client: Client, bucket: Bucket, body: bytes, key: str = "a.csv", **more: Any) -> dict[str, Any]:
    said = {"bucket": bucket.name, "key": key, "size": len(body), **more}
    answer = client.post("/api/v1/uploads", said, content_type=JSON)
    assert answer.status_code == 201, answer.content
    return answer.json()


def content(answer: Any) -> bytes:
    """All of it, which also closes what it was read from."""
    return answer.getvalue() if answer.streaming else answer.content


def part_address(client: Client, upload: dict[str, Any], part: int = 1) -> str:
    target = client.post(f"/api/v1/uploads/{upload['id']}/parts/{part}").json()
    assert target["method"] == "PUT"
    assert target["url"].startswith("http://testserver/api/v1/")
    return target["url"].removeprefix("http://testserver")


def test_upload_and_download(people: People, bucket: Bucket) -> None:
    carol, body = people.carol.api, b"id,name\n1,Ann\n"
    upload = announce(carol, bucket, body, "in/a b.csv", content_type="text/csv")
    assert (upload["parts"], upload["done"], upload["state"]) == (1, [], "open")
    assert Decimal(upload["storage"]["usd_per_month"]) == len(body) * Decimal("0.023") / 10**9
    answer = Client().put(part_address(carol, upload), body, content_type="application/octet-stream")
    assert (answer.status_code, answer.content) == (204, b"")
    assert carol.get(f"/api/v1/uploads/{upload['id']}").json()["done"] == [1]
    made = carol.post(f"/api/v1/uploads/{upload['id']}/complete")
    assert made.status_code == 200
    assert (made.json()["key"], made.json()["size"]) == ("in/a b.csv", len(body))
    assert carol.get(f"/api/v1/uploads/{upload['id']}").json()["state"] == "complete"
    got = people.victor.api.get(f"/api/v1/buckets/{bucket.name}/download", {"key": "in/a b.csv"})
    assert got.getvalue() == body
    assert got["Content-Disposition"] == 'attachment; filename="a b.csv"'
    assert (got["X-Content-Type-Options"], got["Content-Type"]) == ("nosniff", "text/csv")


def test_a_part_by_token_and_by_session(people: People, bucket: Bucket) -> None:
    upload = announce(people.carol.api, bucket, b"abc")
    address = f"/api/v1/uploads/{upload['id']}/parts/1/data"
    raw = {"content_type": "application/octet-stream"}
    assert people.carol.api.put(address, b"abc", **raw).status_code == 204
    assert people.carol.page.put(address, b"abc", **raw).status_code == 204
    assert Client().put(address, b"abc", **raw).status_code == 401
    assert people.victor.api.put(address, b"abc", **raw).status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people.carol.user)
    assert strict.put(address, b"abc", **raw).status_code == 403
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', strict.get("/account").content.decode())
    if token:
        assert strict.put(address, b"abc", headers={"X-CSRFToken": token[1]}, **raw).status_code == 204


def test_a_signature_holds_for_one_part_of_one_upload(people: People, bucket: Bucket) -> None:
    first, second = (announce(people.carol.api, bucket, b"abc", key) for key in ("a", "b"))
    address = part_address(people.carol.api, first)
    raw = {"content_type": "application/octet-stream"}
    assert Client().put(address.replace(first["id"], second["id"]), b"abc", **raw).status_code == 401
    assert Client().put(address[:-1] + ("A" if address[-1] != "A" else "B"), b"abc", **raw).status_code == 401
    Membership.objects.filter(user=people.carol.user).update(role="viewer")
    assert Client().put(address, b"abc", **raw).status_code == 403


def test_a_wrong_length_over_http(people: People, bucket: Bucket) -> None:
    upload = announce(people.carol.api, bucket, b"abc")
    answer = Client().put(part_address(people.carol.api, upload), b"abcd", content_type="application/octet-stream")
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert "3 bytes" in answer.json()["detail"]
    assert people.carol.api.post(f"/api/v1/uploads/{upload['id']}/parts/2").status_code == 422
    assert people.carol.api.post(f"/api/v1/uploads/{upload['id']}/complete").status_code == 409
    assert people.carol.api.delete(f"/api/v1/uploads/{upload['id']}").status_code == 204


@pytest.mark.parametrize("key", ["../../etc/passwd", "/../a", "a/./b"])
def test_names_that_lead_elsewhere(people: People, bucket: Bucket, key: str) -> None:
    said = {"bucket": bucket.name, "key": key, "size": 1}
    answer = people.carol.api.post("/api/v1/uploads", said, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_NAME")
    for route in ("object", "download"):
        assert people.carol.api.get(f"/api/v1/buckets/{bucket.name}/{route}", {"key": key}).status_code == 422


ROUTES = [
    ("GET", "/buckets/{b}", 200, 404),
    ("GET", "/buckets/{b}/objects", 200, 404),
    ("GET", "/buckets/{b}/object?key=a.csv", 200, 404),
    ("GET", "/buckets/{b}/download?key=a.csv", 200, 404),
    ("DELETE", "/buckets/{b}/object?key=a.csv", 403, 404),
    ("DELETE", "/buckets/{b}", 403, 404),
    ("GET", "/uploads/{u}", 404, 404),
    ("POST", "/uploads/{u}/parts/1", 404, 404),
    ("PUT", "/uploads/{u}/parts/1/data", 404, 404),
    ("POST", "/uploads/{u}/complete", 404, 404),
    ("DELETE", "/uploads/{u}", 404, 404),
]


@pytest.mark.parametrize(("method", "path", "viewer", "stranger"), ROUTES)
def test_who_may(people: People, bucket: Bucket, put: Put, method: str, path: str, viewer: int, stranger: int) -> None:
    put("a.csv", b"1")
    upload = announce(people.carol.api, bucket, b"abc", "new.csv")
    address = "/api/v1" + path.format(b=bucket.name, u=upload["id"])
    statuses = []
    for client in (people.victor.api, people.charlie.api, Client(), Client(headers={"Authorization": "Bearer sky_no"})):
        answer = client.generic(method, address)
        statuses.append(answer.status_code)
        content(answer)
    assert statuses == [viewer, stranger, 401, 401]
    again = people.carol.api.generic(method, address, b"abc" if method == "PUT" else b"")
    content(again)
    expected = {409} if path.endswith("complete") or (path == "/buckets/{b}" and method == "DELETE") else {200, 204}
    assert again.status_code in expected


def test_making_buckets(people: People, cloud_server: CloudServer) -> None:
    name = name_of_its_own()

    def post(person: Person, **body: str) -> int:
        return person.api.post("/api/v1/buckets", body, content_type=JSON).status_code

    assert post(people.victor, name=name) == 403
    assert post(people.alice, name="No Bucket") == 422
    assert post(people.alice, name=name, team="ops") == 404
    assert post(people.root, name=name) == 422
    assert post(people.alice, name=name) == 201
    assert post(people.charlie, name=name) == 409
    assert Client().post("/api/v1/buckets", {"name": name}, content_type=JSON).status_code == 401
    assert [b["name"] for b in people.victor.api.get("/api/v1/buckets").json()["items"]] == [name]
    assert people.charlie.api.get("/api/v1/buckets").json() == {"items": [], "next": None}


def test_listing_in_pages(people: People, bucket: Bucket, put: Put) -> None:
    for key in ("a", "b/1", "b/2", "c"):
        put(key, b"1")
    address = f"/api/v1/buckets/{bucket.name}/objects"
    first = people.victor.api.get(address, {"delimiter": "/", "limit": 2}).json()
    assert ([o["key"] for o in first["items"]], first["folders"]) == (["a"], ["b/"])
    rest = people.victor.api.get(address, {"delimiter": "/", "limit": 2, "cursor": first["next"]}).json()
    assert ([o["key"] for o in rest["items"]], rest["folders"], rest["next"]) == (["c"], [], None)
    assert [o["key"] for o in people.victor.api.get(address, {"prefix": "b/"}).json()["items"]] == ["b/1", "b/2"]
    assert people.victor.api.get(address, {"cursor": "made-up"}).status_code == 422


@pytest.mark.parametrize(
    ("asked", "status", "body", "said"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=5-2", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=0-1", 200, b"0123456789", None),
    ],
)
def test_ranges(
    people: People, bucket: Bucket, put: Put, asked: str, status: int, body: bytes | None, said: str
) -> None:
    put("ten", b"0123456789")
    address = f"/api/v1/buckets/{bucket.name}/download?key=ten"
    answer = people.victor.api.get(address, headers={"Range": asked})
    assert (answer.status_code, answer.headers.get("Content-Range"), answer["Accept-Ranges"]) == (status, said, "bytes")
    if body is None:
        assert answer.json()["code"] == "out_of_range"
    else:
        assert content(answer) == body


def test_validators(people: People, bucket: Bucket, put: Put) -> None:
    put("ten", b"0123456789")
    address = f"/api/v1/buckets/{bucket.name}/download?key=ten"
    first = people.victor.api.get(address)
    assert (first.getvalue(), first["Content-Length"]) == (b"0123456789", "10")
    etag = first["ETag"]
    assert people.victor.api.get(address, headers={"If-None-Match": etag}).status_code == 304
    put("ten", b"changed!!!")
    assert people.victor.api.get(address, headers={"If-None-Match": etag}).getvalue() == b"changed!!!"
    stale = people.victor.api.get(address, headers={"Range": "bytes=0-1", "If-Range": etag})
    assert (stale.status_code, stale.getvalue()) == (200, b"changed!!!")


def test_a_client_in_two_teams_names_the_thing_alone(people: People, bucket: Bucket, put: Put) -> None:
    put("a.csv", b"1")
    other = Team.objects.create(slug="aaa", name="A", connection="local")
    Membership.objects.create(user=people.carol.user, team=other, role="admin")
    assert people.carol.api.get(f"/api/v1/buckets/{bucket.name}").status_code == 200
    assert [b["name"] for b in people.carol.api.get("/api/v1/buckets").json()["items"]] == [bucket.name]
    assert people.carol.api.get("/api/v1/buckets?team=aaa").json()["items"] == []
    assert people.carol.api.get(f"/api/v1/buckets/{bucket.name}?team=aaa").status_code == 404
    assert people.carol.api.post("/api/v1/buckets", {"name": name_of_its_own()}, content_type=JSON).status_code == 422


def test_a_read_only_token_changes_nothing(people: People, bucket: Bucket, put: Put) -> None:
    put("a.csv", b"1")
    token = create_token(people.alice.user, "reader", scopes=["read"])[1]
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert client.get(f"/api/v1/buckets/{bucket.name}").status_code == 200
    assert client.delete(f"/api/v1/buckets/{bucket.name}/object?key=a.csv").status_code == 403
    said = {"bucket": bucket.name, "key": "b", "size": 1}
    assert client.post("/api/v1/uploads", said, content_type=JSON).status_code == 403


def test_a_grant_on_a_prefix_over_http(people: People, bucket: Bucket, put: Put, give: Give) -> None:
    put("shared/a.csv", b"1")
    give("bucket", f"{bucket.name}/shared/")
    get = people.charlie.api.get
    assert get(f"/api/v1/buckets/{bucket.name}/objects?prefix=shared/").json()["items"][0]["key"] == "shared/a.csv"
    answer = get(f"/api/v1/buckets/{bucket.name}/objects")
    assert (answer.status_code, answer.json()["code"]) == (403, "denied")
