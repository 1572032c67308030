"""Names of types: Athena's as people write them, Hive's as Glue keeps them, and the local engine's own.

Sources: https://docs.aws.amazon.com/athena/latest/ug/data-types.html and
https://trino.io/docs/current/language/types.html.
"""

import re
from dataclasses import dataclass

from portal.cloud.errors import Rejected

_TOKEN = re.compile(r"""\s*(?:("(?:[^"]|"")*")|('(?:[^']|'')*')|([A-Za-z_]\w*)|(\d+)|([<>(),:\[\]]))""")

# What Athena may be told -> (Athena's own name, the local engine's name).
_SCALARS = {
    "boolean": ("boolean", "BOOLEAN"),
    "tinyint": ("tinyint", "TINYINT"),
    "smallint": ("smallint", "SMALLINT"),
    "int": ("integer", "INTEGER"),
    "integer": ("integer", "INTEGER"),
    "bigint": ("bigint", "BIGINT"),
    "float": ("real", "FLOAT"),
    "real": ("real", "FLOAT"),
    "double": ("double", "DOUBLE"),
    "string": ("varchar", "VARCHAR"),
    "binary": ("varbinary", "BLOB"),
    "varbinary": ("varbinary", "BLOB"),
    "date": ("date", "DATE"),
    "timestamp": ("timestamp", "TIMESTAMP"),
}

# The local engine's name -> Athena's. What is not here has no counterpart and is shown as text.
_FROM_DUCK = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "decimal(38,0)",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "UBIGINT": "decimal(20,0)",
    "UHUGEINT": "decimal(38,0)",
    "FLOAT": "real",
    "DOUBLE": "double",
    "VARCHAR": "varchar",
    "BLOB": "varbinary",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "TIME WITH TIME ZONE": "time with time zone",
    "INTERVAL": "interval day to second",
    "JSON": "json",
    "UUID": "uuid",
    "NULL": "unknown",
}


@dataclass(frozen=True)
class Type:
    """A parsed type: Athena's name, the numbers (p and s, or n), the types inside, and the names of a row's fields."""

    name: str
    numbers: tuple[int, ...] = ()
    parts: tuple["Type", ...] = ()
    fields: tuple[str, ...] = ()

    @property
    def nested(self) -> bool:
        return bool(self.parts)

    def __str__(self) -> str:
        if self.name == "row":
            inside = [f"{_field(name)} {part}" for name, part in zip(self.fields, self.parts, strict=True)]
        else:
            inside = [str(number) for number in self.numbers] or [str(part) for part in self.parts]
        separator = ", " if self.parts else ","
        return f"{self.name}({separator.join(inside)})" if inside else self.name


def parse(text: str) -> Type:
    """Read a type in Athena's or Hive's spelling. Rejected(INVALID_TYPE) with the part that is not understood."""
    reader = _Reader(text)
    kind = reader.type()
    reader.end()
    return kind


def normalise(text: str) -> str:
    """Athena's spelling of a type in either spelling: `STRUCT<a:int>` -> `row(a integer)`. Rejected(INVALID_TYPE)."""
    return str(parse(text))


def duck_type(athena_type: str) -> str:
    """The local engine's name of an Athena type. Lengths of varchar and char are left to the reader of the table."""
    return _duck(parse(athena_type))


def athena_type(duck_type: str) -> str:
    """Athena's name of a type the local engine reports, also of those that only results have (`time`, `json`)."""
    reader = _Reader(duck_type)
    return reader.duck()


def storable(text: str) -> str:
    """The nearest type that a table's column may have: what a catalog cannot keep becomes `timestamp` or `varchar`."""
    if text == "timestamp with time zone":
        return "timestamp"
    try:
        return normalise(text)
    except Rejected:
        return "varchar"


def _duck(kind: Type) -> str:
    if kind.name == "array":
        return f"{_duck(kind.parts[0])}[]"
    if kind.name == "map":
        return f"MAP({_duck(kind.parts[0])}, {_duck(kind.parts[1])})"
    if kind.name == "row":
        inside = (f"{quoted(name)} {_duck(part)}" for name, part in zip(kind.fields, kind.parts, strict=True))
        return f"STRUCT({', '.join(inside)})"
    if kind.name == "decimal":
        return f"DECIMAL({kind.numbers[0]},{kind.numbers[1]})"
    return "VARCHAR" if kind.name in ("varchar", "char") else _SCALARS[kind.name][1]


