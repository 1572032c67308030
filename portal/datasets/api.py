"""REST: buckets, their objects, and uploads in parts (api.md)."""

import uuid
from collections.abc import Iterable
from typing import Any, BinaryIO, cast

from django.http import HttpResponse, HttpResponseBase
from ninja import Query, Router, Schema, Status

from portal.access.model import Actor
from portal.api.actors import everywhere, for_owner
from portal.api.auth import BearerAuth, SessionAuth, in_team
from portal.api.operations_http import created
from portal.api.paging import PageQuery, cursor, page
from portal.api.requests import Request
from portal.cloud.ports import ObjectInfo
from portal.costs.services import StoragePrice, plain
from portal.datasets import services
from portal.datasets.models import Bucket, Upload
from portal.datasets.ranges import download
from portal.datasets.signed import SignedPart, signed
from portal.operations.events import stamp
from portal.problems import Invalid

router = Router(tags=["buckets"])
uploads = Router(tags=["uploads"])
router.add_router("", uploads)


class BucketIn(Schema):
    """A bucket to make, by S3's naming rules. `team` owns it; by default the caller's only team."""

    name: str
    team: str | None = None


class UploadIn(Schema):
    """An object to upload: `size` in bytes; `sha256` in hex, of the whole, is checked at the end."""

    bucket: str
    key: str
    size: int
    content_type: str = ""
    sha256: str = ""
    team: str | None = None


# --- buckets and objects ----------------------------------------------------------------------------------------------


@router.get("/buckets", summary="The buckets one may read")
def list_buckets(request: Request, query: Query[PageQuery], team: str | None = None) -> dict[str, object]:
    found = {row.pk: row for actor in everywhere(request, team) for row in services.buckets(actor)}
    return page(sorted(found.values(), key=lambda row: (row.name, row.connection)), query, show_bucket)


@router.post("/buckets", response={201: Any}, summary="Make a bucket")
def create_bucket(request: Request, body: BucketIn) -> HttpResponse:
    return created(show_bucket(services.create_bucket(in_team(request, body.team), body.name)))


@router.get("/buckets/{bucket}", summary="One bucket")
def get_bucket(request: Request, bucket: str, team: str | None = None) -> dict[str, object]:
    return show_bucket(services.get_bucket(_actor(request, bucket, team), bucket))


@router.delete("/buckets/{bucket}", response={204: None}, summary="Remove an empty bucket")
def delete_bucket(request: Request, bucket: str, team: str | None = None) -> Status[None]:
    services.delete_bucket(_actor(request, bucket, team), bucket)
    return Status(204, None)


@router.get("/buckets/{bucket}/objects", summary="Files and folders under a prefix, in key order")
def list_objects(
    request: Request,
    bucket: str,
    query: Query[PageQuery],
    prefix: str = "",
    delimiter: str = "",
    team: str | None = None,
) -> dict[str, object]:
    """`folders` are what keys have in common up to the delimiter; without one every key is listed."""
    after = query.position() or ""
    if not isinstance(after, str):
        raise Invalid.field("cursor", "This cursor is of another list.")
    actor = _actor(request, bucket, team)
    found = services.list_objects(actor, bucket, prefix, delimiter, query.limit, after)
    return {
        "items": [show_object(info) for info in found.objects],
        "folders": list(found.folders),
        "next": None if found.next is None else cursor(found.next),
    }


@router.get("/buckets/{bucket}/object", summary="What is known of one object")
def get_object(request: Request, bucket: str, key: str, team: str | None = None) -> dict[str, object]:
    info = services.head_object(_actor(request, bucket, team), bucket, key)
    return {**show_object(info), "content_type": info.content_type, "sha256": info.sha256}


@router.get("/buckets/{bucket}/download", summary="The bytes of one object, or a range of them")
def download_object(request: Request, bucket: str, key: str, team: str | None = None) -> HttpResponseBase:
    return download(request, *services.open_object(_actor(request, bucket, team), bucket, key))


@router.delete("/buckets/{bucket}/object", response={204: None}, summary="Remove one object")
def delete_object(request: Request, bucket: str, key: str, team: str | None = None) -> Status[None]:
    services.delete_object(_actor(request, bucket, team), bucket, key)
    return Status(204, None)


# --- uploads ----------------------------------------------------------------------------------------------------------


