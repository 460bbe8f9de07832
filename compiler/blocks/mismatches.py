"""What cattrs could not structure → diagnostics at the value that is wrong."""

from __future__ import annotations

import re
from typing import Any

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Edit, Fix, write_instead
from ...dsl.foreign_variables import variable_named
from ...dsl.foreign_words import foreign_word
from ...dsl.late_pattern import late_pattern
from ...dsl.mismatch import Mismatch, QuantityMismatch, SecretMismatch, WordMismatch
from ...dsl.secrets.texts import SECRET_ADVICE, has_long_row
from ...dsl.source import Span
from ...dsl.suggest import inside, near, offer
from ...dsl.units import DURATION_UNITS, EXAMPLES, PLURALS, SIZE_UNITS, Duration, Size
from ...dsl.values import Word, show
from ..evaluation.foreign_values import env_instead
from ..evaluation.unknown_values import report_unknown_value
from ..scope import ANSWERING, VALUES, Scope
from .merge import Setting

_VARIABLE = late_pattern(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
"""The form of names that environment variables have, and keys do not."""

_NAME_ALONE = late_pattern(r'"\$\{([\w.]+)\}"')
_NO_SIZE = late_pattern(r"(\d[\d_.]*)([kMG])")
_CALLED = late_pattern(r"\w+\(\w+\)")
_FILLED_ALONE = late_pattern(r'"\$\{[ \t]*([A-Za-z_][\w.]*)[ \t]*\}"')
_WRAPPING = late_pattern(r"[\"\[\]]")
"""What stands around a value: the rest of it is what was meant."""
_SECRET_FILE = late_pattern(r'"(?:(?:\.{1,2}|~)?/[\w./ -]+|[\w-]+\.(?:pem|key|crt|cert))"')
_QUOTED_CALL = late_pattern(r'"(env|file)\((?:\\"|\')?([\w./-]+)(?:\\"|\')?\)"')
_CALCULATED = late_pattern(r"[\w.]+(?:[-/][\w.]+)+\Z")
"""A date or the like without quotes, `2024-10-21`, which is a calculation."""

_OTHER_QUOTES = tuple("'`“”„‘’‚«")

_MANY, _MOST = 100, 1000
"""So many of no unit may be milliseconds, where a duration is expected, and so many surely are."""

_UNITS = {Duration: tuple(DURATION_UNITS), Size: tuple(SIZE_UNITS)}


def report_mismatch(
    mismatch: Mismatch | SecretMismatch, setting: Setting, node: s.Expression, found: Diagnostics
) -> None:
    name, scope = setting.node.name.text, setting.scope
    span = scope.span(node)
    if isinstance(mismatch, SecretMismatch) and mismatch.has_default:
        _default(name, node, scope, found)
        return
    if isinstance(mismatch, SecretMismatch):
        _secret(mismatch, name, _innermost(node), scope, found)
        return
    value = mismatch.value
    nothing = foreign_word("values", value) if isinstance(value, Word) else None
    if nothing is not None and str(value) not in getattr(mismatch, "words", ()):
        found.error(
            "E0301", f"`{value}` is no value here", span, "nothing is written like this", help=nothing.say
        )
    elif isinstance(mismatch, WordMismatch):
        _word(mismatch, name, span, scope, found)
    elif isinstance(value, Word) and isinstance(node, s.Reference) and _is_meant_name(mismatch, scope, found):
        report_unknown_value(node, str(value), scope, found, f"`{name}` takes {mismatch.expected}")
    elif isinstance(mismatch, QuantityMismatch) and type(value) in (int, float):
        _missing_unit(mismatch, name, node, span, found)
    else:
        fixes = (
            _address(name, mismatch, span)
            or _words(name, mismatch, span)
            or _suggested(mismatch, span)
            or _millions(mismatch, span)
        )
        label = f"found {mismatch.found}"
        found.error("E0301", f"`{name}` takes {mismatch.expected}", span, label, fixes=fixes)


def _is_meant_name(mismatch: Mismatch, scope: Scope, found: Diagnostics) -> bool:
    """Whether a bare word was meant as the name of a value: no text is written like it, or one is near."""
    return mismatch.suggestion is None or bool(found.near(str(mismatch.value), scope.names(*VALUES)))


def _address(name: str, mismatch: Mismatch, span: Span) -> list[Fix]:
    """`bind = 8080`: a port has an address before it."""
    if name != "bind" or type(mismatch.value) is not int:
        return []
    meant = f'"127.0.0.1:{mismatch.value}"'
    return [Fix(f"write `{meant}`", (Edit(span, meant),), safe=False)]


def _words(name: str, mismatch: Mismatch, span: Span) -> list[Fix]:
    """`command = "vllm serve x"`: a command is a list of its words."""
    if name != "command" or not isinstance(mismatch.value, str) or " " not in mismatch.value:
        return []
    return [in_words(mismatch.value, span)]


def in_words(command: str, span: Span) -> Fix:
    """The change to a list of the words of `command`, as a shell reads them."""
    import shlex

    try:
        words = shlex.split(command)
    except ValueError:  # a quote without its other one
        words = command.split()
    meant = f"[{', '.join(map(show, words))}]"
    return Fix(f"write `{meant}`", (Edit(span, meant),), safe=False)


def _millions(mismatch: Mismatch, span: Span) -> list[Fix]:
    """`2m` are minutes; where a plain number is expected, `2M` was meant."""
    written = re.fullmatch(r"([\d_.]+)m", span.text)
    if written is None or not isinstance(mismatch.value, Duration):
        return []
    return [Fix(f"for millions write `{written[1]}M`", (Edit(span, f"{written[1]}M"),), safe=False)]


def _missing_unit(
    mismatch: QuantityMismatch, name: str, node: s.Expression, span: Span, found: Diagnostics
) -> None:
    kind: Any = mismatch.kind
    written = show(mismatch.value)
    units = _UNITS.get(kind)
    advice = f"{PLURALS[kind]} are written like `{EXAMPLES[kind]}`"
    if units:
        advice += f"; units are {', '.join(f'`{unit}`' for unit in units)}"
    fixes = [] if isinstance(node, s.Reference) else _suggested(mismatch, span)
    if fixes and kind is Duration and mismatch.value >= _MANY:  # type: ignore[operator]
        units = ("s", "ms") if mismatch.value < _MOST else ("ms", "s")  # type: ignore[operator]
        written_out = [f"{span.text}{unit}" for unit in units]
        fixes = [Fix(f"write `{each}`", (Edit(span, each),), safe=False) for each in written_out]
    size = _NO_SIZE.fullmatch(span.text)
    if size is not None and kind is Size:
        meant = f"{size[1]}{size[2].upper()}iB"
        fixes = [Fix(f"write `{meant}`", (Edit(span, meant),), safe=False)]
    found.error("E0302", f"`{name}` needs a unit", span, f"{written} what?", help=advice, fixes=fixes)


def _word(mismatch: WordMismatch, name: str, span: Span, scope: Scope, found: Diagnostics) -> None:
    value = mismatch.value
    if mismatch.suggestion is not None:
        fix = Fix(f"write `{mismatch.suggestion}`", (Edit(span, mismatch.suggestion),))
        found.error(
            "E0303",
            f"`{name}` takes a bare word",
            span,
            "a word stands without quotes",
            fixes=[fix],
        )
        return
    text = str(value) if isinstance(value, str) else ""
    plain = [word.partition("(")[0] for word in mismatch.words]
    told = foreign_word("runtimes", text) if name == "runtime" else None
    alone = text.lower().removesuffix("executionprovider")  # as ONNX Runtime calls them
    meant = [alone] if alone in plain else near(text, plain) or inside(text, plain) if text else []
    meant = list(told.to) if told is not None and told.to else meant
    fixes = (
        [Fix(f"write `{meant[0]}`", (Edit(span, meant[0]),), safe=meant[0][:1] == text[:1])]
        if len(meant) == 1 and meant[0] in mismatch.words
        else []
    )
    if "fallback(name)" in mismatch.words and (text in scope.names(*ANSWERING) or _CALLED.fullmatch(text)):
        call = text if text.endswith(")") else f"fallback({text})"
        fixes = [Fix(f"write `{call}`", (Edit(span, call),), safe=False)]
    found.error(
        "E0303",
        f"`{name}` is {mismatch.expected}",
        span,
        "not one of them",
        help=None if fixes else offer(meant),
        fixes=fixes,
    )


def _default(name: str, node: s.Expression, scope: Scope, found: Diagnostics) -> None:
    """A secret whose variable has a default: that is a secret in the file."""
    while isinstance(node, s.CallExpression) and len(node.arguments) == 1:
        [node] = node.arguments
    span = scope.span(node.arguments[1] if isinstance(node, s.CallExpression) else node)
    if isinstance(node, s.CallExpression):
        span.source.hide(span.start + 1, span.end - 1)
    message = f"`{name}` is a secret: a default would stand in the file"
    found.error("E0306", message, span, "no default here", help='leave it out: `env("NAME")`')


def _innermost(node: s.Expression) -> s.Expression:
    """What a call such as `bearer("…")` was given."""
    while isinstance(node, s.CallExpression) and len(node.arguments) == 1:
        [node] = node.arguments
    return node


def _secret(
    mismatch: SecretMismatch, name: str, node: s.Expression, scope: Scope, found: Diagnostics
) -> None:
    span = scope.span(node)
    written = span.source.text[span.start : span.end]
    if mismatch.inline and written[:1] in _OTHER_QUOTES:
        written = f'"{written[1:-1]}"'
    if mismatch.inline and _VARIABLE.fullmatch(written.strip('"')):
        call = f"env({written})"
        found.error(
            "E0306",
            f"`{name}` names where the secret is, it is not the secret itself",
            span,
            "the name of an environment variable?",
            fixes=[Fix(f"write `{call}`", (Edit(span, call),))],
        )
        return
    variable = variable_named(written.strip('"'))
    if variable is not None:
        found.error(
            "E0306",
            f"`{name}` names a variable of the environment as others do",
            span,
            f'written `env("{variable}")` here',
            fixes=[env_instead(variable, span)],
        )
        return
    path = _SECRET_FILE.fullmatch(written) if mismatch.inline else None
    quoted = _QUOTED_CALL.fullmatch(written)
    if path is not None or quoted is not None:
        meant = f"file({written})" if quoted is None else f'{quoted[1]}("{quoted[2]}")'
        message = f"`{name}` names where the secret is, it is not the secret itself"
        fixes = [Fix(f"write `{meant}`", (Edit(span, meant),))]
        found.error("E0306", message, span, f"write `{meant}`", fixes=fixes)
        return
    filled = _FILLED_ALONE.fullmatch(written)
    if filled is not None:
        fixes = [Fix(f"write `{filled[1]}`", (Edit(span, filled[1]),))]
        found.error("E0301", f"`{name}` takes no text", span, f"write `{filled[1]}`", fixes=fixes)
        return
    is_text = written.startswith('"')
    if mismatch.inline or has_long_row(written):
        span.source.hide(span.start + is_text, span.end - is_text)
        found.error(
            "E0306",
            f"`{name}` must not hold the secret itself",
            span,
            "a secret in plain text",
            help=SECRET_ADVICE,
        )
        return
    call = f'env("{written}")'
    nearby = found.near(node.name, scope.names(*VALUES)) if isinstance(node, s.Reference) else []
    is_variable = _VARIABLE.fullmatch(written) is not None
    fixes = [Fix(f"write `{call}`", (Edit(span, call),))] if is_variable else write_instead(span, nearby)
    label = f"expected {mismatch.expected}"
    message = f"`{name}` says where the secret is"
    found.error("E0301", message, span, label, help=offer(nearby), fixes=fixes)


def _suggested(mismatch: Mismatch, span: Span) -> list[Fix]:
    name = _NAME_ALONE.fullmatch(span.text)
    if name is not None:
        return [Fix(f"write `{name[1]}`", (Edit(span, name[1]),), safe=False)]
    if mismatch.suggestion is None:
        return []
    if _CALCULATED.match(span.text) and mismatch.suggestion == f'"{show(mismatch.value)}"':
        return [Fix(f'write `"{span.text}"`', (Edit(span, f'"{span.text}"'),), safe=False)]
    meant = mismatch.suggestion
    is_sure = _WRAPPING.sub("", span.text).lower() == _WRAPPING.sub("", meant)
    return [Fix(f"write `{meant}`", (Edit(span, meant),), safe=is_sure)]
