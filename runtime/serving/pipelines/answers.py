"""Answers of models that are to be JSON of a type: what the model is told, and reading what it says."""

from __future__ import annotations

import re
from typing import Any

import orjson

from ....compiler.plan import RecordType, Type
from ...requests.errors import InvalidAnswer
from .convert import json_in
from .leaf_values import Sizes
from .schema import is_open, schema_of
from .values import Misfit, Source, reader

_VALUE = "value"
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")


class AnswerReader:
    """Providers want an object at the top: anything else stands in its field `value`."""

    def __init__(self, kind: Type) -> None:
        self._is_wrapped = not isinstance(kind, RecordType)
        wanted = RecordType(fields={_VALUE: kind}) if self._is_wrapped else kind
        self._read = reader(wanted, Source.MODEL)
        self._schema = schema_of(wanted)
        self._is_strict = not is_open(kind)
        self._name = kind.name if isinstance(kind, RecordType) and kind.name else "answer"

    @property
    def instruction(self) -> str:
        """The same in words, for models that know no formats."""
        schema = orjson.dumps(self._schema).decode()
        return f"Answer with JSON alone, without any other text. It must fit this JSON schema: {schema}"

    def response_format(self, target: str) -> dict[str, Any]:
        """In OpenAI's shape."""
        name = _NO_NAME.sub("_", self._name)[:64]
        schema = {"name": name, "schema": self._schema}
        return {"type": "json_schema", "json_schema": schema | ({"strict": True} if self._is_strict else {})}

    def read(self, answer: str, *, is_cut: bool) -> Any:
        """The value in an answer. Raises InvalidAnswer, which says where it does not fit.

        is_cut: the model had no tokens left to say more.
        """
        try:
            value = self._read(json_in(answer), Sizes())
        except Misfit as error:
            why = "; the answer was cut off: it needs more `max_tokens`" if is_cut else ""
            raise InvalidAnswer(f"the answer does not fit its type: {error}{why}") from None
        return value[_VALUE] if self._is_wrapped else value

    def complaint(self, error: InvalidAnswer) -> str:
        """What a model is told whose answer did not fit."""
        return f"That cannot be used: {error.message}. {self.instruction}"
