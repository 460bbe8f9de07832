"""What others call the things of this language: `foreign_words.json`, read when a word is not known.

`fields` are those of deployments and of the blocks in them: `to` says the place, from the deployment
inwards, and `unit` what a plain number means there. `say` is the answer where nothing corresponds, `form`
how it is written, and `of` names who uses the word. `forms` are what others write in several words or
signs, with the one of them that cannot be read as `<at>`.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from .late_pattern import late_pattern
from .record import frozen

_TABLE = Path(__file__).with_name("foreign_words.json")


@frozen(eq=False, repr=False, slots=False)
class ForeignWord:
    """A word of others. to: its place here, or the word that is used here."""

    to: tuple[str, ...] = ()
    unit: str = ""
    say: str = ""
    form: str = ""


@frozen(eq=False, repr=False, slots=False)
class ForeignForm:
    """What others write. written: it on its line; its group `at` is the token that cannot be read.

    at: that token alone. say: how it is written here. to: what stands for it, with the groups of `written`.
    """

    written: re.Pattern[str]
    at: re.Pattern[str]
    message: str
    say: str = ""
    to: str = ""


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(_TABLE.read_text("utf-8"))
    return table


@cache
def foreign_forms() -> tuple[ForeignForm, ...]:
    """In the order in which they are looked for."""
    return tuple(_form(**told) for told in _table()["forms"])


def _form(written: str, at: str, **told: str) -> ForeignForm:
    return ForeignForm(late_pattern(written.replace("<at>", f"(?P<at>{at})")), re.compile(at), **told)


@cache
def foreign_words(kind: str) -> dict[str, ForeignWord]:
    """The words of one kind: those of the keys of the table, without `forms`."""
    return {word: _entry(told) for word, told in _table()[kind].items()}


def foreign_word(kind: str, word: str) -> ForeignWord | None:
    """What `word` is called here; None for a word that nobody else uses either."""
    return foreign_words(kind).get(word)


def _entry(told: dict[str, Any] | str) -> ForeignWord:
    if isinstance(told, str):
        return ForeignWord(say=told)
    place = tuple(told.get("to", "").split(".")) if told.get("to") else ()
    return ForeignWord(place, told.get("unit", ""), told.get("say", ""), told.get("form", ""))
