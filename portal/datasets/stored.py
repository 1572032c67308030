"""Keeping bytes that the portal itself holds as an object: by the way every upload takes."""

from typing import BinaryIO

from portal.access.model import Actor
from portal.cloud.ports import ObjectInfo
from portal.datasets import services


def own_bucket(actor: Actor) -> str:
    """Where a file goes that was put nowhere in particular: the team's first bucket that is not the sample's, or ""."""
    own = [bucket for bucket in services.buckets(actor) if bucket.team.slug == actor.team and not bucket.is_sample]
    return own[0].name if own else ""


def ensure_bucket(actor: Actor) -> str:
    """own_bucket(), made where there is none. Denied for those who may not write."""
    return own_bucket(actor) or services.create_bucket(actor, f"{actor.team}-files").name


def store(actor: Actor, bucket: str, key: str, body: BinaryIO, size: int, content_type: str = "") -> ObjectInfo:
    """Write `size` bytes of `body` as an object, part by part, under the actor's rights."""
    upload = services.start_upload(actor, bucket, key, size, content_type)
    for part in range(1, upload.parts + 1):
        length = min(upload.part_size, size - (part - 1) * upload.part_size)
        services.put_part(actor, upload.pk, part, body, length)
    return services.complete_upload(actor, upload.pk)
