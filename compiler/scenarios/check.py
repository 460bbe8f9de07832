"""`test "…" { … }` → a scenario to be played; what cannot be played or cannot hold is reported."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from ...dsl import syntax as s
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.kinds import RuntimeKind, TaskKind, TransportKind
from ...dsl.record import frozen
from ...dsl.suggest import did_you_mean, every
from ...dsl.values import describe
from ..evaluation.evaluate import Evaluator
from ..evaluation.unknown import UNKNOWN
from ..plan.scenarios import (
    AskPlan,
    ExpectPlan,
    LoadPlan,
    Scenario,
    Shape,
    Step,
    TrafficPlan,
    WaitPlan,
)
from ..scope import ANSWERING, Scope, Symbol, report_unknown
from .arguments import arguments_of
from .expectations import ExpectationReader
from .reach import reach_of
from .values import Values, word
from .words import ASK_OPTIONS, LOAD_SETTINGS, STATEMENTS, Of, Takes
from .worlds import WorldReader, counted

_MOST_REQUESTS = 100_000
"""Requests of one `ask`; a `load` may have any number."""


@frozen(eq=False, repr=False)
class DeclaredTest:
    """A test, and the statement of each of its steps."""

    node: s.TestDeclaration
    scope: Scope
    scenario: Scenario
    statements: tuple[s.Statement | s.Ask | s.Scene, ...]


class ScenarioChecker:
    """deployments: by the id of their node. keys: of the gateway, by name."""

    def __init__(
        self,
        found: Diagnostics,
        evaluator: Evaluator,
        deployments: dict[int, Deployment],
        keys: Iterable[str],
    ) -> None:
        self._found = found
        self._evaluator = evaluator
        self._deployments = deployments
        self._keys = tuple(keys)

    def check(self, scope: Scope) -> list[DeclaredTest]:
        """The tests of one file, those that are right."""
        tests: list[DeclaredTest] = []
        titles: dict[str, s.TestDeclaration] = {}
        for node in scope.module.each(s.TestDeclaration):
            first = titles.setdefault(node.name.text, node)
            if first is not node:
                self._twice(scope, node, first)
            before = len(self._found.items)
            test = _Reader(self, scope, node).test()
            if not any(item.is_error for item in islice(self._found.items, before, None)):
                tests.append(test)
        return tests

    def _twice(self, scope: Scope, node: s.TestDeclaration, first: s.TestDeclaration) -> None:
        self._found.error(
            "E0202",
            f"a test `{node.name.text}` is there already",
            scope.span(node.name),
            "declared again here",
            secondary=[Label(scope.span(first.name), "first declared here")],
            help="give it another title",
        )

    def is_local(self, symbol: Symbol) -> bool:
        """Whether a deployment runs on this machine."""
        deployment = self._deployments.get(id(symbol.node))
        return deployment is not None and deployment.effective_runtime.transport is TransportKind.LOCAL

    def has_provider(self, symbol: Symbol) -> bool:
        """Whether a provider answers for it, whose answers begin and go on; not known: it may."""
        deployment = self._deployments.get(id(symbol.node))
        if deployment is None or self.is_local(symbol):
            return False
        ours = (TaskKind.TENSOR, TaskKind.CLASSIFY)
        return deployment.effective_runtime is not RuntimeKind.CUSTOM and (
            deployment.effective_task not in ours
        )


class _Reader:
    """One test."""

    def __init__(self, checker: ScenarioChecker, scope: Scope, node: s.TestDeclaration) -> None:
        self._checker = checker
        self._found = checker._found
        self._scope = scope
        self._node = node
        self._values = values = Values(scope, checker._evaluator, checker._found)
        self._world = WorldReader(
            values, lambda name: self._find(name, Takes.DEPLOYMENT), checker.is_local, checker.has_provider
        )
        self._expectations = ExpectationReader(values, self._resolve)
        self._asked: Of | None = None
        self._reach: set[str] | None = None

    def test(self) -> DeclaredTest:
        """The test, with all of its statements that are right."""
        steps: list[Step] = []
        statements: list[s.Statement | s.Ask | s.Scene] = []
        for each in self._node.statements:
            step = self._step(each)
            if step is not None:
                steps.append(step)
                statements.append(each)
        if not any(_is(each, "expect") for each in self._node.statements) and not self._found.has_errors:
            span = self._scope.span(self._node.name)
            self._found.error(
                "E0705", "this test expects nothing", span, help="write `expect ok`, or what else must hold"
            )
        self._world.check_times(longest(steps))
        scenario = Scenario(self._node.name.text, self._world.world(), tuple(steps))
        return DeclaredTest(self._node, self._scope, scenario, tuple(statements))

    def _step(self, node: s.Statement | s.Ask | s.Scene) -> Step | None:
        name = node.name.text
        forms: dict[str, type] = {
            "world": s.Scene,
            "load": s.Scene,
            "wait": s.Statement,
            "expect": s.Statement,
        }
        if name not in STATEMENTS:
            told = (
                did_you_mean(name, STATEMENTS) or f"a test says {every(f'`{each}`' for each in STATEMENTS)}"
            )
            self._values.unknown(node.name, f"a test does not say `{name}`", told)
        elif name in forms and not isinstance(node, forms[name]):
            self._values.wrong(node.name, f"this is not how `{name}` is written", help=STATEMENTS[name])
        elif name == "ask" and isinstance(node, s.Scene):
            self._values.wrong(node.name, "`ask` says whom and what", help=STATEMENTS["ask"])
        else:
            return self._right_step(node)
        return None

    def _right_step(self, node: s.Statement | s.Ask | s.Scene) -> Step | None:
        match node:
            case s.Scene() if node.name.text == "world":
                self._world.read(node)
                return None
            case s.Scene():
                return self._load(node)
            case s.Ask():
                return self._ask(node)
            case s.Statement() if node.name.text == "ask":
                return self._call(node.value)
            case s.Statement() if node.name.text == "wait":
                seconds = self._values.duration(node.value, "a time to wait", may_be_zero=False)
                return None if seconds is None else WaitPlan(seconds)
            case s.Statement():
                condition = self._expectations.read(node.value, self._asked, self._reach)
                return None if condition is None else ExpectPlan(condition)

    # ---- names

    def _find(self, node: s.Expression, takes: Takes) -> Symbol | None:
        """What a name stands for; reported where there is none."""
        symbol = self._scope.find_reference(node)
        kinds: tuple[type, ...] = (s.DeploymentDeclaration,)
        if takes is not Takes.DEPLOYMENT:
            kinds = (*ANSWERING, s.PipelineDeclaration)
        if symbol is None or not isinstance(symbol.node, kinds):
            what = "deployment" if takes is Takes.DEPLOYMENT else "deployment, route or pipeline"
            report_unknown(self._scope, node, what, self._found, *kinds)
            return None
        return symbol

    def _resolve(self, node: s.Expression, takes: Takes) -> str | None:
        if takes is Takes.TEXT:
            value = self._values.value(node)
            if value is not UNKNOWN and not isinstance(value, str):
                self._values.wrong(node, f"this is a text, not {describe(value)}")
            return value if isinstance(value, str) else None
        if (
            takes is Takes.PAYER
            and isinstance(node, s.Reference)
            and node.name in (*self._checker._keys, "gateway")
        ):
            return node.name
        symbol = self._find(node, takes)
        return None if symbol is None else symbol.name.text

    def _key(self, node: s.Expression) -> str | None:
        name = node.name if isinstance(node, s.Reference) else None
        if isinstance(node, s.Text):
            name = "".join(part for part in node.parts if isinstance(part, str))
        if name in self._checker._keys:
            return name
        told = (
            did_you_mean(name or "", self._checker._keys)
            or "keys are declared in `gateway { key NAME { … } }`"
        )
        self._found.error(
            "E0201", f"there is no key `{name or '…'}`", self._scope.span(node), "not declared", help=told
        )
        return None

    # ---- asking

    def _ask(self, node: s.Ask) -> Step | None:
        options = self._options(node.options)
        self._asked = Of.REQUEST if options.get("count", 1) == 1 else Of.LOAD
        symbol = self._find(node.target, Takes.MODEL)
        self._reach = None if symbol is None else reach_of(symbol, self._checker._deployments)
        text = self._values.value(node.message)
        if symbol is None or text is UNKNOWN:
            return None
        return AskPlan(symbol.name.text, text, **options)

    def _call(self, node: s.Expression) -> Step | None:
        """`ask pipeline(name = "value") with { … }`."""
        body = None
        if isinstance(node, s.WithOptions):
            body, node = node.options, node.inner
        options = self._options(body)
        self._asked = Of.REQUEST if options.get("count", 1) == 1 else Of.LOAD
        if not isinstance(node, s.CallExpression):
            self._values.wrong(node, "`ask` says whom and what", help=STATEMENTS["ask"])
            return None
        self._reach = None
        symbol = self._find(node.function, Takes.MODEL)
        if symbol is None:
            return None
        if not isinstance(symbol.node, s.PipelineDeclaration):
            message = f"`{symbol.name.text}` is no pipeline: what it is asked is a text"
            self._values.wrong(node, message, help=f'write `ask {symbol.name.text} "…"`')
            return None
        values = arguments_of(self._values, node, symbol.node)
        return None if values is None else AskPlan(symbol.name.text, values=values, **options)

    def _options(self, body: s.Body | None) -> dict[str, Any]:
        options: dict[str, Any] = {}
        for item in body.items if body is not None else ():
            name = item.name.text
            if name not in ASK_OPTIONS or not isinstance(item, s.Field):
                told = did_you_mean(name, ASK_OPTIONS) or f"there are {every(f'`{o}`' for o in ASK_OPTIONS)}"
                self._values.unknown(item.name, f"`ask` has no option `{name}`", told)
            elif name == "stream":
                options[name] = self._stream(item.value)
            elif name == "key":
                options[name] = self._key(item.value)
            elif name == "every":
                options[name] = self._values.duration(item.value, "`every`")
            else:
                count = self._values.number(item.value, "`count`")
                if count is not None and count > _MOST_REQUESTS:
                    self._endless(item.value, f"one `ask` has at most {_MOST_REQUESTS} requests")
                options[name] = count
        return {name: value for name, value in options.items() if value is not None}

    def _stream(self, node: s.Expression) -> bool | None:
        value = self._values.value(node)
        if value is not UNKNOWN and not isinstance(value, bool):
            self._values.wrong(node, f"`stream` is `true` or `false`, not {describe(value)}")
        return value if isinstance(value, bool) else None

    # ---- loads

    def _load(self, node: s.Scene) -> Step | None:
        self._asked, self._reach = Of.LOAD, None
        traffic: dict[str, TrafficPlan] = {}
        settings: dict[str, Any] = {}
        for phrase in node.phrases:
            name = word(phrase.subject)
            if phrase.value is None:
                self._values.wrong(phrase, "a load says how many requests come", help=STATEMENTS["load"])
            elif name in LOAD_SETTINGS and self._scope.find_reference(phrase.subject) is None:
                settings[name] = self._load_setting(name, phrase, settings)
            else:
                found = self._traffic(phrase)
                if found is not None and found.name in traffic:
                    span = self._scope.span(phrase)
                    self._found.error(
                        "E0703", f"the load of `{found.name}` is said twice", span, help="leave one out"
                    )
                elif found is not None:
                    traffic[found.name] = found
        if not node.phrases:
            self._values.wrong(node, "this load has no requests", help=STATEMENTS["load"])
        settings = {name: value for name, value in settings.items() if value is not None}
        return LoadPlan(tuple(traffic.values()), **settings) if traffic else None

    def _load_setting(self, name: str, phrase: s.Phrase, before: dict[str, Any]) -> Any:
        node = phrase.value
        assert node is not None
        if name in before:
            self._found.error(
                "E0703", f"`{name}` is said twice", self._scope.span(phrase), help="leave one out"
            )
        if name == "stream":
            return self._stream(node)
        if name == "key":
            return self._key(node)
        if name == "shape":
            shape = word(node)
            if shape in list(Shape):
                return Shape(shape)
            self._values.wrong(node, "`shape` is `steady` or `day`")
            return None
        return counted(self._values, node, phrase.words, f"`{name}`")

    def _traffic(self, phrase: s.Phrase) -> TrafficPlan | None:
        symbol = self._find(phrase.subject, Takes.MODEL)
        assert phrase.value is not None
        rate = self._values.rate(phrase.value, phrase.words[:2], "a load")
        times: dict[str, float | None] = {}
        words = list(phrase.words[2:])
        while words:
            name = word(words[0])
            if name not in ("for", "at", "from") or len(words) < 2:
                self._values.unknown(words[0], "a load has no such property", "write `20 per second for 8h`")
                return None
            what = "seconds" if name == "for" else "start"
            times[what] = self._values.duration(words[1], f"`{name}`", may_be_zero=name != "for")
            del words[:2]
        if "seconds" not in times and rate is not None:
            self._endless(phrase, "this load has no end")
        seconds = times.get("seconds")
        if symbol is None or rate is None or seconds is None:
            return None
        return TrafficPlan(symbol.name.text, rate, seconds, times.get("start") or 0.0)

    def _endless(self, node: s.Node, message: str) -> None:
        self._found.error("E0704", message, self._scope.span(node), help="say how long: `for 10m`")


_LONGEST_ASK = 3600.0
"""Seconds that one request is taken to take at most, when it is asked whether a test reaches a moment."""


def longest(steps: Iterable[Step]) -> float:
    """Seconds that a test may take, and more than it will."""
    total = 0.0
    for step in steps:
        match step:
            case LoadPlan(traffic=traffic):
                total += max(each.start + each.seconds for each in traffic) + _LONGEST_ASK
            case WaitPlan(seconds=seconds):
                total += seconds
            case AskPlan(count=count, every=every):
                total += count * max(every, 0.0) + _LONGEST_ASK
    return total


def _is(node: s.Node, name: str) -> bool:
    return getattr(node, "name").text == name  # type: ignore[no-any-return]  # noqa: B009
