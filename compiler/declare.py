"""A deployment's declaration → a checked `Deployment`, and where each of its values was written."""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import Any

from attrs import evolve

from ..dsl.catalogues.inference import infer_runtime
from ..dsl.deployment import Deployment
from ..dsl.diagnostics import Diagnostics, Edit, Fix, Label, write_instead
from ..dsl.foreign_words import foreign_word
from ..dsl.kinds import RuntimeKind, TaskKind
from ..dsl.record import frozen
from ..dsl.runtimes import CONFIG_CLASSES
from ..dsl.source import Span
from ..dsl.suggest import every, inside, near, offer
from ..dsl.tasks import TASK_CLASSES
from ..dsl.values import Call, Word
from ..dsl.word_enum import by_word
from .blocks.late_texts import late_problems
from .blocks.merge import Merger, Paths, Section, Setting
from .blocks.shape import Shaper
from .blocks.structure import structure
from .evaluation.evaluate import Evaluator
from .evaluation.unknown import UNKNOWN
from .incremental.memory import Memory
from .incremental.results import Kind
from .scope import Symbol

DECLARED = Kind("deployment")
CHECKED = Kind("checked template")

_TARGET_KINDS = {RuntimeKind.PYTHON: 'python("package.module:factory")', RuntimeKind.CUSTOM: 'custom("name")'}


@frozen(eq=False, repr=False)
class Declared:
    """A deployment and its origins.

    deployment: None when a mistake leaves it without a meaning; values that were wrong have their defaults.
    """

    symbol: Symbol
    section: Section
    deployment: Deployment | None
    paths: Paths
    right: bool = True
    """Whether nothing is wrong with what it says, so that it is known what it takes and gives."""
    has_model: bool = True
    """Whether there is a model that could be read."""

    @cached_property
    def runtime_is_known(self) -> bool:
        """Whether it is certain which runtime it is for: a model that could not be read says nothing."""
        deployment = self.deployment
        if deployment is None or self.runtime_is_wrong:
            return False
        if self.section.damaged and not self.runtime_is_written:
            return False
        return self.has_model

    @property
    def runtime_is_wrong(self) -> bool:
        """Whether the file says a runtime that does not exist, so that nothing is known of its settings."""
        block = self.section.sections.get("runtime")
        return block is not None and self.section_at("runtime_config") is None

    @property
    def runtime_is_written(self) -> bool:
        """Whether the file says which runtime it is for, in a field or by a block."""
        return self.setting("runtime") is not None or self.section_at("runtime_config") is not None

    def span(self, *path: str) -> Span:
        """The value at `path`, or the nearest enclosing block that was written, or the name."""
        for length in range(len(path), 0, -1):
            place = self.paths.get(path[:length])
            if isinstance(place, Setting):
                return place.span
            if isinstance(place, Section) and length > 0:
                return place.name_span
        return self.symbol.span

    def file(self, written: str, *path: str) -> Path:
        """The file that is `written` at `path`: relative to the file that says it."""
        return self.span(*path).source.folder / written

    def setting(self, *path: str) -> Setting | None:
        """The field at `path`, None when it was not written."""
        place = self.paths.get(path)
        return place if isinstance(place, Setting) else None

    def wrote(self, *path: str) -> bool:
        """Whether the field or block at `path` was written, rightly or wrongly, or may have been:
        what stands in a part that could not be read is not missing."""
        section = self.section
        for step in written_path(path):
            if section.damaged or step in section.settings or step in section.meant:
                return True
            if step not in section.sections:
                return False
            section = section.sections[step]
        return True

    def section_at(self, *path: str) -> Section | None:
        """The block at `path`, None when it was not written."""
        place = self.paths.get(path)
        return place if isinstance(place, Section) else None


@cache
def written_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """A path in the model as a file writes it: the settings of the runtime stand in a block `runtime`."""
    return tuple("runtime" if step == "runtime_config" else step for step in path)


