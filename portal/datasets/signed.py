"""Addresses that take one part of one upload and nothing else, for an hour: what S3 has as presigned URLs.

So a client sends its parts in the same way to every provider: method, address, headers, bytes; no token, no session.
"""

from datetime import timedelta
from urllib.parse import urlencode

from django.core import signing
from ninja.security import APIKeyQuery

from portal.access.model import Actor
from portal.accounts.models import User
from portal.accounts.services import actor_of
from portal.api.requests import Request
from portal.problems import Missing

SALT = "portal.datasets.part"
LASTS = timedelta(hours=1)


def signed(actor: Actor, path: str) -> str:
    """`path`, of a part's bytes, with a signature that stands for the actor there."""
    mark = signing.dumps({"user": actor.user_id, "team": actor.team, "path": path}, salt=SALT)
    return f"{path}?{urlencode({'signature': mark})}"


class SignedPart(APIKeyQuery):
    """`?signature=` on the very address that it was made for. What its maker may do is decided anew."""

    param_name = "signature"

    def authenticate(self, request: Request, key: str | None) -> Actor | None:  # type: ignore[override]
        if not key:
            return None
        try:
            said = signing.loads(key, salt=SALT, max_age=LASTS)
            user = User.objects.get(pk=said["user"], is_active=True)
            actor = actor_of(user, said["team"])
        except (signing.BadSignature, User.DoesNotExist, Missing):
            return None
        if said["path"] != request.path:
            return None
        request.user = user
        request.actor = actor
        return actor
