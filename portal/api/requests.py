"""The request as routes and views see it: with the one who acts."""

from django.http import HttpRequest

from portal.access.model import Actor


class Request(HttpRequest):
    """What portal.api.auth and portal.web.middleware have made of a request. Never anonymous behind them."""

    actor: Actor
