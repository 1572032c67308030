"""The application around Django: it passes everything on, and waits where somebody has to."""

from django.conf import settings

from portal.live import bodies
from portal.live.inner import App, Inner, Receive, Scope, Send
from portal.live.news import News
from portal.live.streams import Streams
from portal.live.waits import Waits
from portal.operations.events import CHANNEL

STREAMS = ("/events", "/api/v1/events")
API = "/api/v1/"


class Live:
    """An ASGI application. `who_again` is after how many seconds a stream asks anew who its reader is."""

    def __init__(self, django: App, who_again: float = 60.0) -> None:
        self._django = django
        self.news = News(settings.REDIS_URL, CHANNEL)
        inner = Inner(django)
        self._streams = Streams(inner, self.news, who_again)
        self._waits = Waits(django, inner, self.news)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if refused := bodies.refusal(scope):
            await refused.send(send)
        elif path in STREAMS and method == "GET":
            await self._streams.serve(scope, receive, send)
        elif path.startswith(API) and method in ("GET", "POST"):
            await self._waits.serve(scope, bodies.counted(scope, receive), send)
        else:
            await self._django(scope, bodies.counted(scope, receive), send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
