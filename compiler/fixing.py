"""The safe fixes of a file, made only where a check of the fixed text shows that they help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from attrs import field

from ..dsl.diagnostics import Diagnostic, Edit, Severity
from ..dsl.record import define, frozen
from .modules import key_of

Check = Callable[[str], Sequence[Diagnostic]]
"""The findings of the file if this were its text, with those of the files that it imports."""

_ROUNDS = 10
"""A fix may uncover the next mistake; more rounds than this are going in circles."""

_MOST_CHECKS = 200
_SYNTAX = "E01"


@frozen
class Fixed:
    """A text with its fixes. left: how many safe ones were not made, since they do not help."""

    text: str
    made: int
    left: int


def make_safe_fixes(text: str, key: str, check: Check) -> Fixed:
    """Make the safe fixes of the file called `key` (as `key_of` says), whose text is `text`.

    One is made when its finding is gone afterwards, and no other is new; after a mistake in how something is
    written, which hid what is wrong there, none of that kind. A second time, there is nothing more to make.
    """
    fixer = _Fixer(key, check)
    while (better := fixer.improve(text)) is not None:
        text = better
    return Fixed(text, fixer.made, fixer.left)


@frozen
class _Choice:
    """A finding, and the fix of it that is safe."""

    finding: Diagnostic
    edits: tuple[Edit, ...]


@frozen
class _Outcome:
    """A text after fixes, how many they were, and its findings."""

    text: str
    made: int
    found: Counter[tuple[str, str]]


@define
class _Fixer:
    key: str
    check: Check
    made: int = 0
    left: int = 0
    _refused: set[tuple[str, str]] = field(factory=set)
    """The findings whose fixes do not help."""
    _checks: int = 0

    def improve(self, text: str) -> str | None:
        """The text with more fixes, those of how it is written first; None when there are no more."""
        found = self._found(text)
        before = _count(found)
        safe = self._choices(found)
        choices = [each for each in safe if _identity(each.finding) not in self._refused]
        self.left = len(safe) - len(choices)
        first = [each for each in choices if each.finding.code.startswith(_SYNTAX)] or choices
        best = _Outcome(text, 0, before)
        chosen: list[_Choice] = []
        waiting = [first] if first else []
        while waiting:
            group = waiting.pop()
            outcome = self._outcome(text, [*chosen, *group], before)
            if outcome is not None:
                best, chosen = outcome, [*chosen, *group]
            elif len(group) == 1:
                self._refused.add(_identity(group[0].finding))
            else:
                waiting += [group[len(group) // 2 :], group[: len(group) // 2]]
        self.made += best.made
        if chosen:
            self._refused.clear()  # in the better text they may help
            return best.text
        return text if first else None

    def _outcome(
        self, text: str, choices: list[_Choice], before: Counter[tuple[str, str]]
    ) -> _Outcome | None:
        """What these fixes lead to, with those of what they uncover; None when it is no better."""
        fixed = Counter(_identity(each.finding) for each in choices)
        reads_more = any(each.finding.code.startswith(_SYNTAX) for each in choices)
        made = 0
        for _ in range(_ROUNDS):
            if self._checks >= _MOST_CHECKS:
                return None
            text, made = _applied(text, choices), made + len(choices)
            found = self._found(text)
            after = _count(found)
            more = after - (before - fixed)
            choices = [each for each in self._choices(found) if _identity(each.finding) in more]
            if not choices:
                new = [code for code, _ in after - before if not reads_more or code.startswith(_SYNTAX)]
                is_gone = all(after[finding] <= before[finding] - times for finding, times in fixed.items())
                return _Outcome(text, made, after) if is_gone and not new else None
        return None

    def _found(self, text: str) -> Sequence[Diagnostic]:
        self._checks += 1
        return self.check(text)

    def _choices(self, found: Iterable[Diagnostic]) -> list[_Choice]:
        """The safe fixes inside of the file, none over another."""
        choices: list[_Choice] = []
        end = -1
        for choice in sorted(self._safe(found), key=_start):
            if _start(choice) > end:
                choices.append(choice)
                end = max(edit.span.end for edit in choice.edits)
        return choices

    def _safe(self, found: Iterable[Diagnostic]) -> Iterable[_Choice]:
        for finding in found:
            edits = next((fix.edits for fix in finding.fixes if fix.safe), ())
            if edits and all(key_of(edit.span.source) == self.key for edit in edits):
                yield _Choice(finding, edits)


def _identity(finding: Diagnostic) -> tuple[str, str]:
    """What stays the same when other places of the file change."""
    return (finding.code, finding.message)


def _count(found: Iterable[Diagnostic]) -> Counter[tuple[str, str]]:
    return Counter(_identity(each) for each in found if each.severity is not Severity.NOTE)


def _start(choice: _Choice) -> int:
    return min(edit.span.start for edit in choice.edits)


def _applied(text: str, choices: Iterable[_Choice]) -> str:
    edits = sorted((edit for each in choices for edit in each.edits), key=lambda edit: edit.span.start)
    for edit in reversed(edits):
        text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
    return text
