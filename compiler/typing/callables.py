"""What can be called: what it takes, and what it gives for that."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...dsl.kinds import TaskKind
from ...dsl.record import frozen
from ..plan.capabilities import UNKNOWN as NOT_KNOWN, Capabilities
from ..plan.types import ListType, Type
from ..scope import Symbol
from .fit import Binding, sizes_in


@frozen(eq=False, repr=False)
class Parameter:
    """One parameter of a call. types: an argument may have any of these."""

    name: str
    types: tuple[Type, ...]
    required: bool = True


ResultOf = Callable[[Mapping[str, Type], Binding], Type]
"""The type of the result, found from the types of the arguments by name."""


@frozen(eq=False, repr=False)
class Callee:
    """A deployment, a route, a pipeline or an extern.

    task: what a deployment or a route does, None for all others. positional: how many arguments may stand
    without a name. why: what no `.infer` file shows about the types, as the end of a sentence.
    """

    symbol: Symbol
    task: TaskKind | None
    parameters: tuple[Parameter, ...]
    result: ResultOf
    positional: int
    why: str | None = None
    choices: tuple[str, ...] = ()
    """Parameters of which exactly one must be given."""
    is_wildcard: bool = False
    """Whether clients must say which model they mean."""
    can: Capabilities = NOT_KNOWN
    """What the model of a deployment can do; nothing is known of all others."""

    @property
    def name(self) -> str:
        return self.symbol.name.text

    @property
    def kind(self) -> str:
        return self.symbol.kind

    @property
    def chats(self) -> bool:
        """Whether it answers messages with text."""
        return self.task is TaskKind.CHAT or self.task is TaskKind.GENERATE


def constant(type: Type) -> ResultOf:
    """Always the same type, with sizes named as the callee names them."""
    if not sizes_in([type]):
        return lambda _, __: type
    return lambda _, binding: binding.given(type)


def per_item(one: Type, many: Type) -> ResultOf:
    """`many` when the argument `input` is a list, else `one`."""
    return lambda given, _: many if isinstance(given.get("input"), ListType) else one
