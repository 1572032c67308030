"""`manage.py run`: the whole house on one machine, until Ctrl-C."""

import contextlib
import os
import signal
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from portal.house import redis, steps
from portal.house.folder import Folder, Refused, require_port
from portal.house.supervisor import Supervisor, end_stale, environment
from portal.operations.models import OPEN, Operation

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RESTARTS_A_MINUTE = 5


class Command(BaseCommand):
    help = "Start Skydeck: redis, the local cloud, workers, the watcher and the web server. Ctrl-C stops them."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        folder = Folder(settings.DATA, settings.RUN_FOLDER)
        try:
            folder.prepare()
            with folder.held():
                self._run(folder)
        except Refused as error:
            raise CommandError(str(error)) from None

    def _run(self, folder: Folder) -> None:
        for number in SIGNALS:
            signal.signal(number, _interrupt)
        own_redis = "" if os.environ.get("REDIS_URL") else redis.server()
        supervisor = Supervisor(folder, environment(folder, settings, own_redis))
        try:
            end_stale(folder)
            require_port(settings.HOST, settings.PORT)
            steps.prepare_database(folder)
            self._start(folder, supervisor)
            self._say(f"Skydeck is ready. Sign in: {steps.link_for_admin()}")
            self._keep(folder, supervisor)
        except KeyboardInterrupt:
            self._say("Stopping …")
            self._stop(supervisor)
            self._say(_last_line())
        finally:
            self._stop(supervisor)

    def _start(self, folder: Folder, supervisor: Supervisor) -> None:
        supervisor.start()
        if folder.sample_wanted.exists():
            self._say("Loading the sample workspace, once; this takes less than a minute …")
            self._say(steps.load_sample(folder))
        supervisor.begin("web")
        steps.wait_until_ready(lambda: supervisor.alive)
        self._begin_what_nobody_waits_for(supervisor)

    def _begin_what_nobody_waits_for(self, supervisor: Supervisor) -> None:
        """After the others: each costs a second of a core, and the page is there the sooner."""
        for program in ("watch", "beat"):
            supervisor.begin(program)

    def _keep(self, folder: Folder, supervisor: Supervisor) -> None:
        """As long as nobody interrupts us: a supervisor that was killed is replaced, and all its programs with it."""
        deaths: list[float] = []
        connection.close()
        while True:
            while supervisor.alive:
                time.sleep(0.5)
            deaths = [*(at for at in deaths if at > time.monotonic() - 60), time.monotonic()]
            if len(deaths) > RESTARTS_A_MINUTE:
                raise Refused(
                    f"The supervisor died {len(deaths)} times within a minute: see {folder.logs}/supervisord.out"
                )
            self._say("The supervisor died; starting all again …")
            supervisor.start()
            supervisor.begin("web")
            self._begin_what_nobody_waits_for(supervisor)

    def _stop(self, supervisor: Supervisor) -> None:
        for number in SIGNALS:
            signal.signal(number, lambda *_: supervisor.kill())  # a second Ctrl-C: at once
        supervisor.stop()

    def _say(self, line: str) -> None:
        """To whoever started us, if they still listen: a closed terminal must not keep us from stopping."""
        with contextlib.suppress(OSError):
            self.stdout.write(line)
            self.stdout.flush()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _last_line() -> str:
    running = Operation.objects.filter(kind="training.run", state__in=OPEN).exclude(ref="").count()
    if not running:
        return "Stopped. Nothing goes on; “make run” starts it again."
    jobs = "1 training job goes on" if running == 1 else f"{running} training jobs go on"
    return f"Stopped. {jobs}; “make stop-training” ends training, “make run” starts Skydeck again."
