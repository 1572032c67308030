"""What a log must not hold: the secrets in the addresses of sign-in links and invitations.

There is no access log, but Django names the address of each request that it refuses, as when the form behind a link
comes back with a mistake and the link still works.
"""

import logging
import re

_SECRET = re.compile(r"(/(?:signin|invitation)/)[^/\s'\"?]+")


class WithoutSecrets(logging.Filter):
    """Puts … in the place of a secret, and leaves out the request, whose text is its address."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.pop("request", None)
        message = record.getMessage()
        if _SECRET.search(message):
            record.msg, record.args = _SECRET.sub(r"\1…", message), ()
        return True
