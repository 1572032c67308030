"""`manage.py watch`: the watcher's process."""

import signal
from importlib import import_module
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Poll what runs at the clouds, and ring for what waits. One at a time is active; a second one stands by."

    requires_system_checks = ()  # `make check` has made them; here they would import every page

    def handle(self, *args: Any, **options: Any) -> None:
        watcher = import_module("workers.watch").Watcher()  # by name: the portal does not know its workers
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: watcher.stop.set())
        watcher.run()
