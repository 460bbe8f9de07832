"""What was found out of one declaration, with all that was looked up for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ...dsl.syntax import Declaration

if TYPE_CHECKING:
    from .findings import KeptFinding


class Named(Protocol):
    """A declaration in its file."""

    @property
    def node(self) -> Declaration: ...


class Names(Protocol):
    """What names mean in a file. used: those that something refers to."""

    used: set[str]


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


SURE, BELOW, HERE = range(3)
"""How a result may have ceased to hold: not at all; by what it needed; by its own lookups, too."""


class Result:
    """What was found out of one declaration.

    needed: for that, in this order. said: what it has to report. check: the number of the last check in which
    it was needed itself. doubt: SURE, BELOW or HERE; what needed one that is in doubt is so, too.

    Known once it is linked: about: what all lookups are about; uses: the names that they mark with the same
    answers; results: those that it needed; needed_by: those that needed it; height: how many of its kind
    needed each other in a row, this one the last.
    """

    __slots__ = (
        "about",
        "check",
        "doubt",
        "height",
        "is_lasting",
        "kind",
        "needed",
        "needed_by",
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
        self.said: list[KeptFinding] = []
        self.check = check
        self.is_lasting = True
        self.doubt = SURE
        self.about: frozenset[object] = frozenset()
        self.uses: tuple[tuple[Names, set[str]], ...] = ()
        self.results: tuple[Result, ...] = ()
        self.needed_by: set[Result] = set()
        self.height = 1

    def link(self) -> None:
        """Take apart what was needed. It does not last where that does not, or has something to say."""
        self.results = tuple({each: None for each in self.needed if isinstance(each, Result)})
        if any(each.said or not each.is_lasting for each in self.results):
            self.is_lasting = False
            return
        lookups = [each for each in self.needed if isinstance(each, Lookup)]
        self.about = frozenset(each.about for each in lookups)
        uses: dict[Names, set[str]] = {}
        for each in lookups:
            for names, name in each.uses if each.about is not UNSURE else ():
                uses.setdefault(names, set()).add(name)
        self.uses = tuple(uses.items())
        for result in self.results:
            result.needed_by.add(self)
            if result.kind is self.kind:
                self.height = max(self.height, result.height + 1)

    def put_in_doubt(self) -> None:
        """Its lookups may have other answers now."""
        waiting = [self] if self.doubt == SURE else []
        self.doubt = HERE
        for each in waiting:
            for other in each.needed_by:
                if other.doubt == SURE:
                    other.doubt = BELOW
                    waiting.append(other)
