"""Waiting for something to become true, with an end."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], seconds: float = 30.0, what: str = "", every: float = 0.05) -> T:
    """The first truthy answer of `look`. AssertionError, with `what` was waited for, when time is over."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what or look}; the last answer was {answer!r}"
        time.sleep(every)
