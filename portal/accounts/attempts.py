"""How often a password may be tried for one name. Counted in the memory of the one web process, and for names that
nobody has as well, so that the answer tells nothing. Who is locked out by others still comes in by a sign-in link."""

import hashlib

from django.core.cache import cache

AT_MOST = 10
SECONDS = 15 * 60


def allowed(username: str) -> bool:
    """Count one more try; False from the eleventh within a quarter of an hour on, however right the password is."""
    key = _key(username)
    cache.add(key, 0, SECONDS)
    try:
        return cache.incr(key) <= AT_MOST
    except ValueError:  # its time ended in between
        return True


def forget(username: str) -> None:
    """It was the right person."""
    cache.delete(_key(username))


def _key(username: str) -> str:
    return "sign-in:" + hashlib.sha256(username.encode("utf-8", "replace")).hexdigest()
