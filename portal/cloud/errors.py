"""What can go wrong at a cloud, told apart by who can mend it.

A provider raises one of three kinds and nothing else. Whoever calls decides by the kind, never by the words:
`Rejected` goes to the person, `Temporary` is tried again, `Broken` is ours to mend.
"""

from dataclasses import dataclass


class CloudError(Exception):
    """Base of all errors of a provider: a stable code for programs and a sentence for people.

    `code` is upper-case with underscores (Athena's style: TABLE_NOT_FOUND, SYNTAX_ERROR). `message` says what
    happened, why, and what to do next; it never holds a path of the machine, rewritten SQL or an engine's name.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Rejected(CloudError):
    """The user can mend it: a wrong name, a script that fails, a limit of theirs that was reached."""


class NotFound(Rejected):
    """What was named is not there."""

    def __init__(self, message: str) -> None:
        super().__init__("NOT_FOUND", message)


class Clash(Rejected):
    """What was to be made is there already, or changed since it was read."""

    def __init__(self, message: str) -> None:
        super().__init__("CONFLICT", message)


class Temporary(CloudError):
    """It may work in a moment: a throttled call, a server that restarts, a full queue."""


class Broken(CloudError):
    """Ours to mend: a defect or a damaged installation. The message is for people, the cause goes to the log."""


@dataclass(frozen=True)
class Failure:
    """An error as data, as it is kept in an operation's row and sent to clients.

    `line` and `column` count from 1 in the user's own text, or are None.
    """

    code: str
    message: str
    line: int | None = None
    column: int | None = None
