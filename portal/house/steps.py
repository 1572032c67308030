"""The steps of a start: tables, the first admin, the sample, and a house that answers."""

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command, get_commands

from portal.accounts.models import User
from portal.accounts.services import create_user, sign_in_link
from portal.house.folder import Folder, Refused
from portal.house.supervisor import BASE
from portal.house.tie import tie

FIRST_ADMIN = "admin"
READY_SECONDS = 90.0
CLOUD_SECONDS = 30.0


def prepare_database(folder: Folder) -> None:
    """Bring the tables up to date. On the very first start make a site admin, and note that the sample is wanted."""
    call_command("migrate", verbosity=0, interactive=False)
    if not User.objects.exists():
        create_user(None, FIRST_ADMIN, is_admin=True)
        if settings.SAMPLE and "sample" in get_commands():
            folder.sample_wanted.touch()


def load_sample(folder: Folder) -> str:
    """Load the sample workspace where it is wanted and not yet whole; the answer is a line for people, or "".

    A process of its own, so that Ctrl-C ends it within a moment and its memory does not stay with us. What an
    interrupted one began, the next start goes on with.
    """
    if not folder.sample_wanted.exists():
        return ""
    _wait_for_cloud()
    log = folder.logs / "sample.log"
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "sample"],
            cwd=BASE,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=tie,
        )
        try:
            failed = process.wait() != 0
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if failed:
        return f"The sample workspace could not be loaded, and all else works: see {log}, then “manage.py sample”."
    folder.sample_wanted.unlink()
    return "The sample workspace is there."


def _wait_for_cloud() -> None:
    """Until the local cloud takes calls; it was started a moment ago. What it cannot do, the sample's own words say."""
    address = settings.CONNECTIONS[settings.DEFAULT_CONNECTION]["socket"]
    deadline = time.monotonic() + CLOUD_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(address)
            return
        time.sleep(0.1)


def wait_until_ready(alive: Callable[[], bool]) -> None:
    """Back when /readyz says ready. Refused, with what does not answer, after READY_SECONDS or when `alive` says no."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        missing = not_ready()
        if not missing:
            return
        if not alive() or time.monotonic() > deadline:
            raise Refused(
                f"Skydeck did not become ready ({missing}): the reason is in the logs in {settings.DATA}/logs"
            )
        time.sleep(0.2)


def not_ready() -> str:
    """What /readyz misses, or "" where all is well."""
    host = "127.0.0.1" if settings.HOST == "0.0.0.0" else settings.HOST  # noqa: S104
    connection = http.client.HTTPConnection(host, settings.PORT, timeout=5)
    try:
        connection.request("GET", "/readyz", headers={"Host": urlsplit(settings.URL).netloc})
        response = connection.getresponse()
        body = response.read()
        if response.status == 200:
            return ""
        checks = json.loads(body)
        return (
            ", ".join(f"{name}: {found}" for name, found in checks.items() if found == "no answer") or "web: not ready"
        )
    except (OSError, http.client.HTTPException, ValueError):
        return "web: no answer"
    finally:
        connection.close()


def link_for_admin() -> str:
    """A new sign-in link of the site's first admin, as a whole address; without one, where to sign in."""
    admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    return f"{settings.URL}{sign_in_link(admin.username) if admin else settings.LOGIN_URL}"
