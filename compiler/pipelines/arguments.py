"""Which argument of a call is for what: by position, then by name."""

from __future__ import annotations

import attrs

from ...dsl import syntax as s
from ...dsl.diagnostics import Label, write_instead
from ...dsl.suggest import either, every, offer
from ...dsl.wording import as_name
from ..scope import Symbol
from ..typing.callables import Parameter
from ..typing.partial import show_type
from .call_options import CallOptions
from .inferrer import Inferrer
from .typed import Mistake, Typed

Arguments = dict[str, Typed]
"""The arguments of a call, by parameter."""


def bind(
    inferrer: Inferrer,
    node: s.CallExpression,
    name: str,
    parameters: tuple[Parameter, ...],
    positional: int,
    symbol: Symbol | None = None,
) -> tuple[Arguments, bool]:
    """The argument for each parameter, and whether all are right; what is wrong is reported.

    positional: how many may stand without a name. symbol: the declaration that is called, if there is one.
    """
    given: Arguments = {}
    names = [each.name for each in parameters]
    right, position, too_many = True, 0, False

    def declared() -> list[Label]:
        return [Label(symbol.span, _signature(name, parameters, positional))] if symbol is not None else []

    for argument in node.arguments:
        typed = inferrer.infer(argument)
        if isinstance(argument, s.NamedArgument):
            word, place = argument.name.text, argument.name
            if word not in names:
                right = False
                _unknown_argument(inferrer, name, names, place, declared())
                continue
        elif position < positional:
            word, place = names[position], s.Identifier(argument.start, argument.end, names[position])
            position += 1
        else:
            if not too_many and not isinstance(typed, Mistake):
                _one_too_many(inferrer, name, names, positional, argument, declared())
            right, too_many = False, True
            continue
        if word in given:
            right = False
            inferrer.error(
                "E0311",
                f"`{word}` is given twice",
                place,
                "given again here",
                secondary=[Label(inferrer.scope.span(given[word].node), "first given here")],
            )
            continue
        given[word] = typed
    missing = [each.name for each in parameters if each.required and each.name not in given]
    if right and missing:
        right = False
        listed = every(f"`{each}`" for each in missing[:6])
        inferrer.error(
            "E0311",
            f"`{name}` needs {listed}",
            node,
            f"{every(f'`{each}`' for each in missing[:6])} {'is' if len(missing) == 1 else 'are'} missing",
            secondary=declared(),
        )
    return given, right


def _signature(name: str, parameters: tuple[Parameter, ...], positional: int) -> str:
    short = len(parameters) < 4
    told = [each for place, each in enumerate(parameters) if each.required or place < positional or short]
    shown = ", ".join(f"{as_name(each.name)}: {shown_types(each)}" for each in told)
    return f"`{name}` takes `({shown})`" if shown else f"`{name}` takes nothing"


def shown_types(parameter: Parameter) -> str:
    """The types that it may have."""
    return either(show_type(type) for type in parameter.types)


MESSAGE = "message"
_SAID = ("content", "input", "prompt", "query", "question", "text", "user")
"""What others call the message."""


def _unknown_argument(
    inferrer: Inferrer, name: str, names: list[str], place: s.Identifier, declared: list[Label]
) -> None:
    meant = inferrer.found.near(place.text, names)
    if place.text in _SAID and MESSAGE in names:
        meant = [MESSAGE]
    is_option = place.text in attrs.fields_dict(CallOptions)
    span = inferrer.scope.span(place)
    fixes = write_instead(span, [as_name(each) for each in meant])
    listed = f"it takes {every(f'`{each}`' for each in names)}" if names else "it takes nothing"
    inferrer.error(
        "E0311",
        f"`{name}` takes nothing named `{place.text}`",
        place,
        "not taken",
        secondary=declared,
        help=f"write it behind the call: `{name}(…) with {{ {place.text} = … }}`"
        if is_option
        else None
        if fixes
        else offer(meant) or listed,
        fixes=() if is_option else fixes,
    )


def _one_too_many(
    inferrer: Inferrer,
    name: str,
    names: list[str],
    positional: int,
    node: s.Expression,
    declared: list[Label],
) -> None:
    label = "one too many"
    if names and not positional:
        message, advice, label = (
            f"`{name}` takes values by name",
            f"write `{as_name(names[0])} = …`",
            "no name",
        )
    elif len(names) > positional:
        what = f"{positional} value{'' if positional == 1 else 's'} without a name"
        message = f"`{name}` takes {what}, this is one more"
        advice = f"the others have names: {every(f'`{as_name(each)} = …`' for each in names[positional:])}"
    else:
        message = f"`{name}` takes {len(names)} value{'' if len(names) == 1 else 's'}, this is one more"
        advice = None
    inferrer.error("E0311", message, node, label, secondary=declared, help=advice)
