"""How much a request may bring. Django under ASGI writes a whole body to disk before it asks who sent it, so what no
address takes is refused here, before it is read."""

import json
import re

from django.conf import settings

from portal.live.inner import Answer, Message, Receive, Scope

PART = re.compile(r"/api/v1/uploads/[0-9a-f-]{36}/parts/[0-9]+/data")
LARGEST = 256 * 1024**2  # of everything else: a script's archive in the form of a training job


def most(path: str) -> int:
    """Bytes that the address takes at most."""
    return -(-settings.UPLOAD_MAX_BYTES // settings.UPLOAD_PARTS_MAX) + 1024**2 if PART.fullmatch(path) else LARGEST


def refusal(scope: Scope) -> Answer | None:
    """413 where the request says that it is larger than that (RFC 9457), else None."""
    said = next((value for name, value in scope["headers"] if name.lower() == b"content-length"), b"0")
    limit = most(scope["path"])
    if not said.isdigit() or int(said) <= limit:
        return None
    words = f"This address takes {limit // 1024**2} MiB at most. Send files in parts: POST /api/v1/uploads."
    body = {"type": "urn:skydeck:problem:too_large", "title": "Content Too Large", "status": 413}
    text = json.dumps({**body, "detail": words, "code": "too_large"}).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
    ]
    return Answer(413, headers, text)


def counted(scope: Scope, receive: Receive) -> Receive:
    """`receive` for a body of unsaid length: past the limit the client counts as gone, and nothing of it is kept."""
    left = most(scope["path"])

    async def receive_counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return receive_counted
