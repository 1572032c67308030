"""`python -m portal.house.web`: the web server's process.

No access log: addresses hold sign-in secrets and what people search for. Live streams are cut after two seconds when it
stops; pages find their way back by themselves.
"""

import os

import uvicorn

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.conf import settings

    uvicorn.run(
        "portal.asgi:application",
        host=settings.HOST,
        port=settings.PORT,
        access_log=False,
        log_config=None,  # Django's: one line an event, as JSON
        server_header=False,
        timeout_graceful_shutdown=2,
    )
