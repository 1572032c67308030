"""Data · Files: buckets, folders and files, with upload and the tables made from them."""

from dataclasses import dataclass
from typing import BinaryIO, cast

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.access.decide import decide
from portal.access.model import Action, Actor
from portal.catalog import services as catalog
from portal.cloud.ports import ObjectInfo
from portal.datasets import services
from portal.datasets.models import Bucket
from portal.datasets.resources import of_prefix
from portal.datasets.stored import store
from portal.web.pages import PageRequest, go, page, told

PAGE = 500
TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".gz")


@dataclass(frozen=True)
class Entry:
    """A line of the listing. `table` is `database.table` where one was made from it."""

    name: str
    key: str
    info: ObjectInfo | None
    table: str

    @property
    def readable(self) -> bool:
        """Does its name say that a table can be made of it?"""
        return self.info is None or self.name.lower().endswith(TABLE_ENDINGS)


@require_GET
@page("data")
def buckets(request: PageRequest) -> HttpResponse:
    """The buckets one knows of."""
    actor = request.actor
    context = {"buckets": services.buckets(actor), "may_make": bool(actor.team), "suggested": f"{actor.team}-files"}
    return render(request, "datasets/buckets.html", context)


@require_http_methods(["GET", "POST"])
@page("data")
def folder(request: PageRequest, bucket: str, prefix: str = "") -> HttpResponse:
    """What lies under a prefix, or one file where it does not end in `/`. POST stores files sent by a plain form."""
    if request.method == "POST":
        return _store(request, bucket, prefix)
    if prefix and not prefix.endswith("/"):
        return _file(request, bucket, prefix)
    found = services.get_bucket(request.actor, bucket) if not prefix else _known(request.actor, bucket)
    listing = services.list_objects(request.actor, bucket, prefix, limit=PAGE, after=request.GET.get("after", ""))
    made = _tables_at(request.actor, bucket)
    folders = [Entry(_last(key), key, None, made.get(key, "")) for key in listing.folders]
    files = [Entry(_last(info.key), info.key, info, made.get(info.key, "")) for info in listing.objects]
    context = {
        "bucket": found,
        "prefix": prefix,
        "crumbs": _crumbs(prefix),
        "entries": [*folders, *(entry for entry in files if entry.key != prefix)],
        "next": listing.next,
        "may_write": bool(decide(request.actor, Action.WRITE, of_prefix(found, prefix))),
        "table": made.get(prefix, ""),
    }
    return render(request, "datasets/_files.html" if request.htmx else "datasets/folder.html", context)


def _known(actor: Actor, name: str) -> Bucket:
    """A bucket of which one may read a prefix alone."""
    return next((row for row in services.buckets(actor) if row.name == name), None) or services.get_bucket(actor, name)


def _file(request: PageRequest, bucket: str, key: str) -> HttpResponse:
    info = services.head_object(request.actor, bucket, key)
    found = _known(request.actor, bucket)
    entry = Entry(_last(key), key, info, _tables_at(request.actor, bucket).get(key, ""))
    may_write = bool(decide(request.actor, Action.WRITE, of_prefix(found, key)))
    context = {"bucket": found, "entry": entry, "info": info, "crumbs": _crumbs(key)[:-1], "may_write": may_write}
    return render(request, "datasets/file.html", context)


def _store(request: PageRequest, bucket: str, prefix: str) -> HttpResponse:
    """Files of a plain form, without JavaScript: part by part, as the browser's own upload does it."""
    for sent in request.FILES.getlist("file"):
        with told(request):
            body, kind = cast(BinaryIO, sent.file), sent.content_type or ""
            store(request.actor, bucket, prefix + (sent.name or "file"), body, sent.size or 0, kind)
            messages.success(request, f"{sent.name} is stored.")
    return go(request, request.path)


def _tables_at(actor: Actor, bucket: str) -> dict[str, str]:
    """Key or prefix in the bucket -> the table over it that one may read."""
    start = f"s3://{bucket}/"
    readable = (known.table for known in catalog.tables(actor) if known.may_read)
    return {
        table.location[len(start) :]: f"{table.database.name}.{table.name}"
        for table in readable
        if table.location.startswith(start)
    }


def _last(key: str) -> str:
    return key.rstrip("/").rpartition("/")[2]


def _crumbs(prefix: str) -> list[tuple[str, str]]:
    """(name, prefix so far) of each folder on the way."""
    parts = [part for part in prefix.split("/") if part]
    return [(part, "/".join(parts[: number + 1]) + "/") for number, part in enumerate(parts)]


@require_POST
@page("data")
def create_bucket(request: PageRequest) -> HttpResponse:
    name = request.POST.get("name", "").strip()
    with told(request):
        services.create_bucket(request.actor, name)
        return go(request, reverse("bucket", args=[name]))
    return go(request, reverse("files"))


@require_POST
@page("data")
def delete_bucket(request: PageRequest, bucket: str) -> HttpResponse:
    with told(request):
        services.delete_bucket(request.actor, bucket)
        messages.success(request, f"The bucket {bucket} is deleted.")
        return go(request, reverse("files"))
    return go(request, reverse("bucket", args=[bucket]))


@require_POST
@page("data")
def delete_object(request: PageRequest, bucket: str, key: str) -> HttpResponse:
    services.delete_object(request.actor, bucket, key)
    messages.success(request, f"{_last(key)} is deleted.")
    prefix = key.rpartition("/")[0]
    return go(request, reverse("folder", args=[bucket, f"{prefix}/"]) if prefix else reverse("bucket", args=[bucket]))
