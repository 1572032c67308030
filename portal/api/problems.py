"""Errors as RFC 9457 application/problem+json: type, title, status, detail, code, and errors where a field is at
fault."""

import logging
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from portal.cloud.errors import CloudError
from portal.problems import Problem
from portal.sql.model import SqlError
from portal.web.middleware import cloud_status

log = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
NUL = "Text cannot hold the character NUL (\\u0000)."


def problem(
    status: int, detail: str, code: str, errors: list[dict[str, str]] | None = None, **more: Any
) -> HttpResponse:
    """One problem document."""
    body = {
        "type": f"urn:skydeck:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    if errors:
        body["errors"] = errors
    response = JsonResponse(body, status=status, content_type=CONTENT_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="skydeck"'
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        response["Retry-After"] = "2"
    return response


def install(api: NinjaAPI) -> None:
    """Turn every error a route can raise into a problem document."""

    @api.exception_handler(Problem)
    def on_problem(request: HttpRequest, error: Problem) -> HttpResponse:
        errors = [{"field": field, "message": message} for field, message in error.errors.items()]
        return problem(error.status, error.message, error.code, errors)

    @api.exception_handler(CloudError)
    def on_cloud(request: HttpRequest, error: CloudError) -> HttpResponse:
        return problem(cloud_status(error), error.message, error.code)

    @api.exception_handler(SqlError)
    def on_sql(request: HttpRequest, error: SqlError) -> HttpResponse:
        status = 403 if error.code == "PERMISSION_DENIED" else 422
        code = "denied" if status == 403 else error.code
        return problem(status, error.message, code, line=error.line, column=error.column)

    @api.exception_handler(ValidationError)
    def on_validation(request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors = [
            {
                "field": ".".join(str(part) for part in item["loc"][1:] if part != "body") or "body",
                "message": item["msg"],
            }
            for item in error.errors
        ]
        return problem(422, "Some of the input cannot be used.", "invalid", errors)

    @api.exception_handler(AuthenticationError)
    def on_authentication(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return problem(401, "A valid token is needed: Authorization: Bearer <token>.", "unauthenticated")

    @api.exception_handler(HttpError)
    def on_http(request: HttpRequest, error: HttpError) -> HttpResponse:
        cause = error.__cause__  # ninja wraps what reading the body raised
        if isinstance(cause, Problem):
            return on_problem(request, cause)
        if isinstance(cause, RequestDataTooBig):
            return on_size(request, cause)
        return problem(error.status_code, str(error), "invalid" if error.status_code < 500 else "internal")

    @api.exception_handler(RequestDataTooBig)
    def on_size(request: HttpRequest, error: Exception) -> HttpResponse:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
        return problem(413, f"A request of this kind has {most} MiB at most. Files go by POST /uploads.", "too_large")

    @api.exception_handler(DataError)
    @api.exception_handler(OverflowError)
    def on_data(request: HttpRequest, error: Exception) -> HttpResponse:
        log.warning("input that the database does not take", exc_info=error)
        return problem(422, "A text is too long or a number too large to be kept.", "invalid")
