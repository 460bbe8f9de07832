"""What providers wrote into their change logs, entry by entry, and what is done about each.

`changes/NAME.json` is one provider. `runtime`, where that is not its name; `service`, where it is one of
several of the runtime's. `sources`: what was read; `read`: the day of it; `until`: the date of the newest
entry that was found; `missing`: what could not be had. `entries`: `date`, `what` (in our words), `here`: one
claim, or a list of them, which the test follows to what it names:

    field KIND.NAME: the table of fields has it: `field chat.verbosity`.
    shape NAME.FIELD: the strict mock provider knows it in requests: `shape ThinkingConfigEnabled.display`.
    answer PLACE: the whole answer has it, whose reading is tested: `answer usage.service_tier`.
    fact MODEL NAME=JSON, or MODEL NAME: the catalogue of models says so; `*` is what holds for all.
    model MODEL: the catalogue knows it. price MODEL NAME: and what that costs: `price gpt-5.4 cached_input`.
    retired MODEL DAY: `inferc check` says so.
    error CODE: a code, a status, or words of a message, that have a meaning of their own.
    beta NAME: a value of `anthropic-beta` that the strict mock provider knows.
    says TEXT in PATH: a file of ours has the text, such as a header's name.
    preset: the runtime exists, at this provider's address.
    test PATH::NAME: a test shows it.
    nothing: why nothing has to be done. not served: why it is no part of what is served here.
    open: what is not right yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from inferc.dsl.catalogues.capabilities import find_facts
from inferc.dsl.catalogues.models import find_model
from inferc.dsl.catalogues.presets import PRESETS
from inferc.dsl.catalogues.retirements import find_retirement
from inferc.dsl.kinds import RuntimeKind
from inferc.runtime.dialects.provider_errors.codes import BY_STATUS, by_phrase, meaning
from inferc.runtime.mock_provider.strict import PROVIDERS, table

Json = dict[str, Any]

FOLDER = Path(__file__).parent / "changes"
ROOT = FOLDER.parents[3]
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))
WORDS = ("nothing: ", "not served: ", "open: ")


@cache
def read(name: str) -> Json:
    """The changes of a provider."""
    said: Json = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return said


def claims(entry: Json) -> list[str]:
    """What an entry says is done about it."""
    here = entry["here"]
    return [here] if isinstance(here, str) else list(here)


def holds(name: str, claim: str) -> bool:
    """Whether what a claim names is there. Raises ValueError for words that are none."""
    said = read(name)
    runtime, service = RuntimeKind(said.get("runtime", name)), said.get("service", "")
    word, _, rest = claim.partition(" ")
    if claim.startswith(WORDS):
        return bool(claim.partition(": ")[2])
    match word:
        case "field":
            kind, _, field = rest.partition(".")
            section = _beside(name, "tables").get(kind, {})
            return any(field in section.get(part, ()) for part in ("takes", "lacks", "fields"))
        case "shape":
            shape, _, field = rest.partition(".")
            fields = _judge(said, name).shapes.get(shape, {}).get("fields", {})
            return field in {each.rstrip("!") for each in fields}
        case "answer":
            whole = _beside(name, "tables").get("answer", {}).get("whole", {})
            return rest in set(_places(whole)) or rest in set(_published(name))
        case "fact":
            model, _, fact = rest.partition(" ")
            key, _, value = fact.partition("=")
            values = find_facts(model, runtime, service).values
            return key in values and (not value or _within(json.loads(value), values[key]))
        case "model":
            return find_model(rest, runtime.provider) is not None or bool(
                find_facts(rest, runtime, service).values != find_facts("*", runtime, service).values
            )
        case "price":
            model, _, part = rest.partition(" ")
            return getattr(find_model(model, runtime.provider), f"{part}_price", None) is not None
        case "retired":
            model, _, day = rest.partition(" ")
            end = find_retirement(model, runtime, service)
            return end is not None and end.day == day
        case "error":
            return bool(meaning(rest) or by_phrase(rest)) or (rest.isdecimal() and int(rest) in BY_STATUS)
        case "beta":
            strict = _judge(said, name).said
            return rest in strict["known betas"] or rest in strict["betas"]
        case "says":
            text, _, path = rest.rpartition(" in ")
            return text in (ROOT / path).read_text("utf-8")
        case "preset":
            return runtime in PRESETS
        case "test":
            path, _, function = rest.partition("::")
            text = (ROOT / path).read_text("utf-8")
            return re.search(rf"^ *(async )?def {function}\(", text, re.MULTILINE) is not None
        case _:
            raise ValueError(f"{claim!r} begins with no word that is known")


def _within(wanted: Any, found: Any) -> bool:
    """Whether a fact is what is said; of a list, whether it has all that is said."""
    if isinstance(wanted, list):
        return set(wanted) <= set(found)
    return bool(wanted == found)


def _judge(said: Json, name: str) -> Any:
    """The strict table of a provider."""
    mock = said.get("mock", name)
    if mock not in PROVIDERS and mock != "vertex_anthropic":
        raise ValueError(f"no strict mock provider is called {mock}")
    return table(mock)


def _beside(name: str, folder: str) -> Json:
    path = FOLDER.parent / folder / f"{name}.json"
    said: Json = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return said


@cache
def _published(name: str) -> tuple[str, ...]:
    """The fields of answers that a package publishes: `Usage.service_tier`."""
    shapes = _beside(name, "answers").get("shapes", {})
    return tuple(
        f"{shape}.{field.rstrip('!')}" for shape, each in shapes.items() for field in each.get("fields", {})
    )


def _places(value: Any, at: str = "") -> Iterator[str]:
    """All places of a JSON value: `choices.message.content`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            place = f"{at}.{key}" if at else key
            yield place
            yield from _places(inner, place)
    elif isinstance(value, list):
        for inner in value:
            yield from _places(inner, at)
