"""Text to one statement. Nothing of the text is passed on: what runs is written anew from the tree."""

import re
from collections.abc import Sequence

from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from portal.sql import allowed
from portal.sql.dialect import Athena
from portal.sql.model import SqlError, Statement
from portal.sql.places import at
from portal.sql.show import parse_show

MAX_BYTES = 262_144
"""Athena's limit on a statement: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html"""

ATHENA = Athena()
_DEEPEST = 150
# Atomic groups: a comment that could end at several places would cost exponential time.
_COMMAND = re.compile(r"(?>\s|--[^\n]*\n|/\*(?>.*?\*/))*+(EXPLAIN|SHOW|DESCRIBE|DESC)\b", re.IGNORECASE | re.DOTALL)
_SELECTS = {TokenType.SELECT, TokenType.WITH, TokenType.VALUES, TokenType.L_PAREN, TokenType.TABLE}
_NESTED_TYPES = Athena.parser_class.NESTED_TYPE_TOKENS
_CLAUSES = {TokenType.FROM, TokenType.WHERE, TokenType.GROUP_BY, TokenType.ORDER_BY, TokenType.R_PAREN}
_LATER = {
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE", "MERGE", "UNLOAD"), "Statements that write are not available yet."),
    **dict.fromkeys(("CREATE", "DROP", "ALTER", "MSCK"), "Make and change tables in the catalog's pages."),
    **dict.fromkeys(("PREPARE", "EXECUTE", "DEALLOCATE"), "Write ? in the statement and give it parameters instead."),
}


def parse(sql: str, parameters: Sequence[str] = ()) -> Statement:
    """Read one statement; with `parameters` (SQL literals, in order) its `?` are replaced by them.

    SqlError SYNTAX_ERROR with line and column, NOT_SUPPORTED, FUNCTION_NOT_FOUND, INVALID_PARAMETER,
    STATEMENT_TOO_LARGE.
    """
    try:
        return _parse(sql, parameters)
    except SqlError:
        raise
    except ParseError as problem:
        raise _syntax_error(problem, sql) from None
    except TokenError:
        raise SqlError("SYNTAX_ERROR", "A quotation mark or comment is opened and not closed.") from None
    except (RecursionError, MemoryError):
        raise SqlError("STATEMENT_TOO_LARGE", "The statement is nested too deeply. Split it up.") from None
    except Exception:
        raise SqlError("SYNTAX_ERROR", "The statement could not be read as Athena SQL.") from None


def _parse(sql: str, parameters: Sequence[str]) -> Statement:
    if len(sql.encode("utf-8", "replace")) > MAX_BYTES:
        raise SqlError("STATEMENT_TOO_LARGE", f"A statement may have {MAX_BYTES:,} bytes at most.")
    if "\x00" in sql:
        raise SqlError("SYNTAX_ERROR", "The statement holds a NUL character. Remove it.")
    command = _COMMAND.match(sql)
    # sqlglot takes what follows SHOW or EXPLAIN for opaque text, so the word is blanked and read here.
    tokens = ATHENA.tokenize(" " * command.end() + sql[command.end() :] if command else sql)
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens and not command:
        raise SqlError("SYNTAX_ERROR", "There is no statement. Write one, such as SELECT * FROM reviews LIMIT 10.")
    _check_tokens(tokens, sql)
    if command:
        word = command[1].upper()
        return _explain(sql, tokens, parameters) if word == "EXPLAIN" else parse_show(word, tokens, sql)
    first = tokens[0].text.upper()
    if tokens[0].token_type not in _SELECTS:
        line, column = at(sql, tokens[0].start)
        if first in _LATER:
            raise SqlError("NOT_SUPPORTED", f"{first} is not available here. {_LATER[first]}", line, column)
        raise SqlError("SYNTAX_ERROR", f"A statement cannot begin with “{tokens[0].text}”.", line, column)
    return _select(sql, tokens, parameters)


def _select(sql: str, tokens: list[Token], parameters: Sequence[str]) -> Statement:
    marks = sum(token.token_type == TokenType.PLACEHOLDER for token in tokens)
    if parameters:
        tokens = _bind(tokens, parameters, marks)
    trees = ATHENA.parser().parse(tokens, sql)
    if len(trees) != 1 or trees[0] is None:
        raise SqlError("SYNTAX_ERROR", "Give one statement at a time.")
    tree = trees[0]
    if not isinstance(tree, (exp.Select, exp.SetOperation, exp.Values, exp.Subquery)):
        raise SqlError("NOT_SUPPORTED", "Only statements that read are available here.")
    allowed.check(tree, sql)
    return Statement("select", sql, tree, 0 if parameters else marks)


