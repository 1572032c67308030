"""Loaded before Django's settings (`-p` in pyproject.toml): each test process gets a data folder of its own, in /tmp so
that sockets fit in it, and nothing of the caller's site reaches it. TEST_DATABASE_URL moves the tests to PostgreSQL."""

import atexit
import os
import shutil
import tempfile

for name in [name for name in os.environ if name.startswith("SKYDECK_") or name in ("DATABASE_URL", "REDIS_URL")]:
    del os.environ[name]
DATA = tempfile.mkdtemp(prefix="skytest-", dir="/tmp")
os.environ["SKYDECK_DATA"] = DATA
if os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
# Playwright's synchronous interface runs a loop in the test's thread, where Django would refuse to use the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
atexit.register(shutil.rmtree, DATA, ignore_errors=True)
