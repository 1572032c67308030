"""What every page needs: a signed-in person, a way back, and problems told beside the form they came from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from portal.access.model import Actor
from portal.cloud.errors import Rejected
from portal.problems import Conflict, Invalid


class PageRequest(HttpRequest):
    """A request as views of signed-in people get it. `section` is the part of the frame's rail that it belongs to."""

    actor: Actor
    htmx: HtmxDetails
    section: str


View = Callable[..., HttpResponseBase]


def page(section: str = "") -> Callable[[View], View]:
    """A page for signed-in people; strangers are sent to sign in, and come back afterwards."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.actor is None:
                return _to_sign_in(request)
            request.section = section
            return view(request, *args, **kwargs)

        return wrapped

    return decorate


def _to_sign_in(request: PageRequest) -> HttpResponse:
    back = request.htmx.current_url_abs_path if request.htmx else request.get_full_path()
    address = f"{settings.LOGIN_URL}?{urlencode({'next': back or '/'})}"
    return HttpResponse(status=204, headers={"HX-Redirect": address}) if request.htmx else HttpResponseRedirect(address)


def way_back(request: HttpRequest, default: str = "/") -> str:
    """The address in `next`, if it is one of ours: never another host."""
    address = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if safe else default


def go(request: HttpRequest, address: str) -> HttpResponse:
    """Send the browser on: as a redirect after POST, or by htmx where it asked."""
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address, status=303)


@contextmanager
def told(request: HttpRequest) -> Iterator[None]:
    """What the person can mend is told on the next page, and the view goes on; everything else is raised."""
    try:
        yield
    except (Invalid, Conflict, Rejected) as error:
        messages.error(request, error.message, extra_tags="error")


def whole(text: str | None, default: int = 0, most: int = 10**9) -> int:
    """A number out of an address, or the default where it is none."""
    return min(int(text), most) if text and text.isascii() and text.isdigit() and len(text) < 12 else default