def _explain(sql: str, rest: list[Token], parameters: Sequence[str]) -> Statement:
    if (rest and rest[0].text.upper() in ("ANALYZE", "VERBOSE")) or (rest[0:1] and rest[0].text == "("):
        raise SqlError("NOT_SUPPORTED", "EXPLAIN takes a statement and no options here.", *at(sql, rest[0].start))
    if not rest:
        raise SqlError("SYNTAX_ERROR", "EXPLAIN needs a statement behind it.")
    if rest[0].token_type not in _SELECTS:
        raise SqlError("NOT_SUPPORTED", "EXPLAIN takes a SELECT.", *at(sql, rest[0].start))
    inner = _select(sql, rest, parameters)
    return Statement("explain", sql, parameters=inner.parameters, inner=inner)


def _check_tokens(tokens: list[Token], sql: str) -> None:
    """What sqlglot would let pass: several statements, deep brackets, a comma too many, OFFSET behind LIMIT
    (so that `?` keep their order). Types in `<` are counted and not unwound: its compiled parser goes down into them
    without a limit, until the process dies."""
    depth = 0
    types = 0
    limits: set[int] = set()
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before and before.token_type == TokenType.COMMA and token.token_type in _CLAUSES:
            raise SqlError("SYNTAX_ERROR", "There is a comma too many.", *at(sql, before.start))
        if token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET):
            depth += 1
        elif token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET):
            limits.discard(depth)
            depth -= 1
        elif token.token_type == TokenType.LT and before and before.token_type in _NESTED_TYPES:
            types += 1
        elif token.token_type == TokenType.LIMIT:
            limits.add(depth)
        elif token.token_type == TokenType.OFFSET and depth in limits:
            raise SqlError("SYNTAX_ERROR", "OFFSET stands before LIMIT in Athena SQL.", *at(sql, token.start))
        elif token.token_type == TokenType.DCOLON:
            raise SqlError("SYNTAX_ERROR", ":: is not part of Athena SQL. Write CAST(… AS …).", *at(sql, token.start))
        elif token.token_type == TokenType.SEMICOLON:
            raise SqlError("SYNTAX_ERROR", "Give one statement at a time.", *at(sql, token.start))
        if max(depth, types) > _DEEPEST:
            raise SqlError("STATEMENT_TOO_LARGE", "The statement is nested too deeply. Split it up.")


def _bind(tokens: list[Token], parameters: Sequence[str], marks: int) -> list[Token]:
    if marks != len(parameters):
        raise SqlError("INVALID_PARAMETER", f"The statement has {marks} ? and {len(parameters)} values were given.")
    values = [_literal_tokens(text, number) for number, text in enumerate(parameters, 1)]
    bound: list[Token] = []
    for token in tokens:
        if token.token_type != TokenType.PLACEHOLDER:
            bound.append(token)
            continue
        for value in values.pop(0):
            copied = Token(value.token_type, value.text, token.line, token.col, token.start, token.end)
            copied.comments.extend(value.comments)
            bound.append(copied)
    return bound


def _literal_tokens(text: str, number: int) -> list[Token]:
    """The tokens of one literal, in brackets: read, checked and written anew, so that nothing else can slip in."""
    try:
        _check_tokens(ATHENA.tokenize(text[:MAX_BYTES]), text)
        trees = ATHENA.parse(f"SELECT {text[:MAX_BYTES]}")
        query = trees[0] if len(trees) == 1 else None
        if isinstance(query, exp.Select) and [key for key, given in query.args.items() if given] == ["expressions"]:
            values = query.expressions
            if len(values) == 1 and is_literal(values[0]):
                return ATHENA.tokenize(f"({values[0].sql(ATHENA, comments=False)})")
    except Exception:  # noqa: S110  what cannot be read is no literal
        pass
    raise SqlError(
        "INVALID_PARAMETER",
        f"Value {number} is not an SQL literal. Write text as 'text', numbers as 12.5, days as DATE '2026-01-31'.",
    )


def is_literal(node: exp.Expr) -> bool:
    """A number, a string, true, false, null, or a typed literal such as DATE '2026-01-31', with a sign at most."""
    if isinstance(node, (exp.Neg, exp.Paren)):
        return is_literal(node.this)
    if isinstance(node, exp.Cast):
        return type(node) is exp.Cast and isinstance(node.this, exp.Literal)
    return isinstance(node, (exp.Literal, exp.Boolean, exp.Null, exp.HexString))


def _syntax_error(problem: ParseError, sql: str) -> SqlError:
    first = problem.errors[0] if problem.errors else {}
    near = str(first.get("highlight") or "").strip()
    line, end = first.get("line"), first.get("col")
    words = f"The statement is not right near “{near[:40]}”." if near else "The statement ends too early."
    hint = _hint(str(first.get("description") or ""))
    start = end - len(near) + 1 if isinstance(end, int) and "\n" not in near else end
    if isinstance(start, int) and isinstance(line, int):
        return SqlError("SYNTAX_ERROR", words + hint, line, max(start, 1))
    return SqlError("SYNTAX_ERROR", words + hint)


def _hint(description: str) -> str:
    if "Expecting )" in description:
        return " A closing bracket is missing, or a comma before it."
    missing = re.match(r"Expected (\w+)", description)
    return f" {missing[1]} is expected there." if missing else ""
