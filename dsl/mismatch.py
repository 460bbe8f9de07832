"""A value that does not fit its field: what was expected, what was found, and how to write it."""

from __future__ import annotations

from .late_text import LateText
from .suggest import either
from .units import EXAMPLES, KIND_NAMES
from .values import Call, Word, describe, show


class Mismatch(ValueError):
    """A value does not fit its field.

    expected, found: in the user's words. suggestion: how to write it, where that can be told.
    """

    def __init__(self, expected: str, value: object, suggestion: str | None = None) -> None:
        self.expected = expected
        self.found = _found(value)
        self.value = value
        self.suggestion = suggestion
        super().__init__(f"expected {expected}, found {self.found}")


class QuantityMismatch(Mismatch):
    """A value that is no quantity of the `kind` that its field takes."""

    def __init__(self, kind: type, value: object, suggestion: str | None) -> None:
        name = KIND_NAMES[kind]
        article = "an" if name[0] == "a" else "a"
        super().__init__(f"{article} {name}, such as {EXAMPLES[kind]}", value, suggestion)
        self.kind = kind


class WordMismatch(Mismatch):
    """A word that is none of the words allowed here."""

    def __init__(self, words: tuple[str, ...], value: object, suggestion: str | None = None) -> None:
        super().__init__(either(f"`{word}`" for word in words), value, suggestion)
        self.words = words


class SecretMismatch(ValueError):
    """Something else than a reference stands where a secret is named. Never holds or shows the value.

    inline: whether it is a text, and so perhaps the secret itself.
    """

    expected = '`env("NAME")` or `file("path")`'

    def __init__(self, value: object) -> None:
        self.inline = isinstance(value, str) and not isinstance(value, Word | LateText)
        self.has_default = isinstance(value, Call) and len(value.args) > 1
        super().__init__(f"expected {self.expected}, found {describe(value)}")


def _found(value: object) -> str:
    """A value in the user's words, with the value itself where it is short."""
    match value:
        case None:
            return "nothing"
        case Word() | bool() | dict() | list() | tuple():
            return describe(value)
        case str():
            return f"text {show(value)}"
        case _:
            return f"{describe(value)} `{show(value)}`"
