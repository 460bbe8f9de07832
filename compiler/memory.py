"""What was found out of declarations, and what that depends on, so that nothing is worked out twice: neither
in one check, nor in those after it while the declarations stay as they are.

A result is kept with all that was looked up for it: names in files, and other results. It holds as long as
looking these up once more gives the same; doing so also marks the names as used. What had something to report
is kept for the next check only where its kind says that this depends on nothing else; it is reported again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..dsl.diagnostics import Diagnostic, Diagnostics
from ..dsl.syntax import Declaration

if TYPE_CHECKING:
    from .said import Said


class Named(Protocol):
    """A declaration in its file."""

    @property
    def node(self) -> Declaration: ...


T = TypeVar("T")
N = TypeVar("N", bound=Named)


class Kind:
    """What is found out of a declaration.

    deepest: how many of one kind may need each other in a row. says_again: whether what it has to report,
    too, depends on nothing but what was looked up.
    """

    __slots__ = ("deepest", "name", "says_again")

    def __init__(self, name: str, deepest: int = 1 << 30, *, says_again: bool = False) -> None:
        self.name = name
        self.deepest = deepest
        self.says_again = says_again


Lookup = tuple[Callable[..., object], tuple[object, ...], object]
"""A question, what was asked, and the answer, which is the very same as long as nothing changes."""


class Result:
    """What was found out of one declaration.

    needed: for that, in this order. said: what it has to report. check: the number of the last check in which
    it held.
    """

    __slots__ = ("check", "is_lasting", "kind", "needed", "said", "symbol", "value")

    def __init__(self, kind: Kind, symbol: Named, check: int) -> None:
        self.kind = kind
        self.symbol = symbol
        self.value: Any = None
        self.needed: list[Lookup | Result] = []
        self.said: list[Said] = []
        self.check = check
        self.is_lasting = True


class Memory:
    """The results of one file and what it imports, from one check to the next."""

    def __init__(self) -> None:
        self.scopes: dict[str, Any] = {}
        """What names mean in each file; the same objects in all checks."""
        self._found = Diagnostics()
        self._results: dict[tuple[Kind, int], Result] = {}
        self._open: list[Result] = []
        self._needed: list[Lookup | Result] | None = None
        """Where to write what is looked up."""
        self._depth: dict[Kind, int] = {}
        self._check = 0

    def begin(self, found: Diagnostics) -> None:
        """Begin a check, which reports to `found`. What the one before did not need is forgotten."""
        self._results = {
            key: each for key, each in self._results.items() if each.is_lasting and each.check == self._check
        }
        self._found = found
        self._check += 1

    def looked_up(self, answer: T, ask: Callable[..., T], *asked: object) -> T:
        """`answer`, on which the results that are being worked out depend."""
        if self._needed is not None:
            self._needed.append((ask, asked, answer))
        return answer

    def known(self, kind: Kind, symbol: Named) -> Result | None:
        """What was found out before, if it still holds."""
        result = self._results.get((kind, id(symbol.node)))
        if result is None or result.symbol is not symbol or not self._holds(result):
            return None
        if self._needed is not None:
            self._needed.append(result)
        return result

    def work_out(self, kind: Kind, symbol: N, compute: Callable[[N], T]) -> T:
        """What `compute` gives, kept with all that it needed."""
        result = Result(kind, symbol, self._check)
        reported = len(self._found.items)
        around, self._needed = self._needed, result.needed
        self._open.append(result)
        self._depth[kind] = self.depth(kind) + 1
        try:
            value = result.value = compute(symbol)
        finally:
            self._depth[kind] -= 1
            self._open.pop()
            self._needed = around
        if (said := self._found.items[reported:]) and result.is_lasting:
            result.is_lasting = kind.says_again and self._keep(result, said)
        self._results[kind, id(symbol.node)] = result
        if around is not None:
            around.append(result)
        return value

    def of(self, kind: Kind, symbol: N, compute: Callable[[N], T]) -> T:
        """What is known, or what `compute` gives."""
        result = self.known(kind, symbol)
        return result.value if result is not None else self.work_out(kind, symbol, compute)

    def depth(self, kind: Kind) -> int:
        """How many results of a kind are being worked out, each for the one before it."""
        return self._depth.get(kind, 0)

    def circle(self, kind: Kind, symbol: N) -> list[N]:
        """`symbol` and those for which it is needed, where it is being worked out itself; else nothing."""
        running: list[Any] = [result.symbol for result in self._open if result.kind is kind]
        first = next((index for index, each in enumerate(running) if each.node is symbol.node), len(running))
        return running[first:]

    def never_again(self) -> None:
        """What is being worked out now holds in this check alone."""
        if self._open:
            self._open[-1].is_lasting = False

    def _holds(self, result: Result) -> bool:
        if result.check == self._check:
            return True
        kind, key = result.kind, (result.kind, id(result.symbol.node))
        depth = self.depth(kind)
        if not result.is_lasting or self._results.get(key) is not result or depth >= kind.deepest:
            return False
        around, self._needed = self._needed, None
        self._depth[kind] = depth + 1
        try:
            for needed in result.needed:
                if isinstance(needed, Result):
                    if not self._holds(needed):
                        return False
                elif needed[0](*needed[1]) is not needed[2]:
                    return False
        finally:
            self._depth[kind] = depth
            self._needed = around
        if result.said and not self._say_again(result):
            return False
        result.check = self._check
        return True

    def _keep(self, result: Result, findings: list[Diagnostic]) -> bool:
        """Keep what was reported with what it was about; False where that is unknown."""
        from .said import Said

        said = [Said.of(each, self.scopes) for each in findings]
        result.said = [each for each in said if each is not None]
        return len(result.said) == len(said)

    def _say_again(self, result: Result) -> bool:
        """Report what it has to report; False where what that is about is gone."""
        said = [each.again(self.scopes) for each in result.said]
        if None in said:
            return False
        self._found.items.extend(each for each in said if each is not None)
        return True
