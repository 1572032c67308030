"""Errors as RFC 9457 application/problem+json: type, title, status, detail, code, and errors where a field is at
fault."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from portal.cloud.errors import CloudError
from portal.problems import Missing, Problem
from portal.sql.model import SqlError
from portal.web.middleware import cloud_status


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
    response = JsonResponse(body, status=status, content_type="application/problem+json")
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
        return problem(error.status_code, str(error), "invalid" if error.status_code < 500 else "internal")


def not_found(request: HttpRequest) -> HttpResponse:
    """For addresses under /api that no route has."""
    error = Missing("There is no such address in this API. See /api/v1/openapi.json.")
    return problem(error.status, error.message, error.code)