def quoted(name: str) -> str:
    """An identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def _field(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else quoted(name)


class _Reader:
    """A recursive reader over the tokens of one type's text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._tokens(text)
        self.at = 0

    def _tokens(self, text: str) -> list[str]:
        tokens: list[str] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None or len(tokens) > 20_000:
                raise self.refusal()
            tokens.append(match.group().strip())
            position = match.end()
        return tokens

    def refusal(self, why: str = "") -> Rejected:
        known = "boolean, integer, bigint, double, decimal(p,s), varchar, date, timestamp, array(…), map(…,…), row(…)"
        shown = self.text if len(self.text) <= 80 else self.text[:79] + "…"
        return Rejected("INVALID_TYPE", f"“{shown}” is not a type of a column{why}. Use one of Athena's: {known}.")

    def peek(self) -> str:
        return self.tokens[self.at].lower() if self.at < len(self.tokens) else ""

    def take(self) -> str:
        if self.at >= len(self.tokens):
            raise self.refusal()
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, *choices: str) -> str:
        token = self.take()
        if token not in choices:
            raise self.refusal()
        return token

    def end(self) -> None:
        if self.at != len(self.tokens):
            raise self.refusal()

    def type(self, depth: int = 0) -> Type:
        if depth > 30:
            raise self.refusal(": it is nested too deeply")
        name = self.take().lower()
        if name in ("array", "map"):
            return Type(name, parts=self.inside(2 if name == "map" else 1, depth))
        if name in ("row", "struct"):
            return self.row(depth)
        if name in ("decimal", "numeric"):
            return self.decimal()
        if name in ("varchar", "char"):
            length = self.numbers(1)
            if length and not 1 <= length[0] <= (65_535 if name == "varchar" else 255):
                raise self.refusal(": its length is out of range")
            return Type(name, length)
        if name not in _SCALARS:
            raise self.refusal()
        if name == "double" and self.peek() == "precision":
            self.take()
        if name == "timestamp":
            self.numbers(1)  # timestamp(3) is what Athena calls timestamp
        return Type(_SCALARS[name][0])

    def inside(self, count: int, depth: int) -> tuple[Type, ...]:
        close = ")" if self.expect("(", "<") == "(" else ">"
        parts = [self.type(depth + 1)]
        for _ in range(count - 1):
            self.expect(",")
            parts.append(self.type(depth + 1))
        self.expect(close)
        if count == 2 and parts[0].nested:
            raise self.refusal(": the keys of a map must be simple values")
        return tuple(parts)

    def row(self, depth: int) -> Type:
        close = ")" if self.expect("(", "<") == "(" else ">"
        names, parts = [], []
        while True:
            names.append(self.name())
            if self.peek() == ":":
                self.take()
            parts.append(self.type(depth + 1))
            if self.expect(",", close) == close:
                break
        if len({name.lower() for name in names}) < len(names):
            raise self.refusal(": two of its fields have the same name")
        return Type("row", parts=tuple(parts), fields=tuple(names))

    def name(self) -> str:
        token = self.take()
        if token.startswith('"') and len(token) > 2:
            return token[1:-1].replace('""', '"')
        if not (token[0].isalpha() or token[0] == "_"):
            raise self.refusal()
        return token

    def decimal(self) -> Type:
        numbers = self.numbers(2) or (10, 0)  # Hive's default
        precision, scale = (*numbers, 0)[:2]
        if not (1 <= precision <= 38 and 0 <= scale <= precision):
            raise self.refusal(": a decimal has 1 to 38 digits, and its scale is at most that")
        return Type("decimal", (precision, scale))

    def numbers(self, most: int) -> tuple[int, ...]:
        if self.peek() != "(":
            return ()
        self.take()
        found = []
        while True:
            token = self.take()
            if not token.isdecimal() or len(token) > 6:
                raise self.refusal()
            found.append(int(token))
            if self.expect(",", ")") == ")":
                break
        if len(found) > most:
            raise self.refusal()
        return tuple(found)

    # --- the local engine's own spelling ------------------------------------------------------------------------------

    def duck(self) -> str:
        kind = self.duck_base()
        while self.peek() == "[":
            while self.take() != "]":
                pass
            kind = f"array({kind})"
        return kind

    def duck_base(self) -> str:
        name = self.take().strip('"').upper()
        if name in ("TIME", "TIMESTAMP") and self.peek() == "with":
            self.at += 3
            name += " WITH TIME ZONE"
        if self.peek() != "(":
            return _FROM_DUCK.get(name, "varchar")
        if name == "STRUCT":
            return self.duck_row()
        if name == "MAP":
            self.take()
            key = self.duck()
            self.expect(",")
            value = self.duck()
            self.expect(")")
            return f"map({key}, {value})"
        numbers = self.skip()
        return f"decimal({','.join(numbers)})" if name == "DECIMAL" else "varchar"

    def duck_row(self) -> str:
        self.take()
        inside = []
        while True:
            name = self.name()
            inside.append(f"{_field(name)} {self.duck()}")
            if self.expect(",", ")") == ")":
                return f"row({', '.join(inside)})"

    def skip(self) -> list[str]:
        depth, numbers = 0, []
        while True:
            piece = self.take()
            depth += {"(": 1, ")": -1}.get(piece, 0)
            if piece.isdecimal():
                numbers.append(piece)
            if depth == 0:
                return numbers
