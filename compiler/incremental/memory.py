"""What was found out of declarations, and what that depends on, so that nothing is worked out twice: neither
in one check, nor in those after it while the declarations stay as they are.

A result is kept with all that was looked up for it: names in files, and other results. It holds as long as
looking these up once more gives the same. That is tried only where something that was looked up, or a result
that it needed, is in doubt since a change; the names are marked as used in either case. What had something to
report is kept for the next check only where its kind says that this depends on nothing else; it is reported
again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ...dsl.diagnostics import Diagnostic, Diagnostics
from .results import HERE, SURE, UNSURE, Kind, Lookup, Named, Result, Use

_GROWS = 1.25
"""How many times as many results there may be as are needed."""

T = TypeVar("T")
N = TypeVar("N", bound=Named)


class Memory:
    """The results of one file and what it imports, from one check to the next."""

    def __init__(self) -> None:
        self.scopes: dict[str, Any] = {}
        """What names mean in each file; the same objects in all checks."""
        self._has_started = True
        self._kept = 0
        self._found = Diagnostics()
        self._results: dict[tuple[Kind, int], Result] = {}
        self._new: list[Result] = []
        """Those that are not linked."""
        self._about: dict[object, set[Result]] = {}
        """Those with lookups about each thing."""
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
        self._has_started = False
        for each in self._new:
            self._link(each)
        self._new = []
        if len(self._results) > self._kept * _GROWS:
            kept = {key: x for key, x in self._results.items() if x.is_lasting and x.check == self._check}
            for key in self._results.keys() - kept.keys():
                self._unlink(self._results[key])
            self._results, self._kept = kept, len(kept)
        self._check += 1
        self.tell_changed((UNSURE,))

    def tell_changed(self, changed: Iterable[object] | None) -> None:
        """Lookups about these may have other answers than when this was told before; None: any."""
        for about in self._about if changed is None else changed:
            for each in self._about.get(about, ()):
                each.put_in_doubt()

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
        if result is None or result.symbol is not symbol:
            return None
        if result.check != self._check and not self._holds(result):
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
            self._forget(replaced)
        self._results[key] = result
        self._new.append(result)
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
        kind = result.kind
        depth = self._depth.get(kind, 0)
        if not result.is_lasting or depth >= kind.deepest:
            return False
        is_deep = depth + result.height > kind.deepest  # unless some of those below were asked for before
        if (result.doubt or is_deep) and not self._needed_holds(result, depth):
            return False
        if result.said and not self._say_again(result):
            return False
        result.doubt = SURE
        self._use(result)
        return True

    def _use(self, result: Result) -> None:
        """It is needed in this check, and so are those below, which hold: mark what they looked up."""
        waiting, check = [result], self._check
        for each in waiting:
            if each.check != check:
                each.check = check
                for names, used in each.uses:
                    names.used |= used
                waiting += each.results

    def _needed_holds(self, result: Result, depth: int) -> bool:
        """Whether what was needed for `result` holds."""
        around, self._needed = self._needed, None
        self._depth[result.kind] = depth + 1
        try:
            if result.doubt == HERE:
                return all(map(self._is_same, result.needed))
            return all(map(self._holds, result.results))
        finally:
            self._depth[result.kind] = depth
            self._needed = around

    def _is_same(self, needed: Lookup | Result) -> bool:
        if isinstance(needed, Result):
            return self._holds(needed)
        return needed.ask(*needed.asked) is needed.answer

    def _link(self, result: Result) -> None:
        if result.is_lasting:
            result.link()
        for about in result.about:
            self._about.setdefault(about, set()).add(result)

    def _unlink(self, result: Result) -> None:
        for about in result.about:
            others = self._about[about]
            others.discard(result)
            if not others:
                del self._about[about]
        for each in result.results:
            each.needed_by.discard(result)
        result.about, result.results = frozenset(), ()

    def _forget(self, result: Result) -> None:
        """It does not last, nor does what needed it."""
        waiting = [result]
        for each in waiting:
            each.is_lasting = False
            waiting += each.needed_by
            each.needed_by = set()
            self._unlink(each)

    def _keep(self, result: Result, findings: list[Diagnostic]) -> bool:
        """Keep what was reported with what it was about; False where that is unknown."""
        from .findings import KeptFinding

        said = [KeptFinding.of(each, self.scopes) for each in findings]
        result.said = [each for each in said if each is not None]
        return len(result.said) == len(said)

    def _say_again(self, result: Result) -> bool:
        """Report what it has to report; False where what that is about is gone."""
        said = [each.again(self.scopes) for each in result.said]
        if None in said:
            return False
        self._found.items.extend(each for each in said if each is not None)
        return True
