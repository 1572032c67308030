"""Text, bytes, regular expressions and URLs.

https://trino.io/docs/current/functions/string.html, …/regexp.html, …/url.html, …/binary.html
"""

import re

from sqlglot import exp

from portal.sql.duck.tree import Rewrite, argument, as_, call, cast, is_array, literal, same, text_of, unavailable

_STEPS = "replace(translate(upper(s), 'BFPVCGJKQSXZDTLMNRAEIOUYHW', '11112222222233455600000077'), '7', '')"
for _digit in "123456":
    _STEPS = f"regexp_replace({_STEPS}, '{_digit}+', '{_digit}', 'g')"

_URL = "^[A-Za-z][A-Za-z0-9+.-]*:"
MACROS = (
    "t_regexp_extract(s, p, g) AS regexp_extract_all(s, p, g)[1]",
    "t_regexp_position(s, p) AS CASE WHEN regexp_matches(s, p) "
    "THEN 1 + length(regexp_extract(s, '(?s)^(.*?)(?:' || p || ')', 1)) ELSE -1 END",
    "t_split_limit(s, d, n) AS CASE WHEN len(str_split(s, d)) <= n THEN str_split(s, d) "
    "ELSE list_append(list_slice(str_split(s, d), 1, n - 1), "
    "array_to_string(list_slice(str_split(s, d), n, len(str_split(s, d))), d)) END",
    "t_split_part(s, d, n) AS CASE WHEN n < 1 THEN error('Index must be greater than zero') "
    "ELSE list_extract(str_split(s, d), n) END",
    "t_strpos_nth(s, d, n) AS CASE WHEN len(str_split(s, d)) <= n THEN 0 "
    "ELSE length(array_to_string(list_slice(str_split(s, d), 1, n), d)) + 1 END",
    "t_split_to_map(s, a, b) AS map_from_entries(list_transform(str_split(s, a), "
    "lambda e: {'k': split_part(e, b, 1), 'v': split_part(e, b, 2)}))",
    "t_length(x VARCHAR) AS length(x), (x BLOB) AS octet_length(x)",
    f"t_soundex(s) AS CASE WHEN s IS NULL THEN NULL "
    f"ELSE rpad(left(upper(left(s, 1)) || replace(substr({_STEPS}, 2), '0', ''), 4), 4, '0') END",
    "t_format_number(x) AS CASE WHEN abs(x) >= 1e12 THEN printf('%.2fT', x / 1e12) "
    "WHEN abs(x) >= 1e9 THEN printf('%.2fB', x / 1e9) WHEN abs(x) >= 1e6 THEN printf('%.2fM', x / 1e6) "
    "WHEN abs(x) >= 1e3 THEN printf('%.2fK', x / 1e3) ELSE CAST(x AS VARCHAR) END",
    f"t_url_protocol(u) AS t_regexp_extract(u, '{_URL.replace('^', '^(').replace(':', '):')}', 1)",
    f"t_url_host(u) AS t_regexp_extract(u, '{_URL}//(?:[^/?#@]*@)?([^/?#:]*)', 1)",
    f"t_url_port(u) AS CAST(nullif(t_regexp_extract(u, '{_URL}//[^/?#]*:([0-9]+)', 1), '') AS BIGINT)",
    f"t_url_path(u) AS t_regexp_extract(u, '{_URL}//[^/?#]*([^?#]*)', 1)",
    "t_url_query(u) AS coalesce(t_regexp_extract(u, '\\?([^#]*)', 1), CASE WHEN u IS NULL THEN NULL ELSE '' END)",
    "t_url_fragment(u) AS coalesce(t_regexp_extract(u, '#(.*)$', 1), CASE WHEN u IS NULL THEN NULL ELSE '' END)",
    "t_url_parameter(u, k) AS url_decode(replace("
    "t_regexp_extract(u, '[?&]' || regexp_escape(k) || '=([^&#]*)', 1), '+', ' '))",
    "t_url_encode(s) AS replace(replace(url_encode(s), '%20', '+'), '%2A', '*')",
    "t_url_decode(s) AS url_decode(replace(s, '+', ' '))",
)


