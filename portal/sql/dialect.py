"""Athena's dialect as sqlglot is made to read it: every function keeps Athena's own name.

sqlglot turns calls into classes of its own and loses on the way what Athena meant (a limit of split, a literal's
scale). A comment behind a call's closing bracket asks it to keep the call as written (`exp.SQLGLOT_ANONYMOUS`), so the
tokens are marked before they are parsed. What is left is lossless both ways, and functions can be allowed by name.
"""

from sqlglot import exp
from sqlglot.dialects.dialect import DialectType
from sqlglot.dialects.trino import Trino
from sqlglot.tokenizer_core import Token, TokenType

from portal.sql.types import ANNOTATORS

TYPED = frozenset({"COUNT", "SUM", "AVG", "MIN", "MAX", "COALESCE", "IF"})
"""Calls that sqlglot may keep as classes: its resolver knows them, and they are written back as they were."""


class Athena(Trino):
    """Trino with functions by name and Trino's own types of results."""

    INDEX_OFFSET = 0  # a subscript stays the number that was written
    EXPRESSION_METADATA = {**Trino.EXPRESSION_METADATA, **ANNOTATORS}  # noqa: RUF012

    def tokenize(self, sql: str, dialect: DialectType = None) -> list[Token]:
        """Tokens with calls marked, and with the literals that sqlglot would weaken spelled out."""
        return _mark_calls(_plain_literals(Trino().tokenizer().tokenize(sql)))


def _mark_calls(tokens: list[Token]) -> list[Token]:
    open_brackets: list[bool] = []
    for index, token in enumerate(tokens):
        token.comments.clear()
        if token.token_type == TokenType.L_PAREN:
            open_brackets.append(index > 0 and tokens[index - 1].text.upper() not in TYPED)
        elif token.token_type == TokenType.R_PAREN and open_brackets and open_brackets.pop():
            token.comments.append(exp.SQLGLOT_ANONYMOUS)
    return tokens


def _plain_literals(tokens: list[Token]) -> list[Token]:
    """`DECIMAL '1.20'` is the number 1.20 and `JSON '…'` is json_parse('…'): the same to Trino, and kept exactly.

    https://trino.io/docs/current/language/types.html
    """
    found: list[Token] = []
    for token in tokens:
        before = found[-1] if found else None
        if before is None or token.token_type != TokenType.STRING:
            found.append(token)
        elif before.token_type in (TokenType.DECIMAL, TokenType.BIGDECIMAL) and _is_number(token.text):
            found.pop()
            if token.text[0] in "+-":
                found.append(_token(TokenType.DASH if token.text[0] == "-" else TokenType.PLUS, token.text[0], before))
            digits = token.text.lstrip("+-")
            found.append(_token(TokenType.NUMBER, digits if "." in digits else digits + ".", token))
        elif before.token_type == TokenType.JSON:
            found[-1] = _token(TokenType.VAR, "json_parse", before)
            found += [_token(TokenType.L_PAREN, "(", token), token, _token(TokenType.R_PAREN, ")", token)]
        else:
            found.append(token)
    return found


def _is_number(text: str) -> bool:
    whole, _, fraction = text.lstrip("+-").partition(".")
    return (whole + fraction).isdecimal() and (whole + fraction).isascii()


def _token(kind: TokenType, text: str, place: Token) -> Token:
    return Token(kind, text, place.line, place.col, place.start, place.end)
