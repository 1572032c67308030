"""The doorbell: tells the workers that a row waits. Carries an id and nothing else; losing it costs seconds."""

import logging
import uuid

import redis
from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)
CARRY_OUT = "workers.carry_out"
BEAT = "workers.beat"

broker = Celery("skydeck")
broker.config_from_object(
    {
        "broker_url": settings.REDIS_URL.replace("unix://", "redis+socket://"),
        "broker_transport_options": {
            # kombu sweeps unacknowledged messages about every 100 s unless told: measured.
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "visibility_timeout": 60,
            "socket_connect_timeout": 2,
        },
        "broker_connection_retry_on_startup": True,
        "task_ignore_result": True,
        "task_acks_late": True,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "task_publish_retry": False,
    }
)


def ring(operation_id: uuid.UUID) -> None:
    """Tell a worker. A broker that is away is no error: the watcher rings again for whatever waits."""
    try:
        broker.send_task(CARRY_OUT, args=[str(operation_id)])
    except (OperationalError, OSError) as error:
        log.warning(
            "the queue is away; the watcher will ring", extra={"operation": str(operation_id), "error": str(error)}
        )


def ring_beat() -> None:
    """Ask the workers for a sign of life."""
    try:
        broker.send_task(BEAT, expires=30)
    except (OperationalError, OSError) as error:
        log.warning("the queue is away", extra={"error": str(error)})


def waiting() -> int:
    """How many messages no worker has taken; 0 where the broker is away."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            return int(client.llen(broker.conf.task_default_queue))
    except (redis.RedisError, OSError):
        return 0
