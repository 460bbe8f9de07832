"""In tests: statements, worlds, loads, and what can be expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ....compiler.scenarios.words import (
    ASK_OPTIONS,
    CIRCUITS,
    FAULTS,
    LOAD_SETTINGS,
    MEASURES,
    SETTINGS,
    STATEMENTS,
    VERBS,
    Takes,
)
from ....compiler.scope import ANSWERING
from ....dsl import syntax as s
from .context import Context, Offer, keyword

_STARTS = {
    "world": "world {\n  $0\n}",
    "ask": 'ask ${1:name} "$0"',
    "load": "load { ${1:name} = ${2:5} per second for ${3:1h} }",
    "wait": "wait ${1:30s}",
    "expect": "expect $0",
}
_ASKED = (*ANSWERING, s.PipelineDeclaration)
_BEFORE_A_MEASURE = ("expect", "&&", "||", "!", "(", "==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/")
_BEHIND_A_FAILURE = ("for", "at", "times", "retry_after", "after")


def in_tests(context: Context) -> Iterator[Offer]:
    """What fits at a place in a `test`."""
    words, frames = context.words, context.cursor.frames
    block = frames[2].word if len(frames) > 2 else ""
    if block == "world" and len(frames) > 3:
        yield from _words(SETTINGS, " = ") if not words else ()
    elif block == "world":
        yield from _in_world(context, words)
    elif block == "load":
        if not words:
            yield from context.names(*_ASKED)
            yield from _words(LOAD_SETTINGS, " = ")
        elif words[-1] == "per":
            yield from (keyword(unit) for unit in ("second", "minute", "hour"))
    elif block == "ask":
        yield from _words(ASK_OPTIONS, " = ") if not words else ()
    elif block == "expect" or words[:1] == ["expect"]:
        yield from _expected(context, words)
    elif not words:
        yield from (keyword(name, STATEMENTS[name], snippet) for name, snippet in _STARTS.items())
    elif words == ["ask"]:
        yield from context.names(*_ASKED)


def _in_world(context: Context, words: list[str]) -> Iterator[Offer]:
    if not words:
        yield from context.names(s.DeploymentDeclaration)
    elif words[-1] == "fails":
        yield from (keyword(name, told) for name, told in FAULTS.items())
    elif "fails" in words:
        yield from (keyword(name) for name in _BEHIND_A_FAILURE)
    elif words[-1] == "with":
        yield keyword("real", VERBS["with"])
    else:
        yield from (keyword(name, told) for name, told in VERBS.items())


def _expected(context: Context, words: list[str]) -> Iterator[Offer]:
    last = words[-1] if words else ""
    called = words[-2] if last == "(" and len(words) > 1 else context.cursor.frame.head[-1:]
    name = called if isinstance(called, str) else (called[0].text if called else "")
    measure, compared = MEASURES.get(name), last in ("==", "!=")
    is_argument = measure is not None and context.cursor.frame.opener == "LPAR"
    if is_argument or (compared and "answered_by" in words[-2:]):
        yield from context.names(s.DeploymentDeclaration)
    elif compared and "circuit" in words:
        yield from (keyword(state) for state in CIRCUITS)
    elif not words or last in _BEFORE_A_MEASURE:
        for name, known in MEASURES.items():
            snippet = f"{name}($0)" if known.takes is not Takes.NOTHING else None
            yield keyword(name, known.doc, snippet)


def _words(words: Mapping[str, str], behind: str) -> Iterator[Offer]:
    for name, told in words.items():
        yield keyword(name, told, f"{name}{behind}$0")