@uploads.post("/uploads", response={201: Any}, summary="Announce an upload")
def start_upload(request: Request, body: UploadIn) -> HttpResponse:
    actor = _actor(request, body.bucket, body.team)
    row = services.start_upload(actor, body.bucket, body.key, body.size, body.content_type, body.sha256)
    return created(show_upload(row))


@uploads.get("/uploads/{uuid:upload_id}", summary="Which parts have arrived")
def get_upload(request: Request, upload_id: uuid.UUID, team: str | None = None) -> dict[str, object]:
    return show_upload(services.get_upload(_uploader(request, upload_id, team), upload_id))


@uploads.post("/uploads/{uuid:upload_id}/parts/{int:part}", summary="Where the bytes of a part go")
def part_target(request: Request, upload_id: uuid.UUID, part: int, team: str | None = None) -> dict[str, object]:
    """Send them as they are, with this method and these headers; on AWS the address is S3's own. It holds for an
    hour."""
    actor = _uploader(request, upload_id, team)
    target = services.part_target(actor, upload_id, part)
    url = target.url or ""
    if url.startswith("/"):
        url = request.build_absolute_uri(signed(actor, url))
    return {"method": target.method, "url": url, "headers": target.headers}


@uploads.put(
    "/uploads/{uuid:upload_id}/parts/{int:part}/data",
    auth=[SignedPart(), BearerAuth(), SessionAuth()],
    response={204: None},
    summary="Take the bytes of a part",
)
def put_part(request: Request, upload_id: uuid.UUID, part: int, team: str | None = None) -> HttpResponse:
    """Needs Content-Length. The same part again replaces what came before."""
    announced = request.headers.get("Content-Length", "")
    length = int(announced) if announced.isdecimal() else None
    actor = request.actor if "signature" in request.GET else _uploader(request, upload_id, team)
    etag = services.put_part(actor, upload_id, part, cast(BinaryIO, request), length)
    return HttpResponse(status=204, headers={"ETag": f'"{etag}"'})


@uploads.post("/uploads/{uuid:upload_id}/complete", summary="Make the object of its parts")
def complete_upload(request: Request, upload_id: uuid.UUID, team: str | None = None) -> dict[str, object]:
    """The object. 409 where parts are missing; 422 where the SHA-256 differs, and the upload stays open."""
    actor = _uploader(request, upload_id, team)
    info = services.complete_upload(actor, upload_id)
    bucket = services.get_upload(actor, upload_id).bucket.name
    return {"bucket": bucket, **show_object(info), "content_type": info.content_type, "sha256": info.sha256}


@uploads.delete("/uploads/{uuid:upload_id}", response={204: None}, summary="Give an upload up")
def abort_upload(request: Request, upload_id: uuid.UUID, team: str | None = None) -> Status[None]:
    services.abort_upload(_uploader(request, upload_id, team), upload_id)
    return Status(204, None)


# --- inside -----------------------------------------------------------------------------------------------------------


def show_bucket(bucket: Bucket) -> dict[str, object]:
    return {
        "name": bucket.name, "team": bucket.team.slug, "connection": bucket.connection,
        "is_sample": bucket.is_sample, "created_at": stamp(bucket.created_at),
    }  # fmt: skip


def show_object(info: ObjectInfo) -> dict[str, object]:
    return {"key": info.key, "size": info.size, "modified": stamp(info.modified), "etag": info.etag}


def show_upload(upload: Upload) -> dict[str, object]:
    return {
        "id": str(upload.id), "bucket": upload.bucket.name, "key": upload.key, "size": upload.size,
        "part_size": upload.part_size, "parts": upload.parts, "done": services.upload_done(upload),
        "state": upload.state, "created_at": stamp(upload.created_at), "finished_at": stamp(upload.finished_at),
        "storage": show_storage(services.storage_price(upload)),
    }  # fmt: skip


def show_storage(price: StoragePrice) -> dict[str, object]:
    """What keeping it costs, known before its bytes travel."""
    return {"usd_per_month": plain(price.usd_per_month), "price_as_of": price.price_as_of.isoformat()}


def _actor(request: Request, bucket: str, team: str | None) -> Actor:
    return for_owner(request, team, _owners(Bucket.objects.filter(name=bucket)))


def _uploader(request: Request, upload_id: uuid.UUID, team: str | None) -> Actor:
    return for_owner(request, team, _owners(Bucket.objects.filter(uploads__id=upload_id)))


def _owners(rows: Any) -> Iterable[str]:
    return cast(Iterable[str], rows.order_by("pk").values_list("team__slug", flat=True))
