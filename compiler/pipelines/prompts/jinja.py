"""Prompt templates: their variables, fields, filters and tests are checked before anything runs.

Loaded only for files with such a template, because Jinja2 is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from jinja2 import TemplateSyntaxError, nodes

from ....dsl import syntax as s
from ....dsl.diagnostics import Label, write_instead
from ....dsl.source import Span
from ....dsl.suggest import every, offer
from ...plan.types import BOOL, TEXT, ListType, RecordType, Type, TypeKind
from ...scope import VALUES
from ...typing.fit import is_jsonable
from ...typing.partial import UNKNOWN, is_text, show_type, without_optional
from ..coerce import as_json
from ..explain import origin
from ..inferrer import Inferrer
from ..typed import Mistake, PromptOf, TemplatePart, Typed
from .places import Places
from .sandbox import GIVES, MUTATING, ONE_OF, PYTHON, SAME, environment, functions

_ITSELF = "self"
"""What Jinja2 calls the template, whatever values are given."""

_FORBIDDEN: dict[type[nodes.Node], str] = {
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from",
    nodes.Extends: "extends",
}


def infer_template(inferrer: Inferrer, node: s.Prompt) -> Typed:
    """A template with the values of its variables; what is wrong in it is reported inside the text."""
    places = Places(inferrer.scope.module.source, node)
    try:
        template = environment().parse(node.template)
    except TemplateSyntaxError as error:
        inferrer.found.error(
            "E0607",
            f"this template cannot be read: {_reason(error)}",
            places.line(error.lineno),
            help="`{{ name }}` puts a value in, `{% for x in xs %}…{% endfor %}` repeats, "
            "`{% if x %}…{% endif %}` decides",
        )
        return Mistake(node, TEXT)
    except (ValueError, OverflowError):
        inferrer.error("E0607", "this template cannot be read: a number in it is too large", node)
        return Mistake(node, TEXT)
    checker = _Template(inferrer, node, places)
    checker.visit(template)
    return PromptOf(node, TEXT, node.template, checker.variables, tuple(checker.parts))


def _reason(error: TemplateSyntaxError) -> str:
    """What Jinja2 says, as the end of a sentence."""
    message = error.message or "its syntax is wrong"
    unclosed = re.search(r"innermost block that needs to be closed is '(\w+)'", message)
    if unclosed is not None:
        return f"`{{% {unclosed[1]} … %}}` is never closed with `{{% end{unclosed[1]} %}}`"
    message = message.split(". ")[0].removesuffix(".").replace("expected token", "expected").replace("'", "`")
    return f"{message[:1].lower()}{message[1:]}".replace(", got ", ", found ")


class _Template:
    """Walks a template with what its names stand for."""

    def __init__(self, inferrer: Inferrer, node: s.Prompt, places: Places) -> None:
        self.variables: dict[str, Typed] = {}
        self.parts: list[TemplatePart] = []
        self._inferrer = inferrer
        self._node = node
        self._places = places
        self._names: list[dict[str, Type]] = [{}]
        self._said: set[tuple[str, str]] = set()

    # ---- what stands there

    def visit(self, node: nodes.Node) -> Type:
        """The type of what a node gives; UNKNOWN where that may be anything."""
        match node:
            case nodes.Name():
                return self._name(node)
            case nodes.Getattr():
                return self._attribute(node)
            case nodes.Getitem():
                return self._item(node)
            case nodes.Filter():
                return self._filter(node)
            case nodes.Test():
                self._known("test", node.name, environment().tests, node.lineno, "is")
                self._all(node.iter_child_nodes())
                return BOOL
            case nodes.Call():
                self._all(node.iter_child_nodes())
                self._told([*node.args, *node.kwargs])
            case nodes.For():
                self._for(node)
            case nodes.Assign():
                self._bind(node.target, self.visit(node.node))
            case nodes.AssignBlock():
                self._all(node.body)
                self._bind(node.target, TEXT)
            case nodes.With():
                self._with(node)
            case nodes.Macro() | nodes.CallBlock():
                self._macro(node)
            case nodes.Const(value=str()):
                return TEXT
            case nodes.Include() | nodes.Import() | nodes.FromImport() | nodes.Extends():
                word = _FORBIDDEN[type(node)]
                self._error(
                    "E0607",
                    f"a prompt stands alone: `{{% {word} %}}` is not possible in it",
                    self._places.tag(word, node.lineno),
                    help="put the text into a `let`, and use it by its name",
                )
            case _:
                self._all(node.iter_child_nodes())
        return UNKNOWN

    def _all(self, inside: Iterable[nodes.Node]) -> None:
        for each in inside:
            self.visit(each)

    # ---- names

    def _name(self, node: nodes.Name) -> Type:
        for names in reversed(self._names):
            if node.name in names:
                return names[node.name]
        if node.name == _ITSELF:
            self._error(
                "E0607",
                f"`{_ITSELF}` means the template itself",
                self._places.name(node.name, node.lineno),
                "no value of yours",
                help="give the parameter or the step another name",
            )
            return UNKNOWN
        if node.name in self.variables:
            return self.variables[node.name].type
        typed = self._value(node)
        if typed is None:
            if node.name in functions():
                return UNKNOWN
            self._unknown(node)
            typed = Mistake(self._node, UNKNOWN)
        self.variables[node.name] = typed = as_json(typed)
        if not is_jsonable(typed.type) and self._inferrer.is_told(
            f"{show_type(typed.type)} cannot be put into a text", typed
        ):
            self.variables[node.name] = Mistake(self._node, UNKNOWN)
        elif not is_jsonable(typed.type):
            labels, notes = origin(self._inferrer, typed)
            self._error(
                "E0601",
                f"{show_type(typed.type)} cannot be put into a text",
                self._places.name(node.name, node.lineno),
                f"`{node.name}` is {show_type(typed.type)}",
                secondary=labels,
                notes=notes,
            )
            self.variables[node.name] = Mistake(self._node, UNKNOWN)
        return self.variables[node.name].type

    def _value(self, node: nodes.Name) -> Typed | None:
        inferrer = self._inferrer
        local = inferrer.local(node.name, self._node)
        if local is not None:
            return local
        symbol = inferrer.scope.own.get(node.name) or inferrer.scope.imported.get(node.name)
        if symbol is not None and isinstance(symbol.node, VALUES):
            inferrer.scope.find(node.name)
            return inferrer.declared(self._node, symbol)
        return Mistake(self._node, UNKNOWN) if inferrer.scope.is_lost(node.name) else None

    def _unknown(self, node: nodes.Name) -> None:
        inferrer = self._inferrer
        own = [*inferrer.local_names(), *inferrer.scope.names(*VALUES)]
        own = [name for name in own if "." not in name]
        meant = inferrer.found.near(node.name, own)
        hint = offer(meant) or (f"known here: {every(f'`{name}`' for name in own[:8])}" if own else None)
        self._error(
            "E0201",
            f"there is no value called `{node.name}`",
            self._places.name(node.name, node.lineno),
            "not declared",
            help=hint,
            meant=meant,
        )

    def _bind(self, target: nodes.Node, type: Type) -> None:
        for each in target.find_all(nodes.Name):
            self._names[-1][each.name] = type if each is target else UNKNOWN
        if isinstance(target, nodes.Name):
            self._names[-1][target.name] = type

    # ---- parts of values

    def _attribute(self, node: nodes.Getattr) -> Type:
        type = without_optional(self.visit(node.node))
        self._used(node.attr, node.lineno, type)
        return self._part(type, node.attr, node.lineno)

    def _item(self, node: nodes.Getitem) -> Type:
        type = without_optional(self.visit(node.node))
        self.visit(node.arg)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            self._used(node.arg.value, node.arg.lineno, type)
            if isinstance(type, RecordType):
                return self._field(type, node.arg.value, node.lineno)
        if isinstance(type, ListType) and not isinstance(node.arg, nodes.Slice):
            return type.element
        return TEXT if is_text(type) else UNKNOWN

    def _used(self, name: str, start: int, of: Type | None) -> None:
        """Keep where a part is named: after the dot, or in quotes."""
        place = self._node.template.find(name, start)
        if place >= 0:
            self.parts.append(TemplatePart(name, place, of))

    def _told(self, given: Iterable[nodes.Node]) -> None:
        """Keep the texts that a filter or a call is given."""
        for each in given:
            for text in each.find_all(nodes.Const):
                if isinstance(text.value, str):
                    self._used(text.value, text.lineno, None)
            if isinstance(each, nodes.Const) and isinstance(each.value, str):
                self._used(each.value, each.lineno, None)

    def _part(self, type: Type, name: str, start: int) -> Type:
        if name.startswith("_"):
            self._error(
                "E0607",
                f"the sandbox of prompts has no `{name}`",
                self._places.name(name, start, "."),
                help="names that begin with `_` belong to Python, not to values",
            )
            return UNKNOWN
        if isinstance(type, RecordType) and (name in type.fields or not hasattr(dict, name)):
            return self._field(type, name, start)
        python = PYTHON.get(type.kind)
        if type is UNKNOWN or type.kind is TypeKind.JSON or python is None:
            return UNKNOWN
        if name in MUTATING and hasattr(python, name):
            self._error(
                "E0607",
                f"values cannot be changed in a prompt: `{name}` does",
                self._places.name(name, start, "."),
            )
        elif not hasattr(python, name):
            meant = self._inferrer.found.near(name, [each for each in dir(python) if each[0] != "_"])
            self._error(
                "E0602",
                f"{show_type(type)} has no `{name}`",
                self._places.name(name, start, "."),
                "not there",
                help=offer(meant),
                meant=meant,
            )
        return UNKNOWN

    def _field(self, type: RecordType, name: str, start: int) -> Type:
        if name in type.fields:
            return type.fields[name]
        meant = self._inferrer.found.near(name, type.fields)
        listed = f"it has {every(f'`{each}`' for each in list(type.fields)[:12])}" if type.fields else None
        self._error(
            "E0602",
            f"{show_type(type)} has no field `{name}`" if type.name else f"there is no field `{name}`",
            self._places.name(name, start, "."),
            "no such field",
            help=offer(meant) or listed,
            meant=meant,
        )
        return UNKNOWN

    # ---- filters and tests

    def _filter(self, node: nodes.Filter) -> Type:
        self._known("filter", node.name, environment().filters, node.lineno, "|")
        type = without_optional(self.visit(node.node)) if node.node is not None else TEXT
        self._all([*node.args, *node.kwargs])
        self._told([*node.args, *node.kwargs])
        if node.name in ONE_OF and isinstance(type, ListType):
            return type.element
        if node.name in SAME:
            return type
        return GIVES.get(node.name, UNKNOWN)

    def _known(self, what: str, name: str, known: Iterable[str], start: int, before: str) -> None:
        if name in known:
            return
        meant = self._inferrer.found.near(name, known)
        self._error(
            "E0201",
            f"templates have no {what} `{name}`",
            self._places.name(name, start, before),
            f"unknown {what}",
            help=offer(meant),
            meant=meant,
        )

    # ---- blocks

    def _for(self, node: nodes.For) -> None:
        over = without_optional(self.visit(node.iter))
        element: Type = UNKNOWN
        if isinstance(over, ListType):
            element = over.element
        elif over.kind in (TypeKind.INT, TypeKind.FLOAT, TypeKind.BOOL):
            place = self._places.tag("for", node.lineno)
            self._error("E0601", f"`for` goes through a list, found {show_type(over)}", place)
        self._names.append({"loop": UNKNOWN})
        self._bind(node.target, element)
        if node.test is not None:
            self.visit(node.test)
        self._all(node.body)
        self._names.pop()
        self._all(node.else_)

    def _with(self, node: nodes.With) -> None:
        types = [self.visit(value) for value in node.values]
        self._names.append({})
        for target, type in zip(node.targets, types, strict=True):
            self._bind(target, type)
        self._all(node.body)
        self._names.pop()

    def _macro(self, node: nodes.Macro | nodes.CallBlock) -> None:
        self._all(node.defaults)
        if isinstance(node, nodes.Macro):
            self._names[-1][node.name] = UNKNOWN
        else:
            self.visit(node.call)
        self._names.append({"caller": UNKNOWN, "varargs": UNKNOWN, "kwargs": UNKNOWN})
        for argument in node.args:
            self._bind(argument, UNKNOWN)
        self._all(node.body)
        self._names.pop()

    # ---- reports

    def _error(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        help: str | None = None,
        meant: list[str] | None = None,
        secondary: Iterable[Label] = (),
        notes: Iterable[str] = (),
    ) -> None:
        """Report once; one near match is offered as a change where its place in the text is known."""
        if (code, message) in self._said:
            return
        self._said.add((code, message))
        fixes = write_instead(span, meant or []) if self._places.exact(span) else []
        self._inferrer.found.error(
            code,
            message,
            span,
            label,
            secondary=secondary,
            notes=notes,
            fixes=fixes,
            help=None if fixes else help,
        )
