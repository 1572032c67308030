"""Who acts, on what, how: the words of every decision. Plain values, no database."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What one can do. The first three are for data and may be granted; the others are for a team, by role."""

    READ = "read"
    WRITE = "write"
    MANAGE = "manage"
    VIEW = "view"
    UPLOAD = "upload"
    QUERY = "query"
    SAVE = "save"
    TRAIN = "train"


@dataclass(frozen=True)
class Actor:
    """A person at work in one team. `role` is theirs in that team ("" where there is none: nothing is allowed but
    what a
    site admin may). `scopes` are a token's; empty means all that the person may."""

    user_id: int
    username: str
    is_admin: bool
    team: str
    role: str
    connection: str
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Resource:
    """What is asked for. `team` is the slug of the team that owns it.

    kind `bucket`: name is `bucket/prefix/` (ends in `/`) or `bucket/key` of one object; `database`: its name;
    `table`: `database.table`; `team`: its slug.
    """

    kind: str
    name: str
    connection: str
    team: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Decision:
    """The answer, with its reason. `columns` None means all; a set means those alone. False never carries columns."""

    allowed: bool
    why: str
    columns: frozenset[str] | None = None

    def __bool__(self) -> bool:
        return self.allowed
