"""What was found out of declarations, and what that depends on, so that nothing is worked out twice: neither
in one check, nor in those after it while the declarations stay as they are.

A result is kept with all that was looked up for it: names in files, and other results. It holds as long as
looking these up once more gives the same, which is not tried where it is known that none of it has changed
since the check before; the names are marked as used in either case. What had something to report is kept for
the next check only where its kind says that this depends on nothing else; it is reported again.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from ..dsl.diagnostics import Diagnostic, Diagnostics
from ..dsl.syntax import Declaration

if TYPE_CHECKING:
    from .said import Said


class Named(Protocol):
    """A declaration in its file."""

    @property
    def node(self) -> Declaration: ...


class Names(Protocol):
    """What names mean in a file. used: those that something refers to."""

    used: set[str]


_GROWS = 1.25
"""How many times as many results there may be as are needed."""

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


Use = tuple["Names", str]
"""A name that is used, and the file whose name it is."""


UNSURE = object()
"""What a lookup is about that is always tried again: it may mark other names with the same answer."""


class Lookup(NamedTuple):
    """A question, what was asked, and the answer, which is the very same as long as nothing changes.

    about: by what those that change it are known. uses: the names that asking marks as used; others only with
    another answer.
    """

    ask: Callable[..., object]
    asked: tuple[object, ...]
    answer: object
    about: object
    uses: tuple[Use, ...]


class Result:
    """What was found out of one declaration.

    needed: for that, in this order. said: what it has to report. check: the number of the last check in which
    it held. about, uses: those of all that was looked up, once it is asked whether it still holds.
    """

    __slots__ = (
        "about",
        "check",
        "is_lasting",
        "kind",
        "needed",
        "results",
        "said",
        "symbol",
        "uses",
        "value",
    )

    def __init__(self, kind: Kind, symbol: Named, check: int) -> None:
        self.kind = kind
        self.symbol = symbol
        self.value: Any = None
        self.needed: list[Lookup | Result] = []
        self.said: list[Said] = []
        self.check = check
        self.is_lasting = True
        self.about: frozenset[object] | None = None
        self.uses: dict[Names, set[str]] = {}
        self.results: list[Result] = []

    def put_together(self) -> frozenset[object]:
        """What all that was looked up is about."""
        about: set[object] = set()
        for needed in self.needed:
            if isinstance(needed, Result):
                self.results.append(needed)
                continue
            about.add(needed.about)
            for names, name in needed.uses:
                self.uses.setdefault(names, set()).add(name)
        self.about = frozenset(about)
        return self.about


class Memory:
    """The results of one file and what it imports, from one check to the next."""

    def __init__(self) -> None:
        self.scopes: dict[str, Any] = {}
        """What names mean in each file; the same objects in all checks."""
        self._changed: Set[object] | None = None
        """What lookups are about whose answers may differ from those in the check before; None: any."""
        self._has_started = True
        self._kept = 0
        self._found = Diagnostics()
        self._results: dict[tuple[Kind, int], Result] = {}
        self._open: list[Result] = []
        self._needed: list[Lookup | Result] | None = None
        """Where to write what is looked up."""
        self._depth: dict[Kind, int] = {}
        self._check = 0

    def begin(self, found: Diagnostics) -> None:
        """Begin a check, which reports to `found`; instead of the one before, where that has not started.

        What the one before did not need is forgotten, and put away when there is much of it.
        """
        self._found = found
        if not self._has_started:
            return
        self._has_started, self._changed = False, frozenset((UNSURE,))
        self._check += 1
        if len(self._results) > self._kept * _GROWS:
            self._results = {
                key: each
                for key, each in self._results.items()
                if each.is_lasting and each.check == self._check - 1
            }
            self._kept = len(self._results)

    def tell_changed(self, changed: Set[object] | None) -> None:
        """Lookups about these may have other answers than when this was told before; None: any."""
        known = self._changed
        self._changed = known | changed if known is not None and changed is not None else None

    def start(self) -> None:
        """Start the check: from now on things are looked up."""
        self._has_started = True

    def looked_up(
        self, answer: T, about: object, uses: tuple[Use, ...], ask: Callable[..., T], *asked: object
    ) -> T:
        """`answer`, on which the results that are being worked out depend."""
        if self._needed is not None:
            self._needed.append(Lookup(ask, asked, answer, about, uses))
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
        key = kind, id(symbol.node)
        if (replaced := self._results.get(key)) is not None:
            replaced.is_lasting = False
        self._results[key] = result
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
        if not result.is_lasting or result.check != self._check - 1:
            return False
        kind = result.kind
        if self._depth.get(kind, 0) >= kind.deepest:
            return False
        about = result.about if result.about is not None else result.put_together()
        is_same = self._changed is not None and about.isdisjoint(self._changed)
        if (result.results or not is_same) and not self._needed_holds(result, is_same=is_same):
            return False
        if is_same:
            for names, used in result.uses.items():
                names.used |= used
        if result.said and not self._say_again(result):
            return False
        result.check = self._check
        return True

    def _needed_holds(self, result: Result, *, is_same: bool) -> bool:
        """Whether what was needed for `result` holds. is_same: names that were looked up mean the same."""
        depth = self._depth.get(result.kind, 0)
        around, self._needed = self._needed, None
        self._depth[result.kind] = depth + 1
        try:
            if is_same:
                return all(map(self._holds, result.results))
            return all(map(self._is_same, result.needed))
        finally:
            self._depth[result.kind] = depth
            self._needed = around

    def _is_same(self, needed: Lookup | Result) -> bool:
        if isinstance(needed, Result):
            return self._holds(needed)
        return needed.ask(*needed.asked) is needed.answer

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
