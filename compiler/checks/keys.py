"""Keys of the gateway: do they lead somewhere, are they told apart, and can their budgets be kept?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...dsl import syntax as s
from ...dsl.closure import closure
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.source import Span
from ...dsl.suggest import offer
from ..program import DeclaredKey, Labelled, Program
from ..routes.order import targets
from ..scope import ANSWERING, Symbol
from .budgets import SharedBudget, check_shared

ASKED = (*ANSWERING, s.PipelineDeclaration)
"""What clients may name."""


def asked_by(program: Program) -> dict[str, Symbol]:
    """What clients may name, by that name."""
    owned = (each for scope in program.scopes for each in scope.own.items())
    return {name: symbol for name, symbol in owned if isinstance(symbol.node, ASKED)}


def check(program: Program, found: Diagnostics) -> None:
    """Names must be those of models, secrets must differ, and a budget needs prices."""
    if not program.gateway.keys:
        return
    asked = asked_by(program)
    secrets: dict[tuple[str, str], DeclaredKey] = {}
    for each in program.gateway.keys:
        for name, span in named(each, "models", each.key.models):
            leads_somewhere(name, span, asked, found)
        for secret in each.key.secret:
            first = secrets.setdefault((secret.source, secret.name), each)
            if first is not each:
                _same_secret(first, each, found)
        if each.key.budget is not None:
            reached = _reached(each, asked)
            section = each.paths.get(("key", each.name, "budget"))
            whose = f"the key `{each.name}`"
            shared = SharedBudget(whose, each.key.budget, each.written, section, reached)
            check_shared(shared, program, found)


def named(declared: Labelled, field: str, names: Sequence[str]) -> Iterator[tuple[str, Span]]:
    """What a field with a list of names says, and where."""
    setting = declared.setting(field)
    node = setting.node.value if setting is not None else None
    for index, name in enumerate(names):
        is_list = isinstance(node, s.ListExpression) and len(node.items) == len(names)
        item = node.items[index] if is_list else node  # type: ignore[union-attr]
        yield name, declared.scope.span(item) if item is not None else declared.span


def leads_somewhere(name: str, span: Span, asked: Iterable[str], found: Diagnostics) -> None:
    """`name` is something that clients may ask, or a pattern of it."""
    from ..plan.guards import Meant  # a check without keys and guards needs no plan

    if any(map(Meant((name,)).meets, asked)):
        return
    if "*" in name:
        found.warning(
            "W0430",
            f"no model is called like `{name}`",
            span,
            "matches nothing",
            help=f"known here: {', '.join(f'`{each}`' for each in list(asked)[:8])}" if asked else None,
        )
    else:
        hint = offer(found.near(name, list(asked))) or "name a deployment, a route or a pipeline"
        found.error("E0201", f"there is no model `{name}`", span, "not declared", help=hint)


def _same_secret(first: DeclaredKey, second: DeclaredKey, found: Diagnostics) -> None:
    found.error(
        "E0319",
        f"the keys `{first.name}` and `{second.name}` have the same secret",
        second.written("secret"),
        "the same secret",
        secondary=[Label(first.written("secret"), "first used here")],
        help="nobody could tell who calls: give each a secret of its own",
    )


def _reached(declared: DeclaredKey, asked: dict[str, Symbol]) -> set[str]:
    """The names of all that requests with the key may come to; of a pipeline, everything counts."""
    from ..plan.guards import Meant

    patterns = declared.key.models
    meant = Meant(patterns)
    named = [name for name in asked if meant.meets(name)]
    if not patterns or any(isinstance(asked[name].node, s.PipelineDeclaration) for name in named):
        return set(asked)

    def members(name: str) -> list[str]:
        symbol = asked[name]
        if not isinstance(symbol.node, s.RouteDeclaration):
            return []
        found = (symbol.scope.find_reference(each) for each in targets(symbol.node.route))
        return [member.name.text for member in found if member is not None]

    return closure(named, members)
