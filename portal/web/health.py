"""/healthz: the process lives. /readyz: the whole house does."""

from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from portal.operations.models import Beat


def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database, the broker and a worker (within 60 s) have answered, else 503 with what has not."""
    checks = {"database": _passes(_database), "broker": _passes(_broker), "worker": _passes(_worker)}
    ready = all(checks.values())
    shown = {name: "ok" if passed else "no answer" for name, passed in checks.items()}
    return JsonResponse({"status": "ready" if ready else "not ready", **shown}, status=200 if ready else 503)


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (DatabaseError, redis.RedisError, OSError):
        return False


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def _broker() -> bool:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
        return bool(client.ping())


def _worker() -> bool:
    return Beat.objects.filter(name="worker", at__gt=timezone.now() - settings.WORKER_FRESH).exists()
