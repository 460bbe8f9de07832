"""What a call asks for that the model behind it cannot do, as far as that is known."""

from __future__ import annotations

from ...dsl.syntax import Node
from ..blocks.merge import Setting
from ..plan.endpoints import chats
from ..typing.callables import Callee
from .arguments import Arguments
from .inferrer import Inferrer
from .typed import Call


def refusals(
    callee: Callee, *, max_tokens: int | None, temperature: float | None
) -> dict[str, tuple[str, str]]:
    """The options of a call that the model does not take: what is wrong, and what to write instead."""
    can, name, found = callee.can, callee.name, {}
    if temperature is not None and temperature != 1 and "temperature" in (can.refused_sampling or ()):
        found["temperature"] = (f"the model of `{name}` takes no `temperature`", "leave `temperature` out")
    elif temperature is not None and temperature > (can.greatest_temperature or temperature):
        found["temperature"] = (
            f"the model of `{name}` takes a `temperature` of {can.greatest_temperature:g} at most",
            f"write a number from 0 to {can.greatest_temperature:g}",
        )
    if max_tokens is not None and max_tokens > (can.greatest_output or max_tokens):
        found["max_tokens"] = (
            f"the model of `{name}` answers with {can.greatest_output:,} tokens at most",
            f"write `max_tokens = {can.greatest_output}` or less; if the model can say more, "
            f"`model_info {{ max_output = … }}` at `{name}` says so",
        )
    return found


def check_chats(inferrer: Inferrer, callee: Callee, node: Node) -> None:
    """A chat for a model that speaks, draws, or writes down what it hears, and does nothing else."""
    can = callee.can
    if chats(can) is False:
        does = f"it answers {', '.join(f'`/v1/{each}`' for each in can.endpoints or ())}"
    elif can.writes is not None and "text" not in can.writes:
        does = f"it writes {' and '.join(can.writes)}, no text"
    elif can.needs_audio:
        does = "it must hear or speak, and a pipeline has text alone"
    else:
        return
    inferrer.error(
        "E0616",
        f"the model of `{callee.name}` does not chat",
        node,
        does,
        help="call a model that chats; clients ask this one at its own endpoint",
    )


def check_images(inferrer: Inferrer, callee: Callee, given: Arguments) -> None:
    """Images for a model that reads text alone."""
    if "images" in given and callee.can.media_inline == ():
        inferrer.error(
            "E0616",
            f"the model of `{callee.name}` reads no images",
            given["images"].node,
            "it takes text alone",
            help="call a model that does, or describe the image in words",
        )


def check_tools(inferrer: Inferrer, callee: Callee, setting: Setting) -> None:
    """Functions for a model that calls none."""
    if callee.can.tools is False:
        inferrer.error(
            "E0616",
            f"the model of `{callee.name}` calls no functions",
            setting.node.name,
            help="call a model that does; or ask for what is to be called with `as`, and call it in a step",
        )


def check_answer(inferrer: Inferrer, call: Call) -> None:
    """`as` for a model that can neither be held to a schema nor made to call a function."""
    can = call.callee.can
    if can.json_schema is False and (can.tools is False or can.forced_tools is False):
        inferrer.error(
            "E0616",
            f"the model of `{call.callee.name}` cannot be held to a type",
            call.node,
            "it has neither structured output nor functions that it must call",
            help="ask for JSON in the prompt, and read the text of the answer with `as`",
        )
