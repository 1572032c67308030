"""Under /api every error is a problem document, whoever made it: the framework's refusals and our own faults too."""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from portal.api.problems import CONTENT_TYPE, NUL, problem

CODES = {
    404: ("not_found", "There is no such address in this API. See /api/v1/openapi.json."),
    405: ("method_not_allowed", "This address does not take that method. See the Allow header."),
    413: ("too_large", "That is more than this address takes."),
    416: ("out_of_range", "The range lies outside the file. Content-Range says how long it is."),
    500: ("internal", "Something went wrong on our side. It is in the log; try again, or tell an admin."),
}


@sync_and_async_middleware
def problems(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Stands outermost."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _refusal(request) or _as_problem(request, get_response(request))

    async def answer_async(request: HttpRequest) -> HttpResponseBase:
        return _refusal(request) or _as_problem(request, await get_response(request))

    return answer_async if iscoroutinefunction(get_response) else answer


def _refusal(request: HttpRequest) -> HttpResponseBase | None:
    """Of addresses with a NUL character, which no database takes."""
    if _is_api(request) and "\0" in request.path + unquote(request.META.get("QUERY_STRING", "")):
        return problem(422, NUL, "invalid")
    return None


def _as_problem(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if not _is_api(request) or response.status_code < 400 or response["Content-Type"] == CONTENT_TYPE:
        return response
    code, detail = CODES.get(response.status_code, ("invalid", "The request could not be understood."))
    document = problem(response.status_code, detail, code)
    for name, value in response.items():  # Allow, Content-Range and what else belongs to the status
        if name not in ("Content-Type", "Content-Length", "Content-Disposition"):
            document[name] = value
    return document


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")
