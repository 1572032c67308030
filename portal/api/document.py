"""The OpenAPI document, completed: what routes answer, and that every error is a Problem. In one place, since routes
answer operations, pages and files by the same few helpers."""

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

Json = dict[str, Any]

STARTS = {  # begin an operation: 202, or 200 where it has ended by the time of the answer
    "POST /databases/{database}/tables", "POST /databases/{database}/tables/{table}/refresh", "POST /queries",
    "POST /saved-queries/{saved_id}/run", "POST /training-jobs",
}  # fmt: skip
TELLS = {  # one operation, held by `Prefer: wait`
    "GET /operations/{operation_id}", "POST /operations/{operation_id}/cancel", "GET /queries/{query_id}",
    "POST /queries/{query_id}/cancel", "GET /training-jobs/{job_id}", "POST /training-jobs/{job_id}/stop",
}  # fmt: skip
MAKES = {"POST /users", "POST /teams", "POST /teams/{slug}/members", "POST /teams/{slug}/invitations", "POST /grants"}
BYTES = {
    "GET /buckets/{bucket}/download",
    "GET /training-jobs/{job_id}/outputs/{path}",
    "GET /queries/{query_id}/download",
}
ROWS = "GET /queries/{query_id}/rows"
PREVIEW = "GET /databases/{database}/tables/{table}/preview"
EVENTS = "GET /events"
PART = "PUT /uploads/{upload_id}/parts/{part}/data"


def _text(*, null: bool = False, **more: Any) -> Json:
    return {"type": ["string", "null"] if null else "string", **more}


def _object(required: Json, **optional: Any) -> Json:
    return {"type": "object", "properties": {**required, **optional}, "required": list(required)}


def _many(item: Json) -> Json:
    return {"type": "array", "items": item}


SCHEMAS: Json = {
    "Problem": {
        **_object(
            {
                "type": _text(), "title": _text(), "status": {"type": "integer"}, "detail": _text(), "code": _text()
            },
            errors=_many(_object({"field": _text(), "message": _text()})),
        ),
        "description": "An error (RFC 9457). `code` is stable for programs, `detail` is for people.",
    },
    "Operation": {
        **_object(
            {
                "id": _text(format="uuid"), "kind": _text(),
                "state": _text(enum=["queued", "submitted", "running", "succeeded", "failed", "cancelled"]),
                "waiting_for": _text(null=True), "progress": {"type": ["number", "null"]},
                "created_at": _text(format="date-time"), "started_at": _text(null=True, format="date-time"),
                "finished_at": _text(null=True, format="date-time"),
                "error": {"anyOf": [_object({"code": _text(), "message": _text()}), {"type": "null"}]}, "url": _text(),
            }
        ),
        "description": "What takes long. Queries and training jobs carry fields of their own beside these.",
    },
    "Page": {
        **_object({"items": _many({"type": "object"}), "next": _text(null=True)}),
        "description": "`next` is the `cursor` of the next page, or null.",
    },
    "Rows": _object(
        {
            "columns": _many(_object({"name": _text(), "type": _text()})), "rows": _many({"type": "array"}),
            "total": {"type": "integer"},
        }
    ),
}  # fmt: skip
WAIT = {
    "in": "header", "name": "Prefer", "required": False, "schema": _text(),
    "description": "`wait=SECONDS` (RFC 7240) holds the answer until the operation ends, 60 seconds at most.",
}  # fmt: skip
KEY = {
    "in": "header", "name": "Idempotency-Key", "required": False, "schema": _text(maxLength=200),
    "description": "The same key and body again answers the same operation and starts nothing.",
}  # fmt: skip


class DocumentedAPI(NinjaAPI):
    """NinjaAPI with a document that clients can be made from."""

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        document = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        for path, methods in document["paths"].items():
            for method, route in methods.items():
                _complete(f"{method.upper()} /{path.removeprefix(prefix).lstrip('/')}", route)
        document["components"]["schemas"].update(SCHEMAS)
        return document


def _complete(name: str, route: Json) -> None:
    if name in STARTS or name in TELLS or name == PREVIEW:
        route["parameters"].append(WAIT)
    if name in STARTS and not name.endswith("/refresh"):
        route["parameters"].append(KEY)
    if name == PART:
        binary = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        route["requestBody"] = {"content": binary, "required": True}
    declared = [str(status) for status in route["responses"]]
    route["responses"] = {**_answers(name, route, declared), **ERRORS}


def _answers(name: str, route: Json, declared: list[str]) -> Json:
    if "204" in declared:
        return {"204": {"description": "Done."}}
    if name in STARTS:
        return {"202": _json("It goes on.", "Operation"), "200": _json("It has ended.", "Operation")}
    if name in TELLS:
        return {"200": _json("As it is now.", "Operation")}
    if name == PREVIEW:
        return {"200": _json("The rows.", "Rows"), "202": _json("Not yet: ask again.", "Operation")}
    if name == ROWS:
        return {"200": _json("The rows.", "Rows")}
    if name == EVENTS:
        return {"200": {"description": "The stream.", "content": {"text/event-stream": {"schema": _text()}}}}
    if name in BYTES:
        content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
        parts = {"206": {"description": "The range.", "content": content}, "304": {"description": "Unchanged."}}
        return {"200": {"description": "The bytes.", "content": content}, **(parts if "/buckets/" in name else {})}
    if any(parameter["name"] == "cursor" for parameter in route["parameters"]):
        return {"200": _json("A page.", "Page")}
    if name in MAKES or "201" in declared:
        return {"201": _json("Made.")}
    return {"200": _json("As asked.")}


def _json(description: str, schema: str = "", media: str = "application/json") -> Json:
    found = {"$ref": f"#/components/schemas/{schema}"} if schema else {"type": "object"}
    return {"description": description, "content": {media: {"schema": found}}}


ERRORS = {
    "401": _json("No valid token.", "Problem", "application/problem+json"),
    "4XX": _json("What was asked cannot be done.", "Problem", "application/problem+json"),
    "503": _json("Try again in a moment.", "Problem", "application/problem+json"),
}