def _pattern(node: exp.Expr | None) -> None:
    """Java's patterns are RE2's but for lookaround, back references and possessive repeats: refused by name."""
    text = text_of(node)
    if text is None:
        return
    if re.search(r"\(\?(<?[=!]|>)", text):
        raise unavailable("A regular expression with lookaround")
    if re.search(r"(?<!\\)(\\\\)*\\[1-9k]", text):
        raise unavailable("A regular expression with a back reference")
    if re.search(r"[*+?}]\+", text):
        raise unavailable("A regular expression with a possessive repeat")


def _regexp(name: str) -> Rewrite:
    def rewrite(node: exp.Anonymous) -> exp.Expr:
        _pattern(argument(node, 1))
        return call(name, *node.expressions)

    return rewrite


def _regexp_extract(name: str) -> Rewrite:
    """The whole match, or group 1, 2 …; NULL where there is none."""

    def rewrite(node: exp.Anonymous) -> exp.Expr:
        _pattern(argument(node, 1))
        return call(name, node.expressions[0], node.expressions[1], argument(node, 2) or 0)

    return rewrite


def _regexp_replace(node: exp.Anonymous) -> exp.Expr:
    """`$1` names a group, all matches are replaced. A function as replacement needs Java's engine."""
    _pattern(argument(node, 1))
    new = argument(node, 2)
    if isinstance(new, exp.Lambda):
        raise unavailable("regexp_replace with a function")
    if new is None:
        new = literal("")
    elif (text := text_of(new)) is not None:
        new = literal(_groups(text))
    else:
        escaped = call("replace", new, "\\", "\\\\")
        new = call("regexp_replace", escaped, r"\$(\d)", r"\\\1", "g")
    return call("regexp_replace", node.expressions[0], node.expressions[1], new, "g")


def _groups(text: str) -> str:
    if re.search(r"\$\{|\$\d\d", text):
        raise unavailable("A named group, or one above 9, in a replacement")
    plain = re.sub(r"\\(.)", lambda found: "\0" if found[1] == "$" else found[1], text)
    return re.sub(r"\$(\d)", r"\\\1", plain.replace("\\", "\\\\")).replace("\0", "$")


def _split(node: exp.Anonymous) -> exp.Expr:
    return call("t_split_limit" if len(node.expressions) == 3 else "str_split", *node.expressions)


def _strpos(node: exp.Anonymous) -> exp.Expr:
    return call("t_strpos_nth" if len(node.expressions) == 3 else "strpos", *node.expressions)


def _format(node: exp.Anonymous) -> exp.Expr:
    """Java's format for s, d, f, x and %; a comma groups thousands. Each part is formatted by itself."""
    template = text_of(argument(node, 0))
    if template is None:
        raise unavailable("format with a pattern that is not a literal")
    values = list(node.expressions[1:])
    parts: list[exp.Expr] = []
    for piece in re.split(r"(%[-+,0 #]*\d*(?:\.\d+)?[a-zA-Z%])", template):
        if piece == "%%" or not piece.startswith("%") or len(piece) < 2:
            parts.append(literal("%" if piece == "%%" else piece))
            continue
        if piece[-1] not in "sdfx" or not values:
            raise unavailable(f"{piece} in format")
        parts.append(_formatted(piece, values.pop(0)))
    whole = parts[0]
    for part in parts[1:]:
        whole = exp.DPipe(this=whole, expression=part)
    return exp.Paren(this=whole)


def _formatted(piece: str, value: exp.Expr) -> exp.Expr:
    if piece == "%s":
        return cast(value, "VARCHAR")
    if "," in piece:
        found = re.fullmatch(r"%,(?:\.(\d+))?([df])", piece)
        if not found:
            raise unavailable(f"{piece} in format")
        kind = "{:,}" if found[2] == "d" else "{:,." + (found[1] or "6") + "f}"
        return call("format", kind, value if found[2] == "d" else cast(value, "DOUBLE"))
    as_number = {"f": "DOUBLE", "s": "VARCHAR"}.get(piece[-1])
    return call("printf", piece, cast(value, as_number) if as_number else value)


