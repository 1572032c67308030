"""SHOW and DESCRIBE: what they ask for. They are answered from the catalog, under the reader's own rights.

https://docs.aws.amazon.com/athena/latest/ug/show-tables.html and its neighbours
"""

from sqlglot.tokenizer_core import Token, TokenType

from portal.sql.model import SqlError, Statement
from portal.sql.places import at


class _Reader:
    """Tokens from the left; every step says what it expected."""

    def __init__(self, tokens: list[Token], sql: str) -> None:
        self.tokens = tokens
        self.sql = sql
        self.next = 0

    def word(self, *words: str) -> bool:
        if self.next < len(self.tokens) and self.tokens[self.next].text.upper() in words:
            self.next += 1
            return True
        return False

    def name(self, what: str) -> str:
        if self.next >= len(self.tokens):
            raise SqlError("SYNTAX_ERROR", f"The name of a {what} is missing at the end.")
        token = self.tokens[self.next]
        if token.token_type == TokenType.STRING or not token.text.strip("`").replace("_", "a").isalnum():
            raise SqlError("SYNTAX_ERROR", f"The name of a {what} is expected here.", *at(self.sql, token.start))
        self.next += 1
        return token.text.strip("`").lower()

    def table(self) -> tuple[str | None, str]:
        parts = [self.name("table")]
        while self.word("."):
            parts.append(self.name("table"))
        if len(parts) == 3 and parts[0] == "awsdatacatalog":
            parts = parts[1:]
        if len(parts) > 2:
            raise SqlError("NOT_SUPPORTED", f"There is no catalog “{parts[0]}” here, only awsdatacatalog.")
        return (parts[0] if len(parts) == 2 else None), parts[-1]

    def pattern(self) -> str | None:
        self.word("LIKE")
        if self.next < len(self.tokens) and self.tokens[self.next].token_type == TokenType.STRING:
            self.next += 1
            return self.tokens[self.next - 1].text
        return None

    def end(self) -> None:
        if self.next < len(self.tokens):
            token = self.tokens[self.next]
            raise SqlError("SYNTAX_ERROR", f"“{token.text}” is not expected here.", *at(self.sql, token.start))


def parse_show(word: str, tokens: list[Token], sql: str) -> Statement:
    """Read what follows SHOW, DESCRIBE or DESC."""
    reader = _Reader(tokens, sql)
    statement = _show(reader) if word == "SHOW" else _describe(reader)
    reader.end()
    return statement


def _describe(reader: _Reader) -> Statement:
    reader.word("EXTENDED", "FORMATTED")
    database, table = reader.table()
    return Statement("describe", reader.sql, database=database, table=table)


def _show(reader: _Reader) -> Statement:
    if reader.word("DATABASES", "SCHEMAS"):
        return Statement("show_databases", reader.sql, pattern=reader.pattern())
    if reader.word("TABLES"):
        database = reader.name("database") if reader.word("IN", "FROM") else None
        return Statement("show_tables", reader.sql, database=database, pattern=reader.pattern())
    if reader.word("COLUMNS", "PARTITIONS"):
        kind = "show_" + reader.tokens[reader.next - 1].text.lower()
        if kind == "show_columns" and not reader.word("IN", "FROM"):
            raise SqlError("SYNTAX_ERROR", "Write SHOW COLUMNS IN and the name of a table.")
        database, table = reader.table()
        if reader.word("IN", "FROM"):
            database = reader.name("database")
        return Statement(kind, reader.sql, database=database, table=table)
    raise SqlError(
        "NOT_SUPPORTED", "SHOW takes DATABASES, TABLES, COLUMNS or PARTITIONS here. Other forms are not available."
    )
