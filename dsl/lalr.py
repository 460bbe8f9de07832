"""The parser as it stands: a stack of states that the tables of the grammar move on, token by token."""

from __future__ import annotations

from typing import Any

from ..grammar import Rule, Tables
from .tokens import Token

_END = "$END"


class ParserState:
    """What was read (`values`), and the states of the parser behind each of it, after the first one."""

    __slots__ = ("_builds", "_end", "states", "table", "values")

    def __init__(self, tables: Tables, builder: object) -> None:
        """builder: has a method for each callback of the rules."""
        self.table = tables.states
        self._end = tables.end
        self._builds = {rule: getattr(builder, rule.callback) for rule in tables.rules}
        self.states = [tables.start]
        self.values: list[Any] = []

    def take(self, token: Token) -> bool:
        """Read `token`, if it fits; what can be put together before it is so in any case."""
        table, states, values = self.table, self.states, self.values
        kind = token.type
        while True:
            action = table[states[-1]].get(kind)
            if type(action) is int:
                states.append(action)
                values.append(token)
                return True
            if action is None:
                return False
            if action.passes:
                states[-1] = table[states[-2]][action.origin]
            else:
                self.reduce(action)

    def reduce(self, rule: Rule) -> None:
        """Put together what `rule` consists of."""
        states, values, size = self.states, self.values, rule.size
        if size:
            children = values[-size:]
            del states[-size:], values[-size:]
        else:
            children = []
        values.append(self._builds[rule](children))
        states.append(self.table[states[-1]][rule.origin])

    def finish(self) -> Any:
        """What the whole text is; None if something is still open."""
        while self.states[-1] != self._end:
            rule = self.table[self.states[-1]].get(_END)
            if rule is None:
                return None
            self.reduce(rule)
        return self.values[-1]

    def fits(self, *kinds: str) -> bool:
        """Whether tokens of these kinds could be read, one after the other."""
        table, states = self.table, list(self.states)
        for kind in kinds:
            while kind != _END or states[-1] != self._end:
                action = table[states[-1]].get(kind)
                if action is None:
                    return False
                if type(action) is int:
                    states.append(action)
                    break
                del states[len(states) - action.size :]
                states.append(table[states[-1]][action.origin])
        return True

    def what_fits(self) -> set[str]:
        """The kinds of tokens that could be read next."""
        return {kind for kind in self.table[self.states[-1]] if kind.isupper() and self.fits(kind)}
