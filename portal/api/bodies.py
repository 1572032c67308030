"""JSON bodies (RFC 8259) as the routes take them: of a bounded size, and of text that every database can keep."""

import json
from typing import Any, NoReturn, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from ninja.parser import Parser
from ninja.types import DictStrAny

from portal.api.problems import NUL
from portal.problems import Invalid


class BodyParser(Parser):
    """RequestDataTooBig above DATA_UPLOAD_MAX_MEMORY_SIZE, also where no length was announced; Invalid for text with
    NUL characters or half surrogate pairs; ValueError where it is not JSON."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        if len(request.body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        found = json.loads(request.body, parse_constant=_no_number)
        _check(found)
        return cast(DictStrAny, found)


def _check(value: Any) -> None:
    """Every text in it, keys too."""
    if isinstance(value, str):
        if "\0" in value:
            raise Invalid(NUL)
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise Invalid("Half of a surrogate pair (\\ud800 to \\udfff alone) is no character.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key)
            _check(item)
    elif isinstance(value, list):
        for item in value:
            _check(item)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
