"""What is wrong with a settings file, in words: which setting, what it must be, what stands there. Nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Pydantic's types of error, as what must hold. `{name}` comes from the error's own context.
_RULES = {
    "missing": "is needed",
    "extra_forbidden": "is not a setting",
    "literal_error": "is one of {expected}",
    "union_tag_invalid": "has a `type` that is one of {expected_tags}",
    "union_tag_not_found": "has a `type`",
    "greater_than": "is above {gt}",
    "greater_than_equal": "is {ge} or more",
    "less_than": "is below {lt}",
    "less_than_equal": "is {le} or less",
    "string_type": "is text in quotes",
    "bool_type": "is true or false",
    "bool_parsing": "is true or false",
    "int_type": "is a whole number",
    "int_parsing": "is a whole number",
    "int_from_float": "is a whole number",
    "float_type": "is a number",
    "float_parsing": "is a number",
    "path_type": "is a path in quotes",
    "tuple_type": "is a list in [ ]",
    "model_type": "is a table: [name] or [[name]]",
    "date_type": "is a date: YYYY-MM-DD, without quotes",
    "date_parsing": "is a date: YYYY-MM-DD",
    "date_from_datetime_parsing": "is a date: YYYY-MM-DD",
    "date_from_datetime_inexact": "is a date without a time: YYYY-MM-DD",
}
_LONGEST = 60
# Settings in which somebody may have written a secret, known to us or not: what stands there is not repeated.
_MAY_BE_SECRET = re.compile(r"key|secret|passw|token|credential|url|proxy|dsn", re.IGNORECASE)


def rule_of(error: ErrorDetails, content: Mapping[str, Any]) -> str:
    """What must hold of the setting, as `<setting>` and a clause; the clause alone where settings clash.

    `content` is the file's, so that one source of many is called by its name.
    """
    return f"`{_name(error)}`{_which(error, content)} {_clause(error)}" if error["loc"] else _clause(error)


def found_of(errors: list[ErrorDetails]) -> str:
    """What stands there instead, and which other settings are wrong too."""
    first, others = errors[0], [f"`{_name(error)}`" for error in errors[1:6]]
    more = f"; also wrong: {', '.join(others)}" if others else ""
    return f"{_shown(first)}{more}"


def _name(error: ErrorDetails) -> str:
    # A source's type stands in the path as the branch that was taken; in the file there is no such thing.
    parts = [str(part + 1) if isinstance(part, int) else part for part in error["loc"]]
    if len(parts) > 2 and parts[0] == "sources":
        del parts[2]
    return ".".join(parts) or "the file"


def _which(error: ErrorDetails, content: Mapping[str, Any]) -> str:
    """The name of the source, else its type, behind its number."""
    loc, sources = error["loc"], content.get("sources")
    if len(loc) < 2 or loc[0] != "sources" or not isinstance(loc[1], int) or not isinstance(sources, list):
        return ""
    source = sources[loc[1]]
    if not isinstance(source, dict):
        return ""
    words = next((source[key] for key in ("name", "type") if isinstance(source.get(key), str) and source[key]), "")
    return f" ({words[:_LONGEST]})" if words else ""


def _clause(error: ErrorDetails) -> str:
    known = _RULES.get(error["type"])
    if known is not None:
        return known.format(**{"expected": "", "expected_tags": "", **(error.get("ctx") or {})})
    return error["msg"].removeprefix("Value error, ")


def _shown(error: ErrorDetails) -> str:
    if not error["loc"]:
        return "settings that do not go together"
    if error["type"] in ("missing", "union_tag_not_found"):
        return "nothing"
    if error["loc"] and _MAY_BE_SECRET.search(str(error["loc"][-1])):
        return "something else, which is not repeated here: it may be a secret"
    value: Any = error["input"]
    if isinstance(value, dict):
        tag = value.get("type")
        return repr(tag) if error["type"] == "union_tag_invalid" else f"a table with {', '.join(value) or 'nothing'}"
    text = repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
