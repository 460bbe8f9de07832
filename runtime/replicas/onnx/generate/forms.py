"""Answers that have a form: the tokens that may come next, as llguidance finds them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from .....compiler.plan.installing import pip_install
from .....compiler.plan.record import frozen
from ....requests.errors import BadRequest, Incapable, RequestError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""JSON on one line: a model cannot fill an answer with spaces."""


@frozen
class FormAsked:
    """A form as a request asks for it: a grammar of llguidance, and the field that it came from."""

    grammar: str
    param: str


def json_form(schema: Any, param: str) -> FormAsked:
    """JSON that fits `schema`. Raises BadRequest."""
    if not isinstance(schema, dict):
        raise BadRequest(f"`{param}` must be a JSON schema, an object", param=param)
    matcher = _llguidance().LLMatcher
    try:
        return FormAsked(matcher.grammar_from_json_schema(schema, defaults=_COMPACT), param)
    except ValueError as error:
        raise BadRequest(f"`{param}` is no JSON schema: {error}", param=param) from None


def regex_form(regex: Any, param: str) -> FormAsked:
    """Text that the regular expression matches. Raises BadRequest."""
    if not isinstance(regex, str):
        raise BadRequest(f"`{param}` must be a regular expression", param=param)
    return FormAsked(_llguidance().LLMatcher.grammar_from_regex(regex), param)


def choice_form(choices: Any, param: str) -> FormAsked:
    """One of a few texts. Raises BadRequest."""
    if not isinstance(choices, list) or not choices or not all(isinstance(each, str) for each in choices):
        raise BadRequest(f"`{param}` must be a list of texts", param=param)
    return lark_form(f"start: {' | '.join(json.dumps(each, ensure_ascii=False) for each in choices)}", param)


def lark_form(grammar: Any, param: str) -> FormAsked:
    """Text of a grammar in the words of Lark. Raises BadRequest."""
    if not isinstance(grammar, str):
        raise BadRequest(f"`{param}` must be a grammar, a text", param=param)
    return FormAsked(_llguidance().LLMatcher.grammar_from_lark(grammar), param)


class Forms:
    """Makes forms for one tokenizer. Used from any thread. ends: tokens that end an answer."""

    def __init__(self, tokenizer: Tokenizer, ends: Sequence[int], owner: str) -> None:
        self._tokenizer = tokenizer
        self._ends = list(ends)
        self._owner = owner
        self._made: Any = None

    def make(self, asked: FormAsked) -> Form:
        """A form at its start. Blocks. Raises BadRequest."""
        library = _llguidance()
        if self._made is None:
            text: str = self._tokenizer.to_str()
            try:
                self._made = library.LLTokenizer(text, eos_token=self._ends or None)
            except ValueError as error:
                raise Incapable(
                    f"{self._owner}: its tokenizer cannot keep to a form: {error}",
                    param=asked.param,
                    code="unsupported",
                ) from None
        limits = library.LLParserLimits(verbose_errors=False)
        matcher = library.LLMatcher(self._made, asked.grammar, log_level=0, limits=limits)
        if matcher.is_error():
            reason = next(iter(str(matcher.get_error()).splitlines()), "")[:300]
            raise Incapable(f"`{asked.param}` cannot be followed: {reason}", param=asked.param)
        return Form(matcher, self._made.vocab_size, self._owner)


class Form:
    """Where one answer is in its form. Used by one thread at a time. tokens: how many the tokenizer has."""

    def __init__(self, matcher: Any, tokens: int, owner: str) -> None:
        self._matcher = matcher
        self._tokens = tokens
        self._owner = owner

    @property
    def is_over(self) -> bool:
        """Whether nothing but an end can follow."""
        stopped: bool = self._matcher.is_stopped()
        return stopped

    def takes(self, token: int) -> bool:
        """Whether `token` may stand next."""
        if token >= self._tokens:  # which the matcher would take for a failure of its own
            return False
        count: int = self._matcher.validate_tokens([token])
        return count == 1

    def allowed(self, size: int) -> NDArray[numpy.bool_]:
        """Whether each of `size` tokens may stand next. Raises RequestError."""
        bits = numpy.frombuffer(self._matcher.compute_bitmask(), numpy.uint8)
        known = numpy.unpackbits(bits, bitorder="little")[:size].view(numpy.bool_)
        mask = known if known.size == size else numpy.pad(known, (0, size - known.size))
        if self._matcher.is_error() or not mask.any():
            raise RequestError(f"{self._owner}: no token can go on with the form that the answer must have")
        return mask

    def take(self, token: int) -> None:
        """Go on behind `token`. Raises RequestError."""
        if not self._matcher.consume_token(token):
            raise RequestError(f"{self._owner}: the answer left the form that it must have")


def _llguidance() -> Any:
    if find_spec("llguidance") is None:
        raise Incapable(
            "the form of an answer needs the package llguidance where the model runs: "
            f"`{pip_install('constrained')}`",
            param="response_format",
            code="unsupported",
        )
    import llguidance

    return llguidance
