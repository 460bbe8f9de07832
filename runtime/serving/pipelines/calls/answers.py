"""Answers of models that are to be JSON of a type: what the model is told, and reading what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from .....compiler.plan import RecordType, Type
from ....requests.errors import InvalidAnswer, StepFailed
from ..values.convert import MOST_JSON, json_in
from ..values.leaves import Sizes
from ..values.reading import Misfit, Source, reader
from ..values.schema import is_open, schema_of
from ..workers.workers import Workers

_VALUE = "value"
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")


class AnswerReader:
    """Providers want an object at the top: anything else stands in its field `value`."""

    def __init__(self, kind: Type, workers: Workers) -> None:
        self._is_wrapped = not isinstance(kind, RecordType)
        wanted = RecordType(fields={_VALUE: kind}) if self._is_wrapped else kind
        self._read = answer_reading(wanted)
        self._read_elsewhere = workers.function("the answer", answer_reading, wanted)
        self.schema = schema_of(wanted)
        self.is_strict = not is_open(kind)
        self._name = kind.name if isinstance(kind, RecordType) and kind.name else "answer"

    @property
    def instruction(self) -> str:
        """The same in words, for models that know no formats."""
        schema = orjson.dumps(self.schema).decode()
        return f"Answer with JSON alone, without any other text. It must fit this JSON schema: {schema}"

    def response_format(self, target: str) -> dict[str, Any]:
        """In OpenAI's shape."""
        name = _NO_NAME.sub("_", self._name)[:64]
        schema = {"name": name, "schema": self.schema}
        return {"type": "json_schema", "json_schema": schema | ({"strict": True} if self.is_strict else {})}

    async def read(self, answer: str, *, is_cut: bool) -> Any:
        """The value in an answer. Raises InvalidAnswer, which says where it does not fit.

        A long one is read in a worker.

        is_cut: the model had no tokens left to say more.
        """
        try:
            return await self.value(answer)
        except StepFailed as error:
            why = "; the answer was cut off: it needs more `max_tokens`" if is_cut else ""
            raise InvalidAnswer(f"the answer does not fit its type: {error.message}{why}") from None

    async def value(self, written: str) -> Any:
        """The value in JSON that a model wrote. Raises StepFailed, which says where it does not fit."""
        given = {"answer": written}
        value = self._read(given) if len(written) <= MOST_JSON else await self._read_elsewhere(given)
        return value[_VALUE] if self._is_wrapped else value

    def complaint(self, error: InvalidAnswer) -> str:
        """What a model is told whose answer did not fit."""
        return f"That cannot be used: {error.message}. {self.instruction}"


def answer_reading(kind: Type) -> Callable[[Mapping[str, Any]], Any]:
    """What makes a value of an answer; raises StepFailed, which says where it does not fit."""
    read = reader(kind, Source.MODEL)

    def reading(values: Mapping[str, Any]) -> Any:
        try:
            return read(json_in(values["answer"]), Sizes())
        except Misfit as error:
            raise StepFailed(str(error)) from None

    return reading
