"""One conversation, as no protocol in particular writes it: what all dialects read into and write from.

Values are frozen. `extras` hold what only one dialect knows, sealed with its name:
`{"openai": {"store": True}}`. `openai` seals what both of OpenAI's dialects write alike. `at` is the place in
the client's request, such as `("messages", 3, "content", 1)`, and takes no part in comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field

from ...compiler.plan.record import fields, frozen
from .parts import NOTHING, CacheMark, Extras, Part, Place, Text

Role = Literal["system", "developer", "user", "assistant"]


@frozen
class Turn:
    """What one side says at a time. Results of tools are parts of the user's turns."""

    role: Role
    parts: tuple[Part, ...] = ()
    extras: Extras = NOTHING
    at: Place = field(default=(), eq=False, repr=False)


@frozen
class FunctionTool:
    """A function that the model may call. parameters: a JSON schema; None: it takes none."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    cache: CacheMark | None = None
    extras: Extras = NOTHING
    at: Place = field(default=(), eq=False, repr=False)


@frozen
class SealedTool:
    """A tool that only `dialect` knows, such as a search that the provider runs itself."""

    dialect: str
    value: Mapping[str, Any]
    at: Place = field(default=(), eq=False, repr=False)


Tool = FunctionTool | SealedTool


@frozen
class ToolChoice:
    """Whether tools may or must be called. names: those that may; empty is all."""

    mode: Literal["auto", "none", "required"]
    names: tuple[str, ...] = ()
    extras: Extras = NOTHING


@frozen
class Format:
    """The form of the answer: free text, any JSON object, or JSON that fits a schema."""

    kind: Literal["text", "json", "schema"]
    schema: Mapping[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None

    @property
    def described(self) -> Mapping[str, Any] | None:
        """The schema with the description in it, for who has no other place for that."""
        if self.schema is None or self.description is None or "description" in self.schema:
            return self.schema
        return {"description": self.description, **self.schema}


@frozen
class Sampling:
    """How tokens are drawn; None leaves it to the model. Names and ranges are OpenAI's and vLLM's."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    logit_bias: Mapping[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None

    def said(self) -> dict[str, Any]:
        """The fields that are not None."""
        return {name: value for name in SAMPLING if (value := getattr(self, name)) is not None}


SAMPLING = tuple(fields(Sampling))

DEFAULT_SAMPLING = Sampling()


@frozen
class ThinkingWanted:
    """How much the model shall think.

    mode: `off`; `adaptive`, as the model sees fit; `budget`, at most `budget` tokens; None: only the effort
    is said.
    effort: from `none` to `max`. shown: whether the client wants to read it. summary: how it is summed up.
    """

    mode: Literal["off", "adaptive", "budget"] | None = None
    effort: str | None = None
    budget: int | None = None
    shown: bool | None = None
    summary: str | None = None

    @property
    def is_off(self) -> bool:
        return self.mode == "off" or self.effort == "none"


@frozen
class Conversation:
    """A request for an answer. System prompts are turns, which may also stand in the middle.

    max_tokens: of the answer, with its thoughts. token_limit: the name of that field, where a dialect has
    two.
    n: how many answers. user: who asks, for the provider's checks.
    modalities: what the answer may hold: `text`, `image`, `audio`; empty: as the model does it.
    stream_usage: whether a stream shall end with the usage; None: as the dialect does it.
    """

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    format: Format | None = None
    sampling: Sampling = DEFAULT_SAMPLING
    max_tokens: int | None = None
    token_limit: Literal["max_tokens", "max_completion_tokens"] | None = None
    thinking: ThinkingWanted | None = None
    verbosity: str | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    user: str | None = None
    modalities: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = NOTHING
    stream: bool = False
    stream_usage: bool | None = None
    extras: Extras = NOTHING

    def lead(self) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
        """The system prompts at the beginning, and the turns after them."""
        count = 0
        for turn in self.turns:
            if turn.role not in ("system", "developer"):
                break
            count += 1
        texts = tuple(part for turn in self.turns[:count] for part in turn.parts if isinstance(part, Text))
        return texts, self.turns[count:]
