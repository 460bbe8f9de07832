"""Expressions of a pipeline → typed tree. What takes more than a few lines stands in a module of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...dsl import syntax as s
from ...dsl.diagnostics import Label, write_instead
from ...dsl.foreign_words import foreign_word
from ...dsl.suggest import offer
from ..plan.types import BOOL, ListType, TensorType, Type
from ..scope import VALUES
from ..typing.fit import common
from ..typing.partial import NOTHING, UNKNOWN, is_known, show_type
from . import calls, fields, indexing, matches, operators, options, texts
from .builtins.tensors import item_of
from .explain import common_type, expect, mismatch
from .inferrer import Inferrer
from .prompts import prompt as prompts
from .typed import BuiltinCall, Constant, IfOf, ListOf, MapOf, Mistake, Typed, Variable

LIMIT = 16
"""How many values of a list are worked on at the same time, unless a file says so."""


class ExpressionInferrer(Inferrer):
    """Knows every kind of expression."""

    def infer(self, node: s.Expression) -> Typed:
        return _INFER[type(node)](self, node)

    # ---- names and literals

    def _reference(self, node: s.Reference) -> Typed:
        local = self.local(node.name, node)
        if local is not None:
            return local
        symbol = self.scope.find(node.name)
        if symbol is not None:
            return self.declared(node, symbol)
        if self.scope.is_lost(node.name):
            return Mistake(node, UNKNOWN)
        return self._unknown(node)

    def _unknown(self, node: s.Reference) -> Typed:
        names: list[str] = []
        if not self.found.is_long:
            names = [*self.local_names(), *self.scope.names(*VALUES)]
        meant = self.found.near(node.name, names)
        span = self.scope.span(node)
        fixes = write_instead(span, meant)
        hint = None if fixes else offer(meant)
        if not fixes and hint is None and not self.found.is_long:
            known = ", ".join(f"`{name}`" for name in names[:8])
            hint = f"known here: {known}" if known else "bind it with a step: `name = …`"
        if foreign_word("values", node.name) is not None:
            hint, fixes = 'a value that may be missing has an `else`: `x else "…"`', []
        self.found.error(
            "E0201", f"there is no value called `{node.name}`", span, "not declared", help=hint, fixes=fixes
        )
        return Mistake(node, UNKNOWN)

    def taken(self, name: s.Identifier) -> bool:
        """Report a name that means something already."""
        bound = self.where_bound(name.text)
        if bound is not None:
            node, what = bound
            self.error(
                "E0202",
                f"`{name.text}` is {what} already",
                name,
                "bound again here",
                secondary=[Label(self.scope.span(node), "first bound here")],
                help="give it another name: each name is bound once",
            )
            return True
        symbol = self.scope.own.get(name.text) or self.scope.imported.get(name.text)
        if symbol is not None or name.text in self.scope.aliases:
            what = f"the name of a {symbol.kind}" if symbol is not None else "the name of an imported file"
            self.error(
                "E0202",
                f"`{name.text}` is {what} already",
                name,
                "bound again here",
                secondary=[Label(symbol.span, "first declared here")] if symbol is not None else (),
                help="give it another name: inside a pipeline, too, a name means one thing",
            )
            return True
        return False

    def _number(self, node: s.Number) -> Typed:
        return self.constant(node, node.value)

    def _boolean(self, node: s.Boolean) -> Typed:
        return Constant(node, BOOL, node.value)

    def _bad(self, node: s.Expression) -> Typed:
        return Mistake(node, UNKNOWN)

    def _group(self, node: s.Group) -> Typed:
        return self.infer(node.inner)

    # ---- lists, conditions, loops

    def _list(self, node: s.ListExpression) -> Typed:
        items = tuple(map(self.infer, node.items))
        element: Type = NOTHING
        for item in items:
            both = common(element, item.type)
            if both is None:
                others = next(each for each in items if common(each.type, item.type) is None)
                mismatch(
                    self,
                    item,
                    (),
                    f"all values of a list have one type: the first is {show_type(others.type)}, "
                    f"this one {show_type(item.type)}",
                    beside=[Label(self.scope.span(others.node), show_type(others.type))],
                )
                return Mistake(node, UNKNOWN)
            element = both
        return ListOf(node, ListType(element=element) if element is not UNKNOWN else UNKNOWN, items)

    def _if(self, node: s.IfElse) -> Typed:
        condition = self.infer(node.condition)
        expect(self, condition, BOOL, "a condition is true or false")
        then, otherwise = self.infer(node.then), self.infer(node.otherwise)
        type = common_type(self, then, otherwise, "both sides of an `if`")
        return IfOf(node, type, condition, then, otherwise)

    def _comprehension(self, node: s.Comprehension) -> Typed:
        over = self.infer(node.iterable)
        element: Type = UNKNOWN
        if isinstance(over.type, TensorType) and over.type.shape != ():
            over = BuiltinCall(over.node, ListType(element=item_of(over.type)), "unstack", (over,), {})
        if isinstance(over.type, ListType):
            element = over.type.element
        elif is_known(over.type):
            mismatch(
                self, over, (), f"`for … in` goes through a list or a tensor, found {show_type(over.type)}"
            )
        name = node.variable
        variable = Variable(name, element)
        self.taken(name)
        hidden = self.variables.get(name.text)
        self.variables[name.text] = variable
        try:
            each = self.infer(node.element)
        finally:
            if hidden is not None:
                self.variables[name.text] = hidden
            else:
                del self.variables[name.text]
        type = ListType(element=each.type) if is_known(each.type) else UNKNOWN
        return MapOf(node, type, over, variable, each, LIMIT)

    def _named_argument(self, node: s.NamedArgument) -> Typed:
        return self.infer(node.value)


_INFER: dict[type, Callable[[ExpressionInferrer, Any], Typed]] = {
    s.Reference: ExpressionInferrer._reference,
    s.Number: ExpressionInferrer._number,
    s.Boolean: ExpressionInferrer._boolean,
    s.Bad: ExpressionInferrer._bad,
    s.Group: ExpressionInferrer._group,
    s.Text: texts.infer_text,
    s.Member: fields.infer_member,
    s.Index: indexing.infer_index,
    s.CallExpression: calls.infer_call,
    s.NamedArgument: ExpressionInferrer._named_argument,
    s.ListExpression: ExpressionInferrer._list,
    s.Comprehension: ExpressionInferrer._comprehension,
    s.Unary: operators.infer_unary,
    s.Binary: operators.infer_binary,
    s.WithOptions: options.infer_with,
    s.AsType: calls.infer_as,
    s.Prompt: prompts.infer_prompt,
    s.Match: matches.infer_match,
    s.IfElse: ExpressionInferrer._if,
}