class Declarer:
    """Turns declarations into deployments."""

    def __init__(self, found: Diagnostics, memory: Memory, evaluator: Evaluator, merger: Merger) -> None:
        self._found = found
        self._memory = memory
        self._evaluator = evaluator
        self._merger = merger
        self._shaper = Shaper(found, evaluator)

    def declare(self, symbol: Symbol) -> Declared:
        """The deployment that `symbol` declares."""
        return self._memory.of(DECLARED, symbol, self._declared)

    def _declared(self, symbol: Symbol) -> Declared:
        before = len(self._found.items)
        section = self._merger.merge(symbol)
        paths: Paths = {}
        values = self._values(symbol, section, paths)
        values["name"] = symbol.name.text
        has_model = "model" in values
        values.setdefault("model", "")  # its mistake is reported; the rest can still be checked
        deployment = structure(values, Deployment, paths, self._found)
        right = not any(item.is_error for item in self._found.items[before:])
        if section.guessed or deployment is None:
            return Declared(symbol, section, None, paths, right, has_model)
        declared = Declared(symbol, section, deployment, paths, right, has_model)
        problems = late_problems(deployment, has_runtime=declared.runtime_is_written)
        for problem in problems:
            span = declared.span(*problem.path)
            self._found.error(problem.code, problem.message, span, "not known yet", help=problem.help)
        return evolve(declared, deployment=None) if problems else declared

    def check_template(self, symbol: Symbol) -> None:
        """Report what is wrong with a template that no deployment is built on."""
        self._memory.of(CHECKED, symbol, self._checked)

    def _checked(self, symbol: Symbol) -> None:
        section = self._merger.merge(symbol)
        _take_for_a_part(section)
        paths: Paths = {}
        values = self._values(symbol, section, paths)
        structure({"model": "", **values, "name": symbol.name.text}, Deployment, paths, self._found)

    def _values(self, symbol: Symbol, section: Section, paths: Paths) -> dict[str, Any]:
        runtime, task = section.sections.get("runtime"), section.sections.get("task")
        task_word = section.settings.pop("task", None)
        what = f"the {symbol.kind} `{symbol.name.text}`"
        hidden = frozenset({"name", "runtime_config"})
        named = section.settings.get("runtime")
        elsewhere = frozenset({"runtime", "task"})
        values = self._shaper.shape(section, Deployment, what, (), paths, hidden, elsewhere)
        target = self._split_call(values)
        if runtime is not None:
            self._runtime_block(runtime, values, paths)
            if named is not None:
                self._check_same_kind(values, named, runtime)
        if target is not None:
            config = values.setdefault("runtime_config", {"kind": Word(str(values["runtime"]))})
            config.setdefault("target", target)
        if task is not None:
            self._task_block(task, values, paths)
        elif task_word is not None:
            self._task_word(task_word, values, paths)
        return values

    # ---- runtime

    def _split_call(self, values: dict[str, Any]) -> str | None:
        """For `runtime = python("pkg:factory")`: keeps the kind, and gives the argument."""
        value = values.get("runtime")
        if isinstance(value, Call) and value.name in ("python", "custom") and isinstance(value.args[0], str):
            values["runtime"] = Word(value.name)
            return str(value.args[0])
        return None

    def _runtime_block(self, section: Section, values: dict[str, Any], paths: Paths) -> None:
        kind = self._kind(section, RuntimeKind, "runtime", _inferred(values))
        if kind is None:
            self._evaluate_all(section)
            return
        path = ("runtime_config",)
        shaped = self._shaper.shape(
            section, CONFIG_CLASSES[kind], f"the runtime `{kind}`", path, paths, frozenset({"kind", "target"})
        )
        shaped["kind"] = Word(kind.value)
        target = self._target(section, kind)
        if target is not None:
            shaped["target"] = target
        values["runtime_config"] = shaped

    def _target(self, section: Section, kind: RuntimeKind) -> Any:
        if kind not in _TARGET_KINDS:
            if section.arguments is not None:
                self._found.error(
                    "E0205",
                    f"the runtime `{kind}` takes nothing in parentheses",
                    section.label_span(),
                    help=f"write `runtime {kind} {{ … }}`",
                )
            return None
        values = [self._evaluator.evaluate(a, section.scope) for a in section.arguments or ()]
        if len(values) == 1 and isinstance(values[0], str) and not isinstance(values[0], Word):
            return values[0]
        if UNKNOWN not in values:
            self._found.error(
                "E0205",
                f"the runtime `{kind}` needs to know which",
                section.label_span(),
                help=f"write `runtime {_TARGET_KINDS[kind]} {{ … }}`",
            )
        return None

    def _check_same_kind(self, values: dict[str, Any], named: Setting, block: Section) -> None:
        word, label = values.get("runtime"), block.label
        if not isinstance(word, Word) or label is None or str(word) == label.text:
            return
        self._found.error(
            "E0406",
            f"the runtime is said to be `{word}`, and the settings are those of `{label.text}`",
            named.span,
            f"this says `{word}`",
            secondary=[Label(block.label_span(), f"this block is for `{label.text}`")],
            help="leave `runtime = …` out, or write the block of the same runtime",
        )

    # ---- task

    def _task_block(self, section: Section, values: dict[str, Any], paths: Paths) -> None:
        kind = self._kind(section, TaskKind, "task", None)
        if kind is None:
            self._evaluate_all(section)
            return
        cls = TASK_CLASSES[kind]
        shaped = self._shaper.shape(section, cls, f"the task `{kind}`", ("task",), paths, frozenset({"kind"}))
        values["task"] = {**shaped, "kind": Word(kind.value)}

    def _task_word(self, setting: Setting, values: dict[str, Any], paths: Paths) -> None:
        value = self._evaluator.evaluate(setting.node.value, setting.scope)
        if value is not UNKNOWN:
            paths[("task", "kind")] = paths[("task",)] = setting
            values["task"] = {"kind": value}

    # ---- both

    def _kind(self, section: Section, kinds: Any, word: str, meant: str | None) -> Any:
        """The kind that the block's label names, reported when there is none."""
        words = list(by_word(kinds))
        if section.label is None:
            fixes = _without_inner(section, word, words)
            if meant is not None and not fixes:
                fixes = [Fix(f"write `{word} {meant}`", (Edit(section.name_span, f"{word} {meant}"),))]
            self._found.error(
                "E0205",
                f"this block does not say which {word} it is for",
                section.name_span,
                f"expected `{word} {meant or words[0]} {{ … }}`",
                fixes=fixes,
                help=None if fixes else f"{word}s are {every(f'`{w}`' for w in words)}",
            )
            return None
        if section.label.text in words:
            return kinds(section.label.text)
        told = foreign_word("runtimes", section.label.text) if kinds is RuntimeKind else None
        if told is not None:
            span, meant = section.label_span(), told.to[0] if told.to else None
            fixes = [Fix(f"write `{meant}`", (Edit(span, meant),), safe=False)] if meant is not None else []
            self._found.error(
                "E0303",
                f"there is no runtime `{section.label.text}`",
                span,
                f"`{meant}` here" if meant is not None else "unknown runtime",
                help=told.say or None,
                fixes=[Fix(f"write `{meant}`", (Edit(span, meant),), safe=False)]
                if meant is not None
                else (),
            )
            return None
        near_by = near(section.label.text, words) or inside(section.label.text, words)
        self._found.error(
            "E0303",
            f"there is no {word} `{section.label.text}`",
            section.label_span(),
            f"unknown {word}",
            help=None
            if len(near_by) == 1
            else offer(near_by) or f"{word}s are {every(f'`{w}`' for w in words)}",
            fixes=write_instead(section.label_span(), near_by),
        )
        return None

    def _evaluate_all(self, section: Section) -> None:
        """Report the mistakes inside a block whose fields cannot be known."""
        for setting in section.settings.values():
            self._evaluator.evaluate(setting.node.value, setting.scope)
        for inner in section.sections.values():
            self._evaluate_all(inner)


def _take_for_a_part(section: Section) -> None:
    """Treat `section` as a part of something, in which nothing is missing."""
    section.damaged = True
    for inner in section.sections.values():
        _take_for_a_part(inner)


def _inferred(values: dict[str, Any]) -> str | None:
    named = values.get("runtime")
    if isinstance(named, Word):
        return str(named)
    model = values.get("model")
    return infer_runtime(model).value if isinstance(model, str) else None


def _without_inner(section: Section, word: str, kinds: list[str]) -> list[Fix]:
    """`runtime { openai { … } }` as `runtime openai { … }`."""
    kind, inner = next(iter(section.sections.items()), ("", None))
    if inner is None or kind not in kinds or len(section.sections) > 1 or section.settings:
        return []
    if inner.body is None or section.body is None or inner.scope is not section.scope:
        return []
    source = section.name_span.source
    edits = (
        Edit(Span(source, section.name_span.start, inner.name_span.start), f"{word} "),
        Edit(Span(source, inner.body.end, section.body.end), ""),
    )
    return [Fix(f"write `{word} {kind}`", edits)]
