"""What a route promises of all that may answer for it."""

from __future__ import annotations

from .fields import MOST_TOKENS, at_least, doc
from .record import frozen


@frozen(slots=False)
class Promise:
    """What clients may ask for, whichever deployment answers; what may be lost is an error when checked."""

    tools: bool = doc("calls of functions", default=False)
    parallel_tools: bool = doc("a say in whether several functions are called at once", default=False)
    forced_tools: bool = doc("a function that must be called", default=False)
    images: bool = doc("pictures in messages", default=False)
    documents: bool = doc("PDF files in messages", default=False)
    audio: bool = doc("sound in messages", default=False)
    image_output: bool = doc("pictures in answers", default=False)
    audio_output: bool = doc("sound in answers", default=False)
    json: bool = doc("answers that are JSON", default=False)
    json_schema: bool = doc("answers that fit a JSON schema", default=False)
    thinking: bool = doc("thoughts before the answer", default=False)
    caching: bool = doc("marks of the part of a prompt that is cached", default=False)
    logprobs: bool = doc("how probable each token was", default=False)
    choices: bool = doc("several answers to one request", default=False)
    context: int | None = at_least(
        1, "tokens of prompt and answer together", at_most=MOST_TOKENS, default=None
    )
