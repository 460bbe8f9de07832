"""Prompt templates, rendered in a sandbox: values are data, and no template runs for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context
from jinja2.visitor import NodeTransformer

from ....compiler.plan.record import define
from ...requests.errors import StartError, StepFailed
from .block import Compute, Frame, Later
from .cheap_prompts import Cost, cost_of
from .values.weights import CHARACTERS, COPIED, is_light
from .workers.workers import Workers

MAX_SIZE = 4 << 20
"""Characters that a prompt, and any text on the way to it, may have."""

MAX_TURNS = 100_000
"""Turns of all loops, and calls of all macros, of one rendering together."""

MAX_SECONDS = 1.0

_UNSAFE = ("expandtabs", "translate", "format_map")
"""Methods of texts whose results may be of any length, whatever they are given."""

_TURNS = "_turns_"
_JOINED = "_joined_"
_BUDGET = "_budget_"


def prompt(template: str, variables: Mapping[str, int], workers: Workers) -> Compute:
    """Raises StartError for a template that is none, and its value StepFailed for one that fails.

    What may take long is rendered in a worker.
    """
    ready = _ready(template)
    cost = cost_of(template)
    elsewhere = workers.function("the prompt", rendering, template, is_needed=cost is Cost.ANY)
    characters = COPIED if cost is Cost.COPYING else CHARACTERS

    def compute(frame: Frame) -> Any:
        values = {name: frame[slot] for name, slot in variables.items()}
        if cost < Cost.ANY and is_light(values, characters):
            return render(ready, values)
        return Later(lambda: elsewhere(values))

    return compute


def rendering(template: str) -> Callable[[Mapping[str, Any]], str]:
    """The same as a worker calls it. Raises StartError for a template that is none."""
    ready = _ready(template)
    return lambda values: render(ready, values)


@lru_cache(256)  # each test of a file, and each plan that takes over from another, starts with the same ones
def _ready(template: str) -> Template:
    try:
        return _ENVIRONMENT.from_string(template)
    except TemplateError as error:
        raise StartError(f"a prompt cannot be read: {error.message}") from None


def render(template: Template, values: Mapping[str, Any]) -> str:
    """The text of the template. Raises StepFailed."""
    budget = _Budget()
    pieces: list[str] = []
    size = 0
    try:
        context = template.new_context({**values, _BUDGET: budget})
        for piece in template.root_render_func(context):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_SIZE:
                raise _too_long()
    except StepFailed:
        raise
    except UndefinedError as error:
        raise StepFailed(f"the prompt cannot be rendered: {error.message}") from None
    except RecursionError:
        raise StepFailed("the prompt does not end: its macros call each other, or themselves") from None
    except (
        TemplateError,
        MemoryError,
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
    ) as error:
        known = isinstance(error, SecurityError | OverflowError)  # the others may tell of contents
        said = str(error).rstrip(".") if known else type(error).__name__
        raise StepFailed(f"the prompt cannot be rendered: {said}") from None
    return "".join(pieces)


def _too_long() -> StepFailed:
    return StepFailed(f"the prompt is too long: it may have {MAX_SIZE:,} characters")


@define
class _Budget:
    """What one rendering may still do."""

    turns: int = MAX_TURNS
    until: float = 0.0

    def take(self) -> None:
        """One more turn, or call."""
        self.turns -= 1
        if self.turns < 0:
            raise StepFailed(f"the prompt does not end: its loops may have {MAX_TURNS:,} turns in all")
        if not self.turns % 256:
            now = time.perf_counter()
            self.until = self.until or now + MAX_SECONDS
            if now > self.until:
                raise StepFailed(f"the prompt takes too long: it may take {MAX_SECONDS:g} s")


class _Bounding(NodeTransformer):
    """Has loops counted, and texts that are put together measured."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, _TURNS, [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, _JOINED, [], [], None, None, lineno=node.lineno)


