"""A real engine for the tests of the dialect, and cells spelled as the API spells them."""

import datetime as dt
import math
from base64 import b64encode
from decimal import Decimal
from typing import Any
from uuid import UUID

import duckdb

from portal.sql import duck


def connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for statement in (*duck.SETTINGS, *duck.MACROS):
        connection.execute(statement)
    for function in duck.FUNCTIONS:
        connection.create_function(function.name, function.call, list(function.arguments), function.returns)
    return connection


def cell(value: Any) -> Any:
    """A value as JSON has it; a row is its values in order."""
    if isinstance(value, dict):
        return {str(key): cell(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [cell(inner) for inner in value]
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, dt.datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        return text + " UTC" if value.tzinfo else text
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else value


def same(found: Any, expected: Any) -> bool:
    """Equal, numbers to 1e-9, trailing zeros of a timestamp apart."""
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(same(found[k], expected[k]) for k in expected)
        )
    if isinstance(expected, bool) or isinstance(found, bool) or expected is None or found is None:
        return found is expected
    if isinstance(expected, (int, float)):
        try:
            return math.isclose(float(found), expected, rel_tol=1e-9, abs_tol=1e-9)
        except (TypeError, ValueError):
            return False
    return str(found) == expected or str(found).removesuffix(".000") == expected
