"""One of the answers to a request: its text so far, its calls, and how likely its tokens were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field

from .....compiler.plan.record import define
from .decoder import Answer
from .sampling import Likely
from .text_stream import Writing
from .tools import Offer, begins_like_a_call, read_calls

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@define(eq=False)
class Choice:
    """index: its place among the answers. offer: functions that it may call."""

    index: int
    answer: Answer
    writing: Writing
    tokenizer: Tokenizer
    offer: Offer | None = None
    is_chat: bool = True
    echo: str = ""
    """What the answer begins with."""
    is_shown: bool = False
    """Whether a client has got anything of it."""
    _texts: list[str] = field(factory=list)
    _held: list[str] = field(factory=list)
    _told: list[tuple[int, Likely]] = field(factory=list)
    _place: int = 0

    @property
    def text(self) -> str:
        return self.echo + "".join(self._texts)

    def take(self, token: int) -> str:
        """What can be shown once `token` is here: nothing, while it may become a call."""
        text = self.writing.take(token)
        form = self.answer.sampler.form
        if self.writing.reason is None and form is not None and form.is_over:
            text += self.writing.end()
        likely = self.answer.sampler.likely
        if likely is not None:
            self._told.append((token, likely))
        self._texts.append(text)
        if self.offer is None:
            return text
        self._held.append(text)
        if begins_like_a_call("".join(self._held)) and not self.is_shown:
            return ""
        shown, self._held = "".join(self._held), []
        return shown

    def calls(self) -> list[dict[str, Any]]:
        """The calls that the whole answer is; empty where it is a text."""
        return read_calls(self.text) if self.offer is not None else []

    def rest(self) -> str:
        """What was held back, and is no call."""
        held, self._held = "".join(self._held), []
        return held

    @property
    def reason(self) -> str:
        assert self.writing.reason is not None
        return "tool_calls" if self.calls() else self.writing.reason

    def logprobs(self) -> dict[str, Any] | None:
        """What is told of the tokens since the last time; None where nothing is to be."""
        if self.answer.sampler.told is None:
            return None
        told, self._told = self._told, []
        if self.is_chat:
            return {"content": [self._told_of(*each, most=True) for each in told], "refusal": None}
        texts = [self._text_of(token) for token, _ in told]
        places = []
        self._place = self._place or len(self.echo)
        for text in texts:
            places.append(self._place)
            self._place += len(text)
        return {
            "tokens": texts,
            "token_logprobs": [likely.logprob for _, likely in told],
            "top_logprobs": [{self._text_of(t): p for t, p in likely.best} for _, likely in told],
            "text_offset": places,
        }

    def _told_of(self, token: int, likely: Likely, *, most: bool) -> Mapping[str, Any]:
        text = self._text_of(token)
        said: dict[str, Any] = {
            "token": text,
            "logprob": likely.logprob,
            "bytes": list(text.encode("utf-8", "replace")),
        }
        if most:
            best = [self._told_of(each, Likely(logprob, ()), most=False) for each, logprob in likely.best]
            said["top_logprobs"] = best
        return said

    def _text_of(self, token: int) -> str:
        text: str = self.tokenizer.decode([token], skip_special_tokens=False)
        return text