class _Environment(ImmutableSandboxedEnvironment):
    """No text grows without bounds, no loop runs without end, and a field goes before a method of dict."""

    intercepted_binops = frozenset(("*", "**", "%", "+"))

    def __init__(self) -> None:
        super().__init__(autoescape=False, undefined=StrictUndefined)
        del self.globals["lipsum"]
        for name in ("center", "indent", "batch", "slice", "wordwrap", "truncate", "format", "round"):
            self.filters[name] = _small_numbers(self.filters[name])
        self.filters["replace"] = _replace
        self.filters["join"] = _join
        self.filters[_TURNS] = _turns
        self.filters[_JOINED] = _joined

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed = super()._parse(source, name, filename)
        made = _Bounding().visit(parsed)
        assert isinstance(made, nodes.Template)
        return made

    concat = staticmethod(lambda pieces: _joined(pieces))

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        budget = context.parent.get(_BUDGET)
        if isinstance(budget, _Budget):
            budget.take()
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str):
            _check_numbers((*args, *kwargs.values()))
            if obj.__name__ == "replace":
                return _replace(owner, *args, **kwargs)
            if obj.__name__ == "join" and len(args) == 1:
                return _join(args[0], owner)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and not (_is_small(left) and _is_small(right, 64)):
            raise StepFailed("the prompt cannot be rendered: `**` is for small numbers")
        if operator == "%" and isinstance(left, str):
            _check_numbers(right if isinstance(right, tuple) else (right,))
        if operator == "*" and (isinstance(left, str | list) or isinstance(right, str | list)):
            length, times = (left, right) if isinstance(left, str | list) else (right, left)
            if isinstance(times, int) and len(length) * times > MAX_SIZE:
                raise _too_long()
        value = super().call_binop(context, operator, left, right)
        if isinstance(value, str) and len(value) > MAX_SIZE:
            raise _too_long()
        return value

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return super().is_safe_attribute(obj, attr, value) and not (isinstance(obj, str) and attr in _UNSAFE)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@pass_context
def _turns(context: Context, values: Iterable[Any]) -> Any:
    """`values`, each of which takes a turn of the budget."""
    budget = context.parent.get(_BUDGET)
    if not isinstance(budget, _Budget):
        return values
    return _Counted(values, budget)


class _Counted:
    """Iterates over `values`, and is as long as they are."""

    def __init__(self, values: Iterable[Any], budget: _Budget) -> None:
        self._values = values
        self._budget = budget

    def __iter__(self) -> Iterator[Any]:
        for value in self._values:
            self._budget.take()
            yield value

    def __len__(self) -> int:
        return len(self._values)  # type: ignore[arg-type]


def _joined(pieces: Iterable[Any]) -> str:
    """The texts of `pieces` as one. Raises StepFailed where it is too long."""
    texts: list[str] = []
    size = 0
    for piece in pieces:
        text = str(piece)
        size += len(text)
        if size > MAX_SIZE:
            raise _too_long()
        texts.append(text)
    return "".join(texts)


def _replace(s: Any, old: Any, new: Any, count: int | None = -1) -> str:
    """As a method of texts and as a filter. Raises StepFailed where the result is too long."""
    text, old, new = str(s), str(old), str(new)
    most = -1 if count is None else count
    times = text.count(old) if most < 0 else min(most, text.count(old))
    if len(text) + times * (len(new) - len(old)) > MAX_SIZE:
        raise _too_long()
    replaced: str = text.replace(old, new, most)
    return replaced


def _join(values: Iterable[Any], d: Any = "", attribute: str | None = None) -> str:
    """As a method of texts and as a filter."""
    parts: list[Any] = []
    for value in values:
        item = value if attribute is None else value[attribute]
        parts += (str(d), item) if parts else (item,)
    return _joined(parts)


def _small_numbers(filter: Callable[..., Any]) -> Callable[..., Any]:
    """`filter`, with no number that makes a text of any length."""

    def checked(*args: Any, **kwargs: Any) -> Any:
        _check_numbers((*args[1:], *kwargs.values()))
        return filter(*args, **kwargs)

    for name in ("jinja_pass_arg", "__name__"):
        if hasattr(filter, name):
            setattr(checked, name, getattr(filter, name))
    return checked


def _check_numbers(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, int) and not _is_small(value, MAX_SIZE):
            raise _too_long()


def _is_small(value: Any, most: int = 1_000_000) -> bool:
    return isinstance(value, int | float) and abs(value) <= most


_ENVIRONMENT = _Environment()
