"""What a shell completes beside commands, options and files: names, titles of tests, codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from .server import NoServer, ask

if TYPE_CHECKING:
    from ..compiler.plan import Plan

_MOST_FILES = 50
_PATIENCE = 1.0
"""Seconds that a server has to say what it runs; somebody waits at a prompt."""
_MODELS = ("deployment", "route", "pipeline")

Candidates = Iterator[tuple[str, str]]
"""Words, and what each is."""


def candidates(kind: str, words: Sequence[str]) -> dict[str, str]:
    """Those of `kind`. words: on the command line, some of which may be files."""
    found: dict[str, str] = {}
    for name, what in KINDS[kind](words):
        if name.isprintable() and what.isprintable():  # a shell reads a line for each
            found.setdefault(name, what)
    return found


def _codes(words: Sequence[str]) -> Candidates:
    from ..dsl.codes import explain, known_codes

    for code in known_codes():
        page = explain(code)
        yield code, page.title if page is not None else ""


def _deployments(words: Sequence[str]) -> Candidates:
    """Those of the server that is meant; without one, those of the files."""
    server = words[words.index("--server") + 1] if "--server" in words[:-1] else None
    try:
        answer = ask(server, "status", within=_PATIENCE)
        yield from ((each["name"], each["model"]) for each in answer["deployments"])
    except (NoServer, KeyError, TypeError):
        yield from _declared(words, ("deployment",))


def _models(words: Sequence[str]) -> Candidates:
    return _declared(words, _MODELS)


def _tests(words: Sequence[str]) -> Candidates:
    return _declared(words, ("test",))


def _declared(words: Sequence[str], kinds: Sequence[str]) -> Candidates:
    """What the files among `words` declare, and those that they import; without any, those in this folder."""
    from ..compiler.modules import Loader
    from ..compiler.plan import PlanError, load_plan
    from ..compiler.scope import KIND_WORDS, Named
    from ..dsl import syntax as s
    from ..dsl.diagnostics import Diagnostics

    named = [path for word in words if (path := Path(word)).suffix in (".infer", ".json") and path.is_file()]
    loader = Loader(Diagnostics())
    for path in named or islice(sorted(Path().glob("*.infer")), _MOST_FILES):
        if path.suffix == ".json":
            with suppress(PlanError):
                yield from (each for each in _planned(load_plan(path)) if each[1] in kinds)
        else:
            loader.load_root(str(path), path)
    for module in loader.modules:
        for node in module.declarations:
            kind = KIND_WORDS.get(type(node), "test")
            if isinstance(node, s.TestDeclaration | Named) and kind in kinds:
                yield node.name.text, kind


def _planned(plan: Plan) -> Candidates:
    yield from ((each.deployment, "deployment") for each in plan.deployments)
    yield from ((each.route, "route") for each in plan.routes)
    yield from ((each.pipeline, "pipeline") for each in plan.pipelines)


KINDS: Mapping[str, Callable[[Sequence[str]], Candidates]] = {
    "codes": _codes,
    "deployments": _deployments,
    "models": _models,
    "tests": _tests,
}
