"""Buckets as what rights are decided on."""

from portal.access.model import Resource
from portal.access.resources import Found
from portal.datasets.models import Bucket


def of_prefix(bucket: Bucket, inside: str = "") -> Resource:
    """A prefix (ends in `/`, or empty for the whole) or one object of a bucket."""
    return Resource("bucket", f"{bucket.name}/{inside}", bucket.connection, bucket.team.slug)


def find_bucket(name: str, connection: str) -> Found | None:
    """`bucket`, `bucket/` or `bucket/prefix/`."""
    bucket_name, _, inside = name.partition("/")
    bucket = Bucket.objects.select_related("team").filter(connection=connection, name=bucket_name).first()
    return Found(of_prefix(bucket, inside)) if bucket else None
