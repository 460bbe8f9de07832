"""Where a field or block of a deployment stands: told of one that is written outside of all declarations."""

from __future__ import annotations

from .deployment import Deployment
from .record import fields
from .runtimes import runtime_with

_OWN_FORMS = {
    "runtime": '`runtime` stands in a deployment: `deployment name { model = "…", runtime openai { … } }`, '
    "or in a `template` that several share",
    "key": "`key` stands in the gateway: `gateway { key name { … } }`",
}


def place_of(word: str) -> str | None:
    """What to do with `word { … }` or `word = …` outside of a declaration; None: it stands nowhere."""
    if word in _OWN_FORMS:
        return _OWN_FORMS[word]
    if word in fields(Deployment) and word != "name":
        return f"`{word}` stands in a deployment: `deployment name {{ {_with_model(word)} }}`"
    owner = runtime_with(word)
    if owner is not None:
        return (
            f"`{word}` stands in the runtime of a deployment: "
            f'`deployment name {{ model = "…", runtime {owner} {{ {word} … }} }}`'
        )
    return None


def _with_model(word: str) -> str:
    return 'model = "…"' if word == "model" else f'model = "…", {word} …'
