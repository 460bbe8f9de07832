"""What each provider refuses, as tables: `tables/NAME.json`, one for each provider.

    shapes: what requests look like (`shapes.py`); `chat`, `embed` and so on are those that are asked for.
    wording: what is said of each kind of problem with the shape.
    rules: what is refused beyond that. Each is about models whose names match `models` and not `without`
      (regular expressions), and about requests of the kind `of`, `chat` where it does not say. `find` is a
      JSONPath over {"body": …}, or `check` names one of `histories.py`. `message`, `param`, `code`, `type`
      and `status` are said of the first place that is found. `source` is where it is documented, or reported
      with the provider's own words.
    error: the body of an error. statuses: of errors that are not about a request's content.

    shapes_of: whose requests `shapes/NAME.json` describes, which `scripts/build_shapes.py` makes from what
      the provider publishes; a shape of the table then says only what is different: `over`, fields that have
      another spec, `without`, fields that are not there, and whether it is `open`.
    betas: what each value of the header `anthropic-beta` makes known, where not everyone may use it; `...`:
      those that make known nothing that is looked at here.

A table may extend another: its rules come first, and its shapes, words and statuses stand above the other's.
Texts are templates: {at} is the place, {value} what stands there, {name} the last step of the place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import jsonpath

from ....compiler.plan.record import frozen
from ...dialects.shapes import Problem, problems
from ..parsed_request import MockError
from .histories import CHECKS
from .needed import needed, strings_of

PROVIDERS = (
    "openai",
    "azure",
    "anthropic",
    "gemini",
    "vertex",
    "bedrock",
    "mistral",
    "cohere",
    "deepseek",
    "xai",
    "openrouter",
    "groq",
    "vllm",
)

MOST_PROBLEMS = 20
"""Problems with a shape that an error lists, where its provider lists them all."""

REQUEST = {"id": "mock", "request_id": "req_mock", "reset_ms": "1700000000000"}
"""What answers call a request, and a moment at which a limit is over, in milliseconds."""

_FOLDER = Path(__file__).parent / "tables"

Json = dict[str, Any]
Where = tuple[str | int, ...]


@frozen
class Rule:
    """One row of a table.

    needs: strings without any one of which its path finds nothing in a request (`needed.py`).
    """

    row: Json
    of: str
    models: re.Pattern[str] | None
    without: re.Pattern[str] | None
    path: Any
    needs: frozenset[str]

    @classmethod
    def read(cls, row: Json) -> Rule:
        models, without, find = row.get("models"), row.get("without"), row.get("find")
        path = jsonpath.compile(find) if find else None
        return cls(
            row,
            row.get("of", "chat"),
            re.compile(models) if models else None,
            re.compile(without) if without else None,
            path,
            needed(path) if path is not None else frozenset(),
        )

    def holds_for(self, kind: str, model: str) -> bool:
        """Whether the rule is about such a request to this model."""
        if self.of != kind or (self.without is not None and self.without.search(model)):
            return False
        return self.models is None or self.models.search(model) is not None

    def places(self, body: Json, strings: frozenset[str]) -> Iterator[tuple[Where, Json]]:
        """Where `body` breaks the rule, and what is known of each place. strings: those in `body`."""
        if self.path is None:
            yield from CHECKS[self.row["check"]](body)
            return
        if not self.needs <= strings:
            return
        for match in self.path.finditer({"body": body}):
            yield match.parts[1:], {"value": match.obj}


@frozen
class Table:
    """One provider."""

    name: str
    said: Json
    shapes: Json
    rules: tuple[Rule, ...]
    beta: frozenset[str] = frozenset()

    @classmethod
    def read(cls, name: str) -> Table:
        said = json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))
        rules = tuple(map(Rule.read, said.get("rules", ())))
        layers = [said.get("shapes", {})]
        if base := said.get("extends"):
            other = table(base)
            layers = [*other.said["layers"], *layers]
            merged = {
                key: {**other.said.get(key, {}), **said.get(key, {})}
                for key in ("wording", "statuses", "types")
            }
            said = {**other.said, **said, **merged}
            rules = (*rules, *other.rules)
        said["layers"] = layers
        published: Json = {}
        if whose := said.get("shapes_of"):
            published = json.loads((_FOLDER / "shapes" / f"{whose}.json").read_text("utf-8"))
            said["known betas"] = {*published.get("betas", ()), *said.get("betas", {}).get("...", ())}
        beta = published.get("beta fields", {})
        shapes: Json = {
            name: {**shape, "beta": beta.get(name, ())} for name, shape in published.get("shapes", {}).items()
        }
        for layer in layers:
            for name, shape in layer.items():
                shapes[name] = _over(shapes[name], shape) if "over" in shape else shape
        closed = frozenset(each for fields in beta.values() for each in fields)
        return cls(name, said, shapes, rules, closed.union(published.get("beta tags", ())))

    def refuse(self, kind: str, model: str, body: Json, betas: str = "") -> None:
        """Refuse what the provider refuses. Raises the first of `complaints`."""
        for complaint in self.complaints(kind, model, body, betas):
            raise complaint

    def complaints(self, kind: str, model: str, body: Json, betas: str = "") -> Iterator[MockError]:
        """All that the provider has against a request.

        kind: `chat`, or another of the shapes. betas: the header `anthropic-beta`.
        """
        text = json.dumps(body, default=str)
        named = {"model": model, "column": len(text)}
        wanted = [each.strip() for each in betas.split(",")] if betas else []
        if strange := [each for each in wanted if each not in self.said.get("known betas", wanted)]:
            shown = ", ".join(f"`{each}`" for each in strange)
            yield self._error({**self.said["unknown beta"], "status": 400}, {**named, "value": shown})
            return
        if kind in self.shapes:
            opened = {name for each in wanted for name in self.said.get("betas", {}).get(each, ())}
            found = list(islice(problems(body, self.shapes, kind, self.beta - opened), MOST_PROBLEMS))
            told = [each for each in found if each.kind in self.said["wording"]]
            if told:
                yield self._misshapen(told, named)
                return
        strings = strings_of(text)
        for rule in self.rules:
            if rule.holds_for(kind, model) and not (rule.row.get("names") and self.said.get("free_names")):
                for where, known in islice(rule.places(body, strings), 1):
                    yield self._error(rule.row, self._known(where, {**named, **known}))

    def failure(self, status: int, message: str = "", code: str = "", model: str = "") -> Json | None:
        """The body of an error that is not about the content of a request; None where none is told."""
        row = self.said.get("statuses", {}).get(str(status))
        if row is None:
            return None
        if code and code != row.get("code"):
            row = {**row, "code": code, "message": message or row["message"]}
        return self._body({"status": status, **row}, {"model": model})

    def _misshapen(self, found: list[Problem], named: Json) -> MockError:
        row, known = self._words(found[0], named)
        each = self.said["wording"].get("each")
        listed = [filled(each, {**k, **filled(r, k)}) for r, k in (self._words(p, named) for p in found)]
        return self._error({**self.said.get("misshapen", {}), **row}, {**known, "each": listed})

    def _words(self, problem: Problem, named: Json) -> tuple[Json, Json]:
        """What is said of a problem, and what there is to fill in."""
        wording = self.said["wording"]
        inside = wording.get(f"{problem.kind} inside") if len(problem.where) > 1 else None
        if "by" in problem.details:
            inside = wording.get("tag", inside)
        return inside or wording[problem.kind], self._of_problem(problem, named)

    def _of_problem(self, problem: Problem, named: Json) -> Json:
        types = self.said.get("types", {})
        known = dict(problem.details)
        for key in ("expected", "got", "type"):
            if key in known:
                known[key] = types.get(f"{key}:{known[key]}", types.get(known[key], known[key]))
        if "choices" in known:
            known["options"] = "|".join(f'"{each}"' for each in known["choices"])
            known["tags"] = ", ".join(f"'{each}'" for each in sorted(map(str, known["choices"])))
            known["choices"] = _listed(known["choices"], self.said.get("or", "and"))
        where = problem.tags if self.said.get("tagged") else problem.where
        tag = next((str(step) for step in problem.tags[2:3]), "")
        return self._known(where, {**named, **known, "tag": tag})

    def _known(self, where: Where, known: Json) -> Json:
        numbers = [step for step in where if isinstance(step, int)]
        return {
            "at": self._place(where),
            "parent": self._place(where[:-1]),
            "name": where[-1] if where else "",
            "steps": ["body", *where],
            "inside": f" at '{self._place(where[:-1])}'" if where[1:] else "",
            "number": numbers[0] if numbers else 0,
            "second": numbers[1] if len(numbers) > 1 else 0,
            "next": (numbers[0] if numbers else 0) + 1,
            "context": _context(where),
            **known,
        }

    def _place(self, where: Where) -> str:
        if self.said.get("path") == "dots":
            return ".".join(map(str, where))
        steps = [_snake(str(step)) if self.said.get("path") == "snake" else step for step in where]
        made = ""
        for step, told in zip(where, steps, strict=True):
            made += f"[{step}]" if isinstance(step, int) else f".{told}" if made else str(told)
        return made

    def _error(self, row: Json, known: Json) -> MockError:
        status: int = row.get("status", 400)
        error = MockError(status, _text(row["message"], known), row.get("code") or "")
        error.body = self._body({"status": status, **row}, known)
        return error

    def _body(self, row: Json, known: Json) -> Json:
        defaults = {"type": None, "param": None, "code": None, **self.said.get("defaults", {}), **row}
        told = {name: filled(value, known) for name, value in defaults.items()}
        made: Json = filled(row.get("body", self.said["error"]), {**REQUEST, **known, **told})
        return made


def _over(shape: Json, change: Json) -> Json:
    """`shape` with the fields that `change` says anew, and without those that it takes out."""
    gone = {name.rstrip("!") for name in change["over"]} | set(change.get("without", ()))
    kept = {name: spec for name, spec in shape["fields"].items() if name.rstrip("!") not in gone}
    return {**shape, "open": change.get("open", shape.get("open")), "fields": {**kept, **change["over"]}}


@cache
def table(name: str) -> Table:
    """The table of a provider."""
    return Table.read(name)


@cache
def fields_of(provider: str, shape: str) -> frozenset[str]:
    """The names of the fields that a provider's requests have in a place."""
    return frozenset(name.rstrip("!") for name in table(provider).shapes[shape]["fields"])


