"""ASGI: Django, and around it, outside any Django request, the two things that wait: /events and `Prefer: wait`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
_django = get_asgi_application()

from portal.live.application import Live  # noqa: E402 - settings must be loaded first

application = Live(_django)
