"""What a service answers when it cannot do what was asked: four kinds, in words for people.

Services raise these; pages and the API turn them into HTTP (`portal/web/middleware.py`, `portal/api/problems.py`).
A provider's own errors (`portal/cloud/errors.py`) travel beside them and are turned at the same two places.
"""

from collections.abc import Mapping


class Problem(Exception):
    """Base. `status` is the HTTP status it becomes, `code` is stable for programs, `message` is for people,
    `errors` maps a field to what is wrong with it."""

    status = 400

    def __init__(self, message: str, code: str = "invalid", errors: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.errors = dict(errors or {})


class Invalid(Problem):
    """The input cannot be used; the person can mend it."""

    status = 422

    @classmethod
    def field(cls, name: str, message: str) -> "Invalid":
        return cls(message, errors={name: message})


class Denied(Problem):
    """Known, but not allowed: the message says what to ask for, and whom."""

    status = 403

    def __init__(self, message: str, code: str = "denied") -> None:
        super().__init__(message, code)


class Missing(Problem):
    """Not there, or not to be known of: the two look the same."""

    status = 404

    def __init__(self, message: str = "There is nothing here, or you may not know of it.") -> None:
        super().__init__(message, "not_found")


class Conflict(Problem):
    """It clashes with what is there."""

    status = 409

    def __init__(self, message: str, code: str = "conflict") -> None:
        super().__init__(message, code)