def filled(template: Any, known: Json) -> Any:
    """A template with what is known: `{x}` alone is the value itself."""
    match template:
        case str() if (whole := re.fullmatch(r"\{(\w+)\}", template)) and whole[1] in known:
            return known[whole[1]]
        case str():
            return _text(template, known)
        case dict():
            return {key: filled(inner, known) for key, inner in template.items()}
        case list():
            return [filled(inner, known) for inner in template]
        case _:
            return template


def _text(template: str, known: Json) -> str:
    """`template` with `{name}` replaced where it is known; all else stays as it is."""
    return re.sub(r"\{(\w+)\}", lambda m: str(known[m[1]]) if m[1] in known else m[0], template)


def _listed(choices: list[Any], last: str) -> str:
    quoted = [f"'{choice}'" for choice in choices]
    if len(quoted) < 2:
        return "".join(quoted)
    comma = "," if last == "and" and len(quoted) > 2 else ""
    return f"{', '.join(quoted[:-1])}{comma} {last} {quoted[-1]}"


def _context(where: Where) -> str:
    """The place inside of a JSON schema, as Python writes a tuple."""
    steps = list(where)
    for root in ("schema", "parameters"):
        if root in steps:
            steps = steps[steps.index(root) + 1 :]
            break
    return repr(tuple(str(step) for step in steps))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)
