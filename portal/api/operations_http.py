"""How an operation is answered over HTTP: 202 while it goes on, with what portal/asgi.py needs to hold the answer."""

import json
from collections.abc import Callable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse

from portal.operations.events import shown
from portal.operations.models import Operation

OPERATION = "Skydeck-Operation"  # the id; portal/asgi.py waits for its end where the client prefers that
WAIT = "Skydeck-Wait"  # seconds to wait where the client sent no `Prefer: wait`
AGAIN = "Skydeck-Again"  # the address that tells how it is then


def answer(
    request: HttpRequest,
    operation: Operation,
    show: Callable[[Operation], dict[str, Any]] = shown,
    url: str = "",
    started: bool = False,
    wait: int = 0,
) -> HttpResponse:
    """The operation as JSON by `show`. A POST that `started` it is 202; `url` is where `show` is to be had again, by
    default the operation's own address. `wait` seconds are held even where the client did not ask."""
    body = show(operation)
    status = 202 if started and not operation.ended else 200
    response = HttpResponse(json.dumps(body, cls=DjangoJSONEncoder), status=status, content_type="application/json")
    address = url or f"/api/v1/operations/{operation.id}"
    if started:
        response["Location"] = address
    if not operation.ended:
        response[OPERATION] = str(operation.id)
        response[AGAIN] = request.get_full_path() if request.method == "GET" and not url else address
        if wait:
            response[WAIT] = str(wait)
    return response


def created(body: dict[str, Any]) -> HttpResponse:
    """201 with what was made."""
    return HttpResponse(json.dumps(body, cls=DjangoJSONEncoder), status=201, content_type="application/json")


def idempotency(request: HttpRequest, body: Any) -> tuple[str, Any] | None:
    """The `Idempotency-Key` header with the body it stands for, or None."""
    key = request.headers.get("Idempotency-Key", "").strip()[:200]
    return (key, {"path": request.path, "body": body}) if key else None
