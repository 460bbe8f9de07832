"""After a change only what depends on it is checked again, and what is found is what a first check finds."""

from __future__ import annotations

import gc
import random
import re
import weakref
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings, strategies as st

from inferc.compiler import compile as compiling
from inferc.compiler.checks import models
from inferc.compiler.compile import Checked, check_file
from inferc.compiler.declare import Declared
from inferc.compiler.lowering.lower import outline
from inferc.dsl.parsing.parser import parse
from inferc.dsl.source import Source, Span
from inferc.editor.documents import Document, uri_of
from inferc.editor.features.completion import completion
from inferc.editor.view import View
from inferc.editor.workspace import Workspace

from .conftest import Desk

LIBRARY = """\
let limit = 8
let _base = "https://${host}/v1"
let host = "example.com"
param region: text = "eu"

template shared {
  runtime openai { api_key = env("KEY"), endpoint = _base, retry { max_retries = 2 } }
}

template careful from shared { serving { max_concurrent = limit / 2 } }

deployment spare from careful { model = "gpt-4o-mini" }
"""
MAIN = """\
import "library.infer" as lib
import { careful, limit } from "library.infer"

let burst = lib.limit * 2
template quick from lib.shared { serving { on_capacity_exhausted = fallback(second) } }

deployment first from careful, quick {
  model = "gpt-4o"
  serving { max_concurrent = burst }
}

deployment second {
  model = "claude-sonnet-4-0"   # infer: allow N0416
  runtime anthropic { api_key = env("OTHER"), timeouts { request = limit * 1s } }
}

route one = fallback [first, second]
route all = split { one: 90%, lib.spare: 10% } with { budget { max_spend_per_day = $10 } }
route best = cascade [first, second] accept it.confidence >= 0.8

pipeline answer(message: text) -> text {
  draft = one("Answer: ${message}")
  return all(draft)
}

gateway { bind = "127.0.0.1:8080", key team { secret = env("TEAM"), models = [one, "a*"] } }
"""
PIECES = [*'{}()[]=,."#x', '"""', "\n", "\n  ", "\n}\n", "let ", " from ", "lib.", "${burst}", "30s", "- -1"]
SAMPLES = [
    each.read_text("utf-8") for each in sorted((Path(__file__).parents[2] / "samples").glob("*.infer"))
]


