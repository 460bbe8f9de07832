"""What a deployment adds to the requests that it sends: parameters under the names of OpenAI's API."""

from __future__ import annotations

from .fields import MOST_TOKENS, at_least, rare
from .kinds import EffortLevel, UnsupportedAction, VerbosityLevel
from .record import frozen


@frozen(slots=False)
class RequestParameters:
    """Parameters of a request, whichever protocol its provider speaks."""

    max_tokens: int | None = at_least(
        1, "longest answer in tokens, under either of its names", at_most=MOST_TOKENS, default=None, rare=True
    )
    temperature: float | None = at_least(0, "variety of the answers", at_most=2, default=None, rare=True)
    top_p: float | None = at_least(
        0, "share of the likeliest tokens that are drawn from", at_most=1, default=None, rare=True
    )
    top_k: int | None = at_least(1, "likeliest tokens that are drawn from", default=None, rare=True)
    min_p: float | None = at_least(
        0, "least probability of a token, against the likeliest", at_most=1, default=None, rare=True
    )
    frequency_penalty: float | None = at_least(
        -2, "against words that stand there often", at_most=2, default=None, rare=True
    )
    presence_penalty: float | None = at_least(
        -2, "against words that stand there already", at_most=2, default=None, rare=True
    )
    seed: int | None = at_least(
        0,
        "where chance starts: equal requests often get equal answers",
        at_most=2**53,
        default=None,
        rare=True,
    )
    stop: tuple[str, ...] | None = rare("texts before which an answer ends")
    n: int | None = at_least(1, "answers to each request", at_most=128, default=None, rare=True)
    logprobs: bool | None = rare("tell how probable each token was")
    top_logprobs: int | None = at_least(
        0, "how many others are told beside each token", at_most=100, default=None, rare=True
    )
    reasoning_effort: EffortLevel | None = rare("how much the model thinks before it answers")
    verbosity: VerbosityLevel | None = rare("how much it says")
    parallel_tool_calls: bool | None = rare("whether it may call several functions at once")
    user: str | None = rare("whom the provider takes for the user; no address")
    dimensions: int | None = at_least(
        1, "`embed`: numbers of each vector", at_most=100_000, default=None, rare=True
    )
    extra_body: dict[str, object] | None = rare(
        "further fields of the body, under the provider's own names", nested=True
    )


@frozen(slots=False)
class RequestSettings:
    """What goes out when the client says nothing, and what always does."""

    defaults: RequestParameters | None = rare("what counts where the client says nothing")
    force: RequestParameters | None = rare("what counts whatever the client says")
    unsupported: UnsupportedAction = rare(
        "what becomes of a parameter that the model does not take: an error, or it is left out",
        default=UnsupportedAction.ERROR,
    )