def _concat(node: exp.Anonymous | exp.Concat | exp.DPipe) -> exp.Expr:
    """Text and arrays; an element may stand beside an array. NULL makes NULL, which concat() here would drop."""
    items = [node.this, node.expression] if isinstance(node, exp.DPipe) else list(node.expressions)
    whole: exp.Expr = items[0]
    for item in items[1:]:
        kind = whole.type
        if is_array(whole) and not is_array(item) and item.type and item.type.this != exp.DType.UNKNOWN:
            whole = call("list_append", whole, item)
        elif is_array(item) and not is_array(whole) and kind and kind.this != exp.DType.UNKNOWN:
            whole = call("list_prepend", whole, item)
        else:
            whole = exp.Paren(this=exp.DPipe(this=whole, expression=item))
        if is_array(item) and not is_array(whole):
            whole.type = item.type
        elif kind is not None:
            whole.type = kind
    return whole


def _trim(node: exp.Trim) -> exp.Expr:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
    return call(name, node.this, node.expression)


def _normalize(node: exp.Normalize) -> exp.Expr:
    form = node.args.get("form")
    if form is not None and form.name.upper() != "NFC":
        raise unavailable(f"normalize with {form.name.upper()}")
    return call("nfc_normalize", node.this)


CALLS: dict[str, Rewrite] = {
    **same("upper lower ltrim rtrim trim reverse starts_with translate lpad rpad concat_ws chr"),
    "concat": _concat,
    "length": as_("t_length"),
    "char_length": as_("length"),
    "character_length": as_("length"),
    "codepoint": as_("unicode"),
    "replace": lambda node: call("replace", *node.expressions, *([""] if len(node.expressions) == 2 else [])),
    "substr": as_("substr"),
    "substring": as_("substr"),
    "split": _split,
    "split_part": as_("t_split_part"),
    "split_to_map": as_("t_split_to_map"),
    "strpos": _strpos,
    "levenshtein_distance": as_("levenshtein"),
    "hamming_distance": as_("hamming"),
    "soundex": as_("t_soundex"),
    "format": _format,
    "format_number": as_("t_format_number"),
    "regexp_like": _regexp("regexp_matches"),
    "regexp_extract": _regexp_extract("t_regexp_extract"),
    "regexp_extract_all": _regexp_extract("regexp_extract_all"),
    "regexp_replace": _regexp_replace,
    "regexp_split": _regexp("str_split_regex"),
    "regexp_count": lambda node: call("len", _regexp_extract("regexp_extract_all")(node)),
    "regexp_position": _regexp("t_regexp_position"),
    "to_utf8": as_("encode"),
    "from_utf8": as_("decode"),
    "to_hex": as_("hex"),
    "from_hex": as_("unhex"),
    "to_base64": as_("to_base64"),
    "from_base64": as_("from_base64"),
    "md5": lambda node: call("unhex", call("md5", *node.expressions)),
    "sha1": lambda node: call("unhex", call("sha1", *node.expressions)),
    "sha256": lambda node: call("unhex", call("sha256", *node.expressions)),
    "sha512": as_("t_sha512"),
    "crc32": as_("t_crc32"),
    "url_encode": as_("t_url_encode"),
    "url_decode": as_("t_url_decode"),
    **{
        f"url_extract_{part}": as_(f"t_url_{part}")
        for part in ("protocol", "host", "port", "path", "query", "fragment", "parameter")
    },
    "uuid": as_("uuid"),
}


def _user(node: exp.Expr) -> exp.Expr:
    raise unavailable("current_user")


NODES: dict[type[exp.Expr], Rewrite] = {
    exp.CurrentUser: _user,
    exp.DPipe: _concat,
    exp.Concat: _concat,
    exp.Trim: _trim,
    exp.Normalize: _normalize,
    exp.Chr: lambda node: call("chr", *node.expressions),
    exp.Substring: lambda node: call("substr", node.this, node.args.get("start"), node.args.get("length")),
    exp.StrPosition: lambda node: call("strpos", node.this, node.args["substr"]),
}