class Typist:
    """Changes texts at random, as people do, and worse."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.before: list[str] = []

    def changed(self, text: str) -> str:
        how = self.random.choice(
            [self._typed, self._typed, self._cut, self._renamed, self._counted, self._moved, self._undone]
        )
        self.before.append(text)
        return how(text)

    def _typed(self, text: str) -> str:
        at = self.random.randint(0, len(text))
        return text[:at] + self.random.choice(PIECES) + text[at + self.random.choice([0, 0, 0, 1, 3]) :]

    def _cut(self, text: str) -> str:
        at = self.random.randint(0, len(text))
        return text[:at] + text[at + self.random.randint(1, 60) :]

    def _renamed(self, text: str) -> str:
        words = re.findall(r"[^\W\d]\w+", text) or ["x"]
        old, new = self.random.choice(words), self.random.choice([*words, "other"])
        return re.sub(rf"\b{old}\b", new, text, count=self.random.choice([0, 1]))

    def _counted(self, text: str) -> str:
        numbers = [*re.finditer(r"\d+", text)]
        if not numbers:
            return text
        at = self.random.choice(numbers)
        return text[: at.start()] + self.random.choice(["0", "1", "7", "90"]) + text[at.end() :]

    def _moved(self, text: str) -> str:
        """A declaration of this text, or of another, somewhere else."""
        of = self.random.choice([text, text, LIBRARY, MAIN, *SAMPLES])
        declarations = parse(Source("m", of)).declarations
        if not declarations:
            return text
        chosen = self.random.choice(declarations)
        part = of[chosen.start : chosen.end]
        rest = text.replace(part, "", 1)
        at = self.random.choice([0, *(found.end() for found in re.finditer("\n", rest))])
        return f"{rest[:at]}{part}\n{rest[at:]}"

    def _undone(self, text: str) -> str:
        return self.random.choice(self.before[-4:])


def everything(checked: Checked, *, is_seen: bool = False) -> object:
    """All that is said, with all places; the names that are used; and the plan.

    is_seen: whether somebody looked around afterwards, which marks further names as used.
    """
    scopes = checked.program.scopes if checked.program is not None else ()
    used = [(scope.module.source.name, scope.used) for scope in scopes]
    plan = outline(checked.program) if checked.ok and checked.program is not None else None
    return plain(checked.diagnostics), None if is_seen else used, plan


def plain(value: Any) -> Any:
    """A value without the sources in it, which are equal only to themselves."""
    if isinstance(value, Span):
        return value.source.name, value.start, value.end, value.text
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if attrs.has(type(value)):
        return tuple(plain(getattr(value, each.name)) for each in attrs.fields(type(value)))
    return value


def look_around(workspace: Workspace, document: Document, chance: random.Random) -> None:
    """What an editor asks before the findings are there, some of which looks names up."""
    view, anew = View(workspace, document), Workspace()
    assert view.occurrences is not None
    for each in workspace.documents:
        anew.put(each)
    values = [found.end() for found in re.finditer("= ?", document.text)]
    place = document.lines.position(chance.choice([chance.randint(0, len(document.text)), *values]))
    assert completion(view, place) == completion(View(anew, document), place)


def from_scratch(workspace: Workspace, document: Document) -> Checked:
    return check_file(document.name, document.path, text=document.text, read=workspace.read)


@settings(max_examples=max(1, settings().max_examples // 8))
@given(st.integers(0, 2**32))
@example(1234)  # a name is looked for in an import that ceases to be one
def test_after_any_changes(seed: int) -> None:
    typist, workspace = Typist(seed), Workspace()
    texts = {"main.infer": MAIN, "library.infer": LIBRARY}
    documents = {
        name: Document.make(uri_of(Path("/nowhere", name)), text, 0, name=name)
        for name, text in texts.items()
    }
    for document in documents.values():
        workspace.put(document)
        workspace.check(document)
    older = documents["main.infer"]
    for version in range(1, 9):
        name = typist.random.choice(["main.infer", "main.infer", "library.infer"])
        texts[name] = typist.changed(texts[name])
        old = documents[name]
        documents[name] = Document.make(old.uri, texts[name], version, name=name)
        workspace.put(documents[name])
        is_seen = typist.random.random() < 0.3
        if is_seen:  # something is asked of this version, and it is changed before its check
            look_around(workspace, documents[typist.random.choice([*documents])], typist.random)
            if typist.random.random() < 0.5:
                continue
        asked = (
            documents["main.infer"] if typist.random.random() < 0.8 else typist.random.choice([older, old])
        )
        if typist.random.random() < 0.3:
            look_around(workspace, asked, typist.random)
            is_seen = True
        expected = everything(from_scratch(workspace, asked), is_seen=is_seen)
        assert everything(workspace.check(asked), is_seen=is_seen) == expected


VALUES = "".join(f"let v{n} = v{n - 1}\n" for n in range(1, 150))
TEMPLATES = 'template t0 { model = "gpt-4o", runtime openai { api_key = env("K") } }\n' + "".join(
    f"template t{n} from t{n - 1} {{ }}\n" for n in range(1, 121)
)
D, E = "deployment d from t60 { }\n", "deployment e from t120 { }\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"let v0 = 1\n{VALUES}", f"let first = v149\nlet v0 = 1\n{VALUES}"),
        (f"{TEMPLATES}{D}{E}", f"{TEMPLATES}{E}{D}"),
    ],
)
def test_chains_that_are_too_long_are_found_whatever_is_known(desk: Desk, before: str, after: str) -> None:
    assert desk.open(before).checked.ok
    view = desk.open(after)
    assert [each.code for each in view.checked.diagnostics if each.is_error] == ["E0107"]
    assert everything(view.checked) == everything(from_scratch(desk.workspace, view.document))


def test_only_what_a_change_touches_is_worked_out_again(desk: Desk) -> None:
    desk.write("library.infer", LIBRARY)
    deployments = "".join(f'deployment d{n} from lib.careful {{ model = "gpt-4o" }}\n' for n in range(9))
    routes = "".join(f"route r{n} = fallback [d{n}, lib.spare]\n" for n in range(9))
    text = f'import "library.infer" as lib\n{deployments}{routes}'
    before = made(desk.open(text).checked)
    assert len(before) == 19
    for old, new, touched in [
        ('"gpt-4o" }\nroute r0', '"gpt-4o-mini" }\nroute r0', {"d8", "r8"}),
        ("route r7 = fallback [d7", "route r7 = fallback [d6", {"r7"}),
        ("\ndeployment d0", "\n\n# now further down\ndeployment d0", set()),
        ("deployment d2", "deployment x", {"x", "r2"}),
    ]:
        text = text.replace(old, new)
        after = made(desk.open(text).checked)
        assert {name for name in after if after[name] is not before.get(name)} == touched
        before = after


def test_findings_stay_with_the_deployment_that_they_are_about(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = []
    check = models.check

    def watched(declared: Declared, *others: Any) -> None:
        looked_at.append(declared.symbol.name.text)
        check(declared, *others)

    monkeypatch.setattr(
        compiling, "CHECKS_OF_ONE", [watched if each is check else each for each in compiling.CHECKS_OF_ONE]
    )
    desk.write(
        "library.infer", 'template old { model = "claude-2.1", runtime anthropic { api_key = env("K") } }'
    )
    text = 'import "library.infer" as lib\n' + "".join(
        f"deployment {name} from lib.old {{ replicas = 1 }}\n" for name in "abc"
    )
    for old, new, expected in [
        ("", "", "abc"),
        ("import", "# further down\n\nimport", ""),
        ("b from lib.old { replicas = 1 }", "b from lib.old { replicas = 2 }", "b"),
        ("deployment a", "let _x = 1\ndeployment a", ""),
    ]:
        text, looked_at[:] = text.replace(old, new, 1), []
        view = desk.open(text)
        assert everything(view.checked) == everything(from_scratch(desk.workspace, view.document))
        assert {each.code for each in view.checked.diagnostics} == {"W0445"}
        assert "".join(looked_at[: len(expected)]) == expected
        assert len(looked_at) == len(expected) + 3, "the check from scratch, and what the change touches"


def test_a_certificate_is_looked_for_again(desk: Desk) -> None:
    text = """deployment d {
  model = "gpt-4o"
  runtime openai { endpoint = "https://here/v1", api_key = env("K"), tls { ca = file("ca.pem") } }
}
"""

    def codes() -> list[str]:
        return [each.code for each in desk.open(text).checked.diagnostics]

    assert codes() == ["E0443"]
    ca = desk.write("ca.pem", "-----BEGIN CERTIFICATE-----")
    assert codes() == []
    ca.unlink()
    assert codes() == ["E0443"]


def made(checked: Checked) -> dict[str, object]:
    """What was made of deployments and routes, by their names."""
    assert checked.program is not None
    assert checked.program.graph is not None
    declared = {each.symbol.name.text: each for each in checked.program.declared}
    return declared | {each.name: each for each in checked.program.graph.routes}


def test_what_a_change_touches_is_forgotten(desk: Desk) -> None:
    def deployment(number: int) -> weakref.ref[Declared]:
        program = desk.open(f'deployment d {{ model = "gpt-4o", replicas = {number} }}\n').checked.program
        assert program is not None
        return weakref.ref(program.declared[0])

    first = deployment(1)
    deployment(2)
    deployment(3)
    gc.collect()
    assert first() is None
