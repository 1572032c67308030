"""Live news of operations: one Redis channel for all. Pages are right without it; with it they are right at once."""

import json
import logging
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.db import transaction

from portal.operations.models import Operation

log = logging.getLogger(__name__)
CHANNEL = "skydeck:operations"


def changed(operation: Operation) -> None:
    """Publish the row as it is now, once it is committed."""
    news = {"team": operation.team.slug, "owner": operation.owner.username, "operation": shown(operation)}
    transaction.on_commit(lambda: _publish(json.dumps(news)))


def shown(operation: Operation) -> dict[str, Any]:
    """An operation as clients see it (api.md, Operations)."""
    return {
        "id": str(operation.id),
        "kind": operation.kind,
        "title": operation.title,
        "state": str(operation.state),
        "waiting_for": operation.waiting_for or None,
        "progress": operation.progress,
        "cancel_requested": operation.cancel_requested_at is not None,
        "created_at": stamp(operation.created_at),
        "started_at": stamp(operation.started_at),
        "finished_at": stamp(operation.finished_at),
        "error": _headline(operation.error),
        "url": f"/api/v1/operations/{operation.id}",
    }


def _headline(error: dict[str, Any] | None) -> dict[str, Any] | None:
    """The first line: what a script printed follows it, and is for those alone who may read what it read."""
    return {**error, "message": error["message"].partition("\n")[0]} if error else None


def stamp(moment: Any) -> str | None:
    """ISO 8601 in UTC with Z and milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


@lru_cache
def _client() -> "redis.Redis":
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def _publish(message: str) -> None:
    try:
        _client().publish(CHANNEL, message)
    except (redis.RedisError, OSError) as error:
        log.warning("no live news: redis is away", extra={"error": str(error)})
