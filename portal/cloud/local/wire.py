"""What crosses the local cloud's socket: JSON, a line a message, and how values and errors become it and come back."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from portal.cloud.errors import Broken, Clash, CloudError, Failure, NotFound, Rejected, Temporary
from portal.cloud.ports import Limits, RunState, RunStatus, SqlSpec, TableRead

LINE_LIMIT = 64 * 1024**2  # bytes of one message; the facts of some thousand files fit

_KINDS: dict[str, type[CloudError]] = {kind.__name__: kind for kind in (Rejected, Temporary, Broken)}
_WORDS_ALONE: dict[str, type[NotFound] | type[Clash]] = {"NotFound": NotFound, "Clash": Clash}


def pack(message: Mapping[str, Any]) -> bytes:
    """One message as a line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def unpack(line: bytes) -> dict[str, Any]:
    """A line as a message. ValueError where it is none."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("a message is a JSON object")
    return message


def error_to_json(error: CloudError) -> dict[str, str]:
    """An error with the name of its kind, which tells the other side whether to retry."""
    return {"kind": type(error).__name__, "code": error.code, "message": error.message}


def error_from_json(data: Mapping[str, str]) -> CloudError:
    """The error again, of the same kind; one of an unknown kind is Broken."""
    if words_alone := _WORDS_ALONE.get(data["kind"]):
        return words_alone(data["message"])
    return _KINDS.get(data["kind"], Broken)(data["code"], data["message"])


def status_to_json(status: RunStatus) -> dict[str, Any]:
    """An answer of poll as JSON: the fields of RunStatus."""
    return asdict(status)


def status_from_json(data: Mapping[str, Any]) -> RunStatus:
    """An answer of poll; what a record leaves out has its default."""
    failure = data.get("failure")
    return RunStatus(
        ref=data["ref"],
        state=RunState(data["state"]),
        progress=data.get("progress"),
        failure=Failure(**failure) if failure else None,
        facts=dict(data.get("facts") or {}),
    )


def spec_to_json(spec: SqlSpec) -> dict[str, Any]:
    """A statement to run as JSON: the fields of SqlSpec."""
    return asdict(spec)


def spec_from_json(data: Mapping[str, Any]) -> SqlSpec:
    """A statement to run. KeyError or TypeError where a field is missing or unknown."""
    return SqlSpec(
        sql=data["sql"],
        database=data["database"],
        reads=tuple(TableRead(**{**read, "columns": tuple(read["columns"])}) for read in data["reads"]),
        parameters=tuple(data["parameters"]),
        limits=Limits(**data["limits"]),
    )
