"""Uploads in parts: lengths, order, checksums, and whose they are."""

import hashlib
import io

import pytest

from portal.cloud.errors import Rejected
from portal.datasets import services
from portal.datasets.models import Bucket, Upload
from portal.datasets.uploads import part_size
from portal.problems import Conflict, Denied, Invalid, Missing
from tests.datasets.conftest import Give
from tests.harness.people import People

PART = 1000


@pytest.fixture(autouse=True)
def _small_parts(settings) -> None:
    settings.UPLOAD_PART_BYTES = PART


def send(people: People, upload: Upload, body: bytes, part: int) -> str:
    piece = body[(part - 1) * PART : part * PART]
    return services.put_part(people.carol.actor, upload.id, part, io.BytesIO(piece), len(piece))


def test_parts_in_any_order_make_the_object(people: People, bucket: Bucket) -> None:
    body = bytes(range(256)) * 10
    digest = hashlib.sha256(body).hexdigest()
    carol = people.carol.actor
    upload = services.start_upload(carol, bucket.name, "in/data.bin", len(body), sha256=digest.upper())
    assert (upload.parts, services.upload_done(upload)) == (3, [])
    send(people, upload, body, 3)
    send(people, upload, body, 1)
    assert services.upload_done(upload) == [1, 3]
    with pytest.raises(Conflict, match="part 2"):
        services.complete_upload(carol, upload.id)
    send(people, upload, body, 2)
    info = services.complete_upload(carol, upload.id)
    assert (info.size, info.sha256) == (len(body), digest)
    assert services.complete_upload(carol, upload.id).etag == info.etag
    _, reader = services.open_object(people.victor.actor, bucket.name, "in/data.bin")
    with reader:
        assert reader.read() == body
    with pytest.raises(Conflict):
        send(people, upload, body, 1)
    with pytest.raises(Conflict):
        services.abort_upload(carol, upload.id)


def test_completed_at_the_provider_but_not_in_the_row(people: People, bucket: Bucket) -> None:
    upload = services.start_upload(people.carol.actor, bucket.name, "a", 3)
    send(people, upload, b"abc", 1)
    info = services.complete_upload(people.carol.actor, upload.id)
    Upload.objects.update(state=Upload.State.OPEN)  # as a crash in between leaves it
    assert services.complete_upload(people.carol.actor, upload.id).etag == info.etag
    upload.refresh_from_db()
    assert upload.state == Upload.State.COMPLETE


def test_an_empty_file_is_one_part_of_nothing(people: People, bucket: Bucket) -> None:
    upload = services.start_upload(people.carol.actor, bucket.name, "empty", 0)
    assert upload.parts == 1
    send(people, upload, b"", 1)
    assert services.complete_upload(people.carol.actor, upload.id).size == 0


@pytest.mark.parametrize("length", [None, 0, 2, 4])
def test_a_wrong_length_is_refused_before_reading(people: People, bucket: Bucket, length: int | None) -> None:
    upload = services.start_upload(people.carol.actor, bucket.name, "a", 3)
    stream = io.BytesIO(b"abcdef")
    with pytest.raises(Invalid, match="3 bytes"):
        services.put_part(people.carol.actor, upload.id, 1, stream, length)
    assert stream.tell() == 0


def test_a_body_that_ends_early_leaves_nothing(people: People, bucket: Bucket) -> None:
    upload = services.start_upload(people.carol.actor, bucket.name, "a", 3)
    with pytest.raises(Invalid, match="ended before"):
        services.put_part(people.carol.actor, upload.id, 1, io.BytesIO(b"ab"), 3)
    assert services.upload_done(upload) == []


def test_a_part_takes_no_more_than_its_bytes(people: People, bucket: Bucket) -> None:
    upload = services.start_upload(people.carol.actor, bucket.name, "a", 3)
    services.put_part(people.carol.actor, upload.id, 1, io.BytesIO(b"abcdef"), 3)
    assert services.complete_upload(people.carol.actor, upload.id).size == 3


def test_a_wrong_checksum_keeps_the_upload_open(people: People, bucket: Bucket) -> None:
    upload = services.start_upload(people.carol.actor, bucket.name, "a", 3, sha256="0" * 64)
    send(people, upload, b"abc", 1)
    with pytest.raises(Rejected) as refused:
        services.complete_upload(people.carol.actor, upload.id)
    assert refused.value.code == "CHECKSUM_MISMATCH"
    assert services.get_upload(people.carol.actor, upload.id).state == "open"


def test_given_up(people: People, bucket: Bucket) -> None:
    upload = services.start_upload(people.carol.actor, bucket.name, "a", 3)
    services.abort_upload(people.carol.actor, upload.id)
    services.abort_upload(people.carol.actor, upload.id)
    upload.refresh_from_db()
    assert (upload.state, services.upload_done(upload)) == ("aborted", [])
    with pytest.raises(Conflict):
        services.complete_upload(people.carol.actor, upload.id)


@pytest.mark.parametrize("key", ["../../etc/passwd", "a/../b", "", "x" * 1025, "a\x00b"])
def test_keys_that_lead_elsewhere(people: People, bucket: Bucket, key: str) -> None:
    with pytest.raises(Rejected) as refused:
        services.start_upload(people.carol.actor, bucket.name, key, 1)
    assert refused.value.code == "INVALID_NAME"
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": -1},
        {"size": 6 * 1024**4},
        {"size": 1, "sha256": "xyz"},
        {"size": 1, "content_type": "a\r\nSet-Cookie: b"},
    ],
)
def test_announcements_that_cannot_be(people: People, bucket: Bucket, wrong: dict) -> None:
    with pytest.raises(Invalid):
        services.start_upload(people.carol.actor, bucket.name, "a", **wrong)


def test_others_do_not_see_an_upload(people: People, bucket: Bucket, give: Give) -> None:
    upload = services.start_upload(people.carol.actor, bucket.name, "a", 3)
    give("bucket", f"{bucket.name}/", "write")
    for person in (people.alice, people.victor, people.charlie, people.root):
        with pytest.raises(Missing):
            services.get_upload(person.actor, upload.id)


def test_a_right_that_was_taken_back_ends_an_upload(people: People, bucket: Bucket, give: Give) -> None:
    grant = give("bucket", f"{bucket.name}/in/", "write")
    upload = services.start_upload(people.charlie.actor, bucket.name, "in/a", 3)
    grant.action = "read"
    grant.save()
    with pytest.raises(Denied):
        services.put_part(people.charlie.actor, upload.id, 1, io.BytesIO(b"abc"), 3)


def test_large_files_get_larger_parts(settings) -> None:
    settings.UPLOAD_PART_BYTES = 16 * 1024**2
    assert part_size(1) == 16 * 1024**2
    largest = part_size(5 * 1024**4)
    assert largest * 10_000 >= 5 * 1024**4
    assert largest % 1024**2 == 0
