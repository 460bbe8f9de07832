"""`world { … }` → how each provider behaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import evolve, field

from ...dsl import syntax as s
from ...dsl.diagnostics import Label
from ...dsl.record import define
from ...dsl.suggest import did_you_mean, every
from ...dsl.units import Duration, Percent
from ..plan.scenarios import AnswerPlan, FailurePlan, ProviderPlan
from ..scope import Symbol
from .values import Values, word
from .words import FAULTS, SETTINGS, VERBS

Find = Callable[[s.Expression], "Symbol | None"]
"""The deployment that a name stands for; reported where there is none."""


@define
class _Said:
    """What was said of one deployment, and where."""

    plan: ProviderPlan
    settings: dict[str, s.Node] = field(factory=dict)
    failures: list[tuple[FailurePlan, s.Phrase]] = field(factory=list)


class WorldReader:
    """Reads all worlds of one test. is_local: whether a deployment runs on this machine."""

    def __init__(
        self,
        values: Values,
        find: Find,
        is_local: Callable[[Symbol], bool],
        has_provider: Callable[[Symbol], bool],
    ) -> None:
        self._values = values
        self._find = find
        self._is_local = is_local
        self._has_provider = has_provider
        self._said: dict[str, _Said] = {}

    def read(self, scene: s.Scene) -> None:
        """Take in one `world`."""
        for phrase in scene.phrases:
            if not isinstance(phrase.subject, s.Reference | s.Member):
                self._values.wrong(
                    phrase.subject, "a world says who does something", help=f"write `gpt {_FORMS[1:]}"
                )
                continue
            symbol = self._find(phrase.subject)
            if symbol is None:
                continue
            name = symbol.name.text
            said = self._said.setdefault(name, _Said(ProviderPlan(name)))
            if phrase.value is not None:
                self._values.wrong(phrase, f"what happens to `{name}` is no value", help=f"write {_FORMS}")
            elif phrase.phrases is not None:
                for each in phrase.phrases:
                    self._setting(each, said)
                    if word(each.subject) == "service" and self._has_provider(symbol):
                        self._values.wrong(
                            each,
                            f"`{name}` has no `service`: its answers begin, and go on",
                            help="say `first_token` and `rate` of a provider",
                        )
            else:
                self._event(phrase, said, symbol)

    def world(self) -> dict[str, ProviderPlan]:
        """How all of them behave, with what is said of each once."""
        world = {}
        for name, said in self._said.items():
            self._check_overlaps(said)
            failures = tuple(each for each, _ in said.failures)
            world[name] = evolve(said.plan, failures=failures)
            if said.plan.real and (failures or said.plan.answers or "service" in said.settings):
                node = said.settings["with"]
                self._contradicts(node, f"`{name}` runs for real, and a world cannot say what it does", None)
        return world

    def check_times(self, end: float) -> None:
        """What begins after the `end` of the test never happens."""
        for said in self._said.values():
            for failure, phrase in said.failures:
                if failure.start > end:
                    self._values.found.error(
                        "E0703",
                        f"`{said.plan.deployment}` never fails like that: the test is over before",
                        self._values.scope.span(phrase),
                        "too late",
                        help="let it begin earlier, or ask for longer",
                    )

    # ---- settings

    def _setting(self, phrase: s.Phrase, said: _Said) -> None:
        name = word(phrase.subject)
        if name not in SETTINGS:
            known = every(f"`{each}`" for each in SETTINGS)
            told = (
                did_you_mean(name or "", SETTINGS)
                or f"a world says {known}; {_FORMS} stands outside the braces"
            )
            self._values.unknown(phrase.subject, f"no provider has a setting `{name or '…'}`", told)
            return
        if phrase.value is None or phrase.phrases is not None:
            self._values.wrong(phrase, f"`{name}` has no value", help=SETTINGS[name])
            return
        if not self._once(name, phrase, said):
            return
        value = self._setting_value(name, phrase.value, phrase.words)
        if value is not None:
            said.plan = evolve(said.plan, **{name: value})

    def _setting_value(self, name: str, node: s.Expression, words: tuple[s.Expression, ...]) -> Any:
        what = f"`{name}`"
        if name in ("first_token", "service"):
            return self._values.spread(node, words, what)
        if name == "rate":
            return self._values.rate(node, words, what)
        return counted(self._values, node, words, what)

    def _once(self, name: str, node: s.Node, said: _Said) -> bool:
        first = said.settings.setdefault(name, node)
        if first is not node:
            self._contradicts(node, f"`{name}` of `{said.plan.deployment}` is said twice", first)
        return first is node

    # ---- what happens

    def _event(self, phrase: s.Phrase, said: _Said, symbol: Symbol) -> None:
        verb = word(phrase.words[0]) if phrase.words else None
        if verb not in VERBS:
            told = did_you_mean(verb or "", VERBS) or f"write {_FORMS}"
            place = phrase.words[0] if phrase.words else phrase
            self._values.unknown(place, f"a world does not say what `{symbol.name.text}` does", told)
            return
        rest = phrase.words[1:]
        if verb == "with":
            self._real(rest, phrase, said, symbol)
        elif verb == "answers":
            self._answers(rest, phrase, said)
        else:
            self._fails(rest, phrase, said)

    def _real(self, rest: tuple[s.Expression, ...], phrase: s.Phrase, said: _Said, symbol: Symbol) -> None:
        if word(rest[0]) != "real":
            self._values.unknown(rest[0], "a world says `with real`, and nothing else", None)
        elif not self._is_local(symbol):
            message = f"`{symbol.name.text}` does not run on this machine: no test calls a provider"
            self._values.wrong(phrase, message, help="leave it out: its provider is played")
        elif self._once("with", phrase, said):
            said.plan = evolve(said.plan, real=True)

    def _answers(self, rest: tuple[s.Expression, ...], phrase: s.Phrase, said: _Said) -> None:
        text = rest[0] if rest else None
        if not (isinstance(text, s.Reference) and text.quoted):
            self._values.wrong(text or phrase, "what is answered is a text in quotes", help=VERBS["answers"])
            return
        times = None
        if len(rest) > 1:
            times = self._values.number(rest[1], "how often it is answered")
            if len(rest) != 3 or word(rest[2]) != "times":
                self._values.wrong(rest[-1], "what is answered so often is said like `2 times`")
        said.plan = evolve(said.plan, answers=(*said.plan.answers, AnswerPlan(text.name, times)))

    def _fails(self, rest: tuple[s.Expression, ...], phrase: s.Phrase, said: _Said) -> None:
        failure = self._how(rest[0] if rest else None, phrase)
        if failure is None:
            return
        changes: dict[str, Any] = {}
        words = list(rest[1:])
        while words:
            failed = self._modifier(words, changes)
            if failed:
                return
        said.failures.append((evolve(failure, **changes), phrase))

    def _how(self, node: s.Expression | None, phrase: s.Phrase) -> FailurePlan | None:
        if isinstance(node, s.Number):
            if type(node.value) is int and 400 <= node.value <= 599:
                return FailurePlan("status", node.value)
            self._values.wrong(node, "a status of an error is a number from 400 to 599", help=VERBS["fails"])
            return None
        name = word(node)
        if name in FAULTS:
            return FailurePlan(name)
        told = (
            did_you_mean(name or "", FAULTS)
            or f"a status, such as `503`, or {every(f'`{f}`' for f in FAULTS)}"
        )
        self._values.unknown(node or phrase, "this is no failure that can be played", told)
        return None

    def _modifier(self, words: list[s.Expression], changes: dict[str, Any]) -> bool:
        """Take one modifier off `words`; whether it was wrong, which is reported."""
        first = words.pop(0)
        name, value = word(first), None
        if isinstance(first, s.Number):
            if isinstance(first.value, Percent):
                share = self._values.share(first)
                return share is None or self._put("share", share, first, changes)
            if isinstance(first.value, Duration):
                self._values.wrong(
                    first, "how long it fails stands behind `for`", help=f"write `for {first.value}`"
                )
                return True
            value = self._values.number(first, "how often it fails")
            if value is not None and word(words[0] if words else None) == "times":
                words.pop(0)
                return self._put("times", value, first, changes)
            if value is not None:
                self._values.wrong(first, "a number says what it counts", help=VERBS["fails"])
            return True
        field_of = {
            "for": "seconds",
            "at": "start",
            "from": "start",
            "retry_after": "retry_after",
            "after": "after",
        }
        if name not in field_of:
            self._values.unknown(first, "no failure has such a property", VERBS["fails"])
            return True
        if not words:
            self._values.wrong(first, f"`{name}` says nothing", help=VERBS["fails"])
            return True
        node = words.pop(0)
        if name == "after":
            read: float | None = self._values.number(node, "the pieces before it", 0)
        else:
            read = self._values.duration(node, f"`{name}`", may_be_zero=name != "for")
        return read is None or self._put(field_of[name], read, first, changes)

    def _put(self, name: str, value: object, node: s.Node, changes: dict[str, Any]) -> bool:
        if name in changes:
            self._contradicts(node, "this is said twice of one failure", None)
            return True
        changes[name] = value
        return False

    # ---- contradictions

    def _check_overlaps(self, said: _Said) -> None:
        """Of two failures that hold always at the same time, one can never happen."""
        always = [(f, p) for f, p in said.failures if f.share == 1.0 and f.times is None]
        for index, (later, phrase) in enumerate(always):
            for earlier, before in always[:index]:
                same = (earlier.what, earlier.status) == (later.what, later.status)
                if not same and earlier.start < later.end and later.start < earlier.end:
                    message = f"`{said.plan.deployment}` cannot fail in two ways at the same time"
                    self._contradicts(phrase, message, before)
                    return

    def _contradicts(self, node: s.Node, message: str, first: s.Node | None) -> None:
        scope = self._values.scope
        secondary = [Label(scope.span(first), "first said here")] if first is not None else []
        self._values.found.error(
            "E0703",
            message,
            scope.span(node),
            "contradicts the rest",
            secondary=secondary,
            help="leave one of them out",
        )


_FORMS = '`fails 503 for 10m`, `answers "text"` or `{ first_token = 300ms }`'


def counted(values: Values, node: s.Expression, words: Iterable[s.Expression], what: str) -> int | None:
    """`500`, or `500 tokens`."""
    for each in words:
        if word(each) != "tokens":
            values.wrong(each, f"{what} is a number", help="write it like `500 tokens`")
            return None
    return values.number(node, what)
