"""Uploads in parts. The row says what was announced; which parts have arrived is the provider's to say.

The provider begins first and the row follows: a crash in between leaves an upload nobody can send to, which the
provider sweeps. At the end the provider completes first, and completing again is harmless.
"""

import io
import re
import uuid
from contextlib import suppress
from typing import BinaryIO, cast

from django.conf import settings
from django.utils import timezone

from portal.access.model import Action, Actor
from portal.cloud.errors import NotFound
from portal.cloud.ports import Caller, Cloud, ObjectInfo, PartTarget
from portal.cloud.registry import connect
from portal.costs.services import StoragePrice, storage_estimate
from portal.datasets.buckets import find
from portal.datasets.models import Upload
from portal.problems import Conflict, Invalid, Missing

_CONTENT_TYPE = re.compile(r"[!-~]+/[!-~][ -~]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def start_upload(actor: Actor, bucket: str, key: str, size: int, content_type: str = "", sha256: str = "") -> Upload:
    """Announce an object of `size` bytes; `sha256` (hex, of the whole) is checked at the end. Rejected(INVALID_NAME)
    for a key that cannot be."""
    row = find(actor, bucket, Action.WRITE, key)
    if not 0 <= size <= settings.UPLOAD_MAX_BYTES:
        raise Invalid.field("size", f"A file has 0 to {settings.UPLOAD_MAX_BYTES:,} bytes.")
    content_type = content_type.strip() or "application/octet-stream"
    if len(content_type) > 200 or not _CONTENT_TYPE.fullmatch(content_type):
        raise Invalid.field("content_type", "Write the content type as type/subtype, for example text/csv.")
    sha256 = sha256.strip().lower()
    if sha256 and not _SHA256.fullmatch(sha256):
        raise Invalid.field("sha256", "Write the SHA-256 of the file as 64 hexadecimal digits.")
    ref = _cloud(actor).store.start_upload(bucket, key, content_type)
    return Upload.objects.create(
        bucket=row, key=key, size=size, part_size=part_size(size), content_type=content_type, sha256=sha256,
        provider_ref=ref, owner_id=actor.user_id,
    )  # fmt: skip


def part_size(size: int) -> int:
    """Bytes of each part but the last: the usual, or as large as 10,000 parts make it, in whole MiB."""
    usual: int = settings.UPLOAD_PART_BYTES
    return (
        usual
        if size <= usual * settings.UPLOAD_PARTS_MAX
        else -(-size // (settings.UPLOAD_PARTS_MAX * 1024**2)) * 1024**2
    )


def get_upload(actor: Actor, upload_id: uuid.UUID | str) -> Upload:
    """An upload of one's own, as long as one may write there. Missing, Denied."""
    try:
        key = uuid.UUID(str(upload_id))
    except ValueError:
        raise Missing from None
    upload = Upload.objects.select_related("bucket__team", "owner").filter(pk=key, owner_id=actor.user_id).first()
    if upload is None or upload.bucket.connection != actor.connection:
        raise Missing("There is no such upload of yours.")
    find(actor, upload.bucket.name, Action.WRITE, upload.key)
    return upload


def upload_done(upload: Upload) -> list[int]:
    """The numbers of the parts that have arrived whole."""
    if upload.state == Upload.State.COMPLETE:
        return list(range(1, upload.parts + 1))
    if upload.state == Upload.State.ABORTED:
        return []
    cloud = connect(upload.bucket.connection, Caller(upload.bucket.team.slug, upload.owner.username))
    try:
        return _whole(cloud, upload)
    except NotFound:  # swept, or completed a moment ago
        return []


def storage_price(upload: Upload) -> StoragePrice:
    """What keeping the file costs a month at list price."""
    caller = Caller(upload.bucket.team.slug, upload.owner.username)
    return storage_estimate(upload.size, connect(upload.bucket.connection, caller).prices.book())


def part_target(actor: Actor, upload_id: uuid.UUID | str, part: int) -> PartTarget:
    """Where a part's bytes go: an absolute address of the provider, or one of ours, from the root of this site."""
    upload = _open(actor, upload_id)
    expected_length(upload, part)
    target = _cloud(actor).store.part_target(upload.bucket.name, upload.key, upload.provider_ref, part)
    if target.url is not None:
        return target
    return PartTarget(target.method, f"/api/v1/uploads/{upload.id}/parts/{part}/data", target.headers)


def put_part(actor: Actor, upload_id: uuid.UUID | str, part: int, stream: BinaryIO, length: int | None) -> str:
    """Take a part's bytes, read in blocks; the answer is its etag. Invalid where `length` (as announced, in bytes) is
    not the part's, or the stream ends early; then nothing is kept."""
    upload = _open(actor, upload_id)
    expected = expected_length(upload, part)
    if length != expected:
        got = "no length was given" if length is None else f"{length:,} were announced"
        raise Invalid(f"Part {part} of this upload has {expected:,} bytes, but {got}.")
    body = cast(BinaryIO, _Exactly(stream, expected))
    return _cloud(actor).store.put_part(upload.bucket.name, upload.key, upload.provider_ref, part, body)


def expected_length(upload: Upload, part: int) -> int:
    """Bytes of one part; only the last may be short."""
    if not 1 <= part <= upload.parts:
        raise Invalid.field("part", f"This upload has parts 1 to {upload.parts:,}; {part} is not one of them.")
    return min(upload.part_size, upload.size - (part - 1) * upload.part_size)


def complete_upload(actor: Actor, upload_id: uuid.UUID | str) -> ObjectInfo:
    """Make the object of its parts. Conflict where some are missing; Rejected(CHECKSUM_MISMATCH). Again is harmless."""
    upload = get_upload(actor, upload_id)
    bucket, key, ref = upload.bucket.name, upload.key, upload.provider_ref
    cloud = _cloud(actor)
    if upload.state == Upload.State.COMPLETE:
        return cloud.store.head(bucket, key)
    _must_be_open(upload)
    with suppress(NotFound):  # where it was completed before, but the row was not written: the provider knows
        if missing := sorted(set(range(1, upload.parts + 1)) - set(_whole(cloud, upload))):
            gap = f"{len(missing):,} of {upload.parts:,} parts have not arrived, the first is part {missing[0]}."
            raise Conflict(f"{gap} Send them, then complete the upload.")
    info = cloud.store.complete_upload(bucket, key, ref, upload.sha256 or None)
    _end(upload, Upload.State.COMPLETE)
    return info


def abort_upload(actor: Actor, upload_id: uuid.UUID | str) -> None:
    """Give an upload up. Again is harmless; a completed one is Conflict."""
    upload = get_upload(actor, upload_id)
    if upload.state == Upload.State.COMPLETE:
        raise Conflict("This upload is complete. Delete the file instead.")
    _cloud(actor).store.abort_upload(upload.bucket.name, upload.key, upload.provider_ref)
    _end(upload, Upload.State.ABORTED)


def _open(actor: Actor, upload_id: uuid.UUID | str) -> Upload:
    upload = get_upload(actor, upload_id)
    _must_be_open(upload)
    return upload


def _must_be_open(upload: Upload) -> None:
    if upload.state != Upload.State.OPEN:
        raise Conflict(f"This upload is {upload.get_state_display().lower()} and takes no more parts.")


def _whole(cloud: Cloud, upload: Upload) -> list[int]:
    arrived = cloud.store.parts(upload.bucket.name, upload.key, upload.provider_ref)
    return sorted(n for n, size in arrived.items() if 1 <= n <= upload.parts and size == expected_length(upload, n))


def _end(upload: Upload, state: Upload.State) -> None:
    Upload.objects.filter(pk=upload.pk, state=Upload.State.OPEN).update(state=state, finished_at=timezone.now())


def _cloud(actor: Actor) -> Cloud:
    return connect(actor.connection, Caller(actor.team, actor.username))


class _Exactly(io.RawIOBase):
    """The first `length` bytes of a stream. Invalid where it ends before that: the sender went away."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream = stream
        self._left = length

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        block = self._stream.read(wanted) if wanted else b""
        if wanted and not block:
            raise Invalid("The bytes of this part ended before all had come. Send the part again.")
        self._left -= len(block)
        return block
