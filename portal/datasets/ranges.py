"""Downloads of objects by RFC 9110: validators, and one range of bytes."""

import re
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import http_date, parse_etags

from portal.api.streaming import Slice, attachment, harmless
from portal.cloud.ports import ObjectInfo

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
Span = tuple[int, int]  # start, length


def download(request: HttpRequest, info: ObjectInfo, body: BinaryIO) -> HttpResponseBase:
    """An object, or the range of it that was asked for, as a file to keep. Closes `body`."""
    etag = f'"{info.etag}"'
    name = info.key.rstrip("/").rpartition("/")[2] or "file"
    asked = _range(request, etag)
    span = _span(asked, info.size)
    response: HttpResponseBase
    if _unchanged(request, etag):
        body.close()
        response = HttpResponse(status=304)
    elif span is None:
        body.close()
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{info.size}"
    else:
        start, length = span
        response = attachment(name, info.content_type, Slice(body, start, length), status=206 if asked else 200)
        response["Content-Length"] = str(length)
        if asked:
            response["Content-Range"] = f"bytes {start}-{start + length - 1}/{info.size}"
    harmless(response, name)
    response["ETag"] = etag
    response["Last-Modified"] = http_date(info.modified.timestamp())
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, no-cache"  # rights may be taken back: ask again
    return response


def _unchanged(request: HttpRequest, etag: str) -> bool:
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in known or etag in (tag.removeprefix("W/") for tag in known)


def _range(request: HttpRequest, etag: str) -> re.Match[str] | None:
    """The one range that was asked for. One of another form, or for another version of the object, is not looked at, as
    the RFC has it."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = match.groups()
    backwards = bool(first and last) and int(last) < int(first)
    return None if backwards or not (first or last) else match


def _span(asked: re.Match[str] | None, size: int) -> Span | None:
    """What to send: all, the range, or None where it lies outside (416)."""
    if asked is None:
        return 0, size
    first, last = asked.groups()
    start = int(first) if first else max(0, size - int(last))  # without a first: the last so many bytes
    end = min(int(last), size - 1) if first and last else size - 1
    return (start, end - start + 1) if start <= end else None
