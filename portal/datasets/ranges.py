"""Downloads of objects by RFC 9110: validators, and one range of bytes."""

import re
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import http_date, parse_etags

from portal.api.streaming import attachment, harmless, slice_of
from portal.cloud.ports import ObjectInfo

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
Span = tuple[int, int]  # start, length


def download(request: HttpRequest, info: ObjectInfo, body: BinaryIO) -> HttpResponseBase:
    """An object, or the range of it that was asked for, as a file to keep. Closes `body`."""
    etag = f'"{info.etag}"'
    name = info.key.rstrip("/").rpartition("/")[2] or "file"
    span = _span(request, info.size, etag)
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
        partial = "Range" in request.headers and span != (0, info.size)
        response = attachment(name, info.content_type, slice_of(body, start, length), status=206 if partial else 200)
        response["Content-Length"] = str(length)
        if partial:
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


def _span(request: HttpRequest, size: int, etag: str) -> Span | None:
    """What to send: all, one range, or None where the range lies outside (416). A range of another form, or for another
    version of the object, is not looked at, as the RFC has it."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or match[0] == "bytes=-" or request.headers.get("If-Range", etag) != etag:
        return 0, size
    first, last = match.groups()
    if not first:  # the last so many bytes
        length = min(int(last), size)
        return (size - length, length) if length else None
    start, end = int(first), min(int(last or size), size - 1)
    if last and int(last) < start:
        return 0, size
    return (start, end - start + 1) if start < size else None
