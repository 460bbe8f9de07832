"""Templates whose every value is quoted for the language that they write, without being asked to.

What a template puts between `{{` and `}}` passes through `finalize`, which makes a literal of it. Only text
that is made here, or written in a template itself, is taken as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_ODD = re.compile("[\x7f-\xa0\u00ad\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
"""Characters that JSON lets stand as they are, and YAML does not, or takes for the end of a line."""


class Verbatim(str):
    """Text that is in the language of the template already."""

    __slots__ = ()


def yaml_literal(value: object) -> str:
    """`value` as YAML has it on one line, which is JSON for what is in doubt."""
    if isinstance(value, Verbatim):
        return value
    text = json.dumps(value, ensure_ascii=False)
    return _ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def compose_literal(value: object) -> str:
    """As YAML; `$` would stand for a variable."""
    return value if isinstance(value, Verbatim) else yaml_literal(value).replace("$", "$$")


def helm_literal(value: object) -> str:
    """As YAML; `{{` would start an expression of Helm's."""
    return value if isinstance(value, Verbatim) else yaml_literal(value).replace("{{", '{{ "{{" }}')


def systemd_literal(value: object) -> str:
    """A word of a unit file, or several; `%` would stand for a name of systemd's, `$` for a variable."""
    match value:
        case Verbatim():
            return value
        case list() | tuple():
            return " ".join(map(systemd_literal, value))
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:g}"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return '"' + "".join(each if each.isprintable() else _escaped(each) for each in text) + '"'


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def docker_literal(value: object) -> str:
    """A list as Docker's exec form has it; a word for `ENV` and `ARG`, in which `$` is a variable."""
    if isinstance(value, Verbatim):
        return value
    if isinstance(value, str):
        return json.dumps(value).replace("$", "\\$")
    return json.dumps(value)


def promql_literal(text: str) -> str:
    """A text of PromQL, which has Go's escapes: characters of more than 16 bits stand as they are."""
    made = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in made) + '"'


@lru_cache(maxsize=8)
def environment(literal: Callable[[object], str]) -> Environment:
    """Templates in which every value becomes what `literal` makes of it."""
    made = Environment(
        loader=PackageLoader("inferc.compiler.emit"),
        undefined=StrictUndefined,
        finalize=literal,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["block"] = block
    made.filters["lines"] = partial(_lines, literal)
    made.filters["comment"] = comment
    made.filters["verbatim"] = Verbatim
    made.filters["plain"] = plain
    return made


def block(text: str, indent: int) -> Verbatim:
    """A text of ASCII as lines of a YAML block, each indented."""
    assert text.isascii()
    return Verbatim("".join(f"{' ' * indent}{line}\n" if line else "\n" for line in text.split("\n")[:-1]))


def _lines(literal: Callable[[object], str], values: Mapping[str, object], indent: int) -> Verbatim:
    """Each of `values` on a line of its own; their names are ours."""
    return Verbatim("".join(f"\n{' ' * indent}{name}: {literal(value)}" for name, value in values.items()))


def comment(value: Any) -> Verbatim:
    """`value` as one line, which can stand behind `#`."""
    return Verbatim("".join(each if each.isprintable() else " " for each in str(value)))


def plain(value: Any) -> Verbatim:
    """`value` behind `Name=` of a unit file, where quotes would be a part of it."""
    return Verbatim(comment(value).replace("%", "%%"))
