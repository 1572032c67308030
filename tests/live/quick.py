"""The portal as portal/asgi.py makes it, which asks each second who reads its streams."""

import portal.asgi
from portal.live.application import Live

application = Live(portal.asgi.application._django, who_again=1.0)
