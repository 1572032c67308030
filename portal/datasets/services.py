"""The verbs on buckets and the objects in them. The bytes are the provider's; names and owners are the portal's."""

from typing import BinaryIO

from portal.access.decide import decide, grants_of, require
from portal.access.model import Action, Actor, Resource
from portal.accounts.models import Team
from portal.catalog import claims
from portal.catalog.raw import require_raw
from portal.cloud.ports import Caller, Cloud, Listing, ObjectInfo
from portal.cloud.registry import connect
from portal.datasets.buckets import find, knows
from portal.datasets.models import Bucket, Upload
from portal.datasets.resources import of_prefix
from portal.datasets.uploads import (
    abort_upload,
    complete_upload,
    get_upload,
    part_target,
    put_part,
    start_upload,
    storage_price,
    upload_done,
)
from portal.problems import Conflict, Invalid

__all__ = [
    "abort_upload", "buckets", "complete_upload", "create_bucket", "delete_bucket", "delete_object", "get_bucket",
    "get_upload", "head_object", "list_objects", "may_write", "open_object", "part_target", "put_part", "require_raw",
    "start_upload", "storage_price", "upload_done",
]  # fmt: skip
LIST_MAX = 1000  # S3's largest page


# --- buckets ----------------------------------------------------------------------------------------------------------


def buckets(actor: Actor) -> list[Bucket]:
    """The buckets that the actor may read, or a prefix of which they were granted; by name. Two queries."""
    grants = grants_of(actor, actor.connection)
    rows = Bucket.objects.select_related("team").filter(connection=actor.connection)
    return [row for row in rows if knows(actor, row, grants)]


def get_bucket(actor: Actor, name: str, action: Action = Action.READ) -> Bucket:
    """One bucket, for `action` on all of it. Missing, Denied."""
    return find(actor, name, action)


def create_bucket(actor: Actor, name: str) -> Bucket:
    """A bucket of the actor's team. Conflict, Denied, Rejected(INVALID_NAME). What a crash in between leaves, see
    claims."""
    if not actor.team:
        raise Invalid.field("team", "Say which team this is for: you are in none.")
    require(actor, Action.WRITE, Resource("bucket", f"{name}/", actor.connection, actor.team))
    team = Team.objects.get(slug=actor.team)
    row: Bucket = claims.take(Bucket, "bucket", name, team, _cloud(actor).store.create_bucket)
    return row


def delete_bucket(actor: Actor, name: str) -> None:
    """Remove an empty bucket, and give up the uploads into it. Rejected (Clash) where files are in it."""
    bucket = find(actor, name, Action.WRITE)
    store = _cloud(actor).store
    open_uploads = list(bucket.uploads.filter(state=Upload.State.OPEN))
    claims.give_back(bucket, of_prefix(bucket), lambda: store.delete_bucket(name))
    for upload in open_uploads:
        store.abort_upload(name, upload.key, upload.provider_ref)


# --- objects ----------------------------------------------------------------------------------------------------------


def list_objects(
    actor: Actor, bucket: str, prefix: str = "", delimiter: str = "/", limit: int = LIST_MAX, after: str = ""
) -> Listing:
    """A page of files and folders under a prefix, in key order, from after `after`."""
    find(actor, bucket, Action.READ, prefix)
    return _cloud(actor).store.list(bucket, prefix, delimiter, min(limit, LIST_MAX), after)


def head_object(actor: Actor, bucket: str, key: str) -> ObjectInfo:
    """What is known of one object."""
    find(actor, bucket, Action.READ, key)
    return _cloud(actor).store.head(bucket, key)


def open_object(actor: Actor, bucket: str, key: str) -> tuple[ObjectInfo, BinaryIO]:
    """An object and a seekable reader over its bytes, which the caller closes. Denied where columns of a table on it
    are withheld."""
    require_raw(actor, bucket, key)
    store = _cloud(actor).store
    for _ in range(3):
        info, body = store.head(bucket, key), store.open(bucket, key)
        if store.head(bucket, key).etag == info.etag:  # what was opened is what was described
            return info, body
        body.close()
    raise Conflict(f"“{key}” is being replaced right now. Try again in a moment.")


def delete_object(actor: Actor, bucket: str, key: str) -> None:
    """Remove one object; nothing happens where there is none."""
    find(actor, bucket, Action.WRITE, key)
    _cloud(actor).store.delete(bucket, key)


def may_write(actor: Actor, bucket: Bucket, prefix: str = "") -> bool:
    """Should a page offer to upload here?"""
    return bool(decide(actor, Action.WRITE, of_prefix(bucket, prefix)))


def _cloud(actor: Actor) -> Cloud:
    return connect(actor.connection, Caller(actor.team, actor.username))
