"""What stands after `with` at calls and lists."""

from __future__ import annotations

from ...dsl.fields import MOST_TOKENS, above, at_least, doc
from ...dsl.kinds import ToolErrors
from ...dsl.record import frozen
from ...dsl.units import Duration


@frozen(eq=False, repr=False)
class CallOptions:
    """What stands after `with` at a call."""

    timeout: Duration | None = above(
        0, "longest that the call may take; unset: as long as the request has", default=None
    )
    retries: int = at_least(
        0, "further tries when it fails and another one may help", at_most=1000, default=0
    )
    max_tokens: int | None = at_least(
        1,
        "longest answer in tokens, of `chat` and `generate`; unset: as the model does",
        at_most=MOST_TOKENS,
        default=None,
    )
    temperature: float | None = at_least(
        0, "variety of the answers, of `chat` and `generate`; unset: as the model does", default=None
    )
    repair: bool = doc(
        "with `as`: an answer that does not fit is sent back once, with what is wrong", default=False
    )
    tools: tuple[str, ...] = doc(
        "pipelines and externs that the model may call, of `chat` and `generate`", default=()
    )
    max_rounds: int = at_least(
        1,
        "with `tools`: how often it is asked again with what they gave; the last time it must answer",
        at_most=100,
        default=8,
    )
    on_tool_error: ToolErrors = doc(
        "with `tools`: whether the model is told that one failed, or the call fails", default=ToolErrors.TELL
    )


@frozen(eq=False, repr=False)
class LoopOptions:
    """What stands after `with` at `[… for x in xs]`."""

    limit: int = at_least(1, "how many run at the same time", at_most=10_000, default=16)
