"""Calls of chat models: a message, or messages, in; text out, or a value of the type that was asked for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .....compiler.plan import CallNode, TaskKind
from ....dialects.answer import Choice
from ....requests.errors import BadRequest, ContentFiltered, InvalidAnswer, StepFailed
from ....requests.parts import Refusal
from ....requests.pipeline_call import TextOptions
from ..step_retries import Tries
from ..text_sink import Sink
from ..workers.workers import Workers
from .answers import AnswerReader
from .dialogue import Dialogue, Said
from .tools import Functions

if TYPE_CHECKING:
    from .asker import Ask, Asker

Frame = list[Any]

_SIGNATURES = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp"))


def chat(
    node: CallNode,
    arguments: Mapping[str, int],
    workers: Workers,
    functions: Functions | None = None,
    tries: Tries | None = None,
) -> Ask:
    """arguments: the slots of `message` or `messages`, and perhaps of `system` and `images`.

    functions: those that the model may call. tries: of each time that it is asked, where it has any.
    """
    messages = _messages(arguments)
    options: dict[str, Any] = {"model": node.target}
    if node.max_tokens is not None:
        options["max_tokens"] = node.max_tokens
    if node.temperature is not None:
        options["temperature"] = node.temperature
    dialogue = Dialogue(node, functions, tries)
    if node.answer is None:
        return _text(messages, options, dialogue)
    return _typed(messages, options, AnswerReader(node.answer, workers), dialogue)


def _text(messages: Callable[[Frame], list[Any]], options: Mapping[str, Any], dialogue: Dialogue) -> Ask:
    async def ask(asker: Asker, frame: Frame, until: float | None, sink: Sink | None) -> str:
        body = {**_wanted(asker.wanted, options), "messages": messages(frame)}
        said = await dialogue.hold(asker, body, until, sink)
        if not said.answer:
            _refuse_silence(said.last)
        return said.text

    return ask


def _wanted(wanted: TextOptions | None, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of a call and what the client wants: the file's count, and the lower limit."""
    if wanted is None:
        return options
    wanted.taken = True
    merged = {**wanted.values, **options}
    if "max_tokens" in wanted.values and "max_tokens" in options:
        merged["max_tokens"] = min(wanted.values["max_tokens"], options["max_tokens"])
    return merged


def _typed(
    messages: Callable[[Frame], list[Any]],
    options: Mapping[str, Any],
    reader: AnswerReader,
    dialogue: Dialogue,
) -> Ask:
    """JSON of a type, which the model is told as the format of its answer; a local model in words, too.

    Whether a local model can be kept to a format depends on its tokenizer, and on what is installed; whether
    one can while it has functions to call, on its provider. A local one cannot do both at once: it is asked
    again in that form where its words do not fit.
    """
    node, calls = dialogue.node, dialogue.functions is not None
    form = {"response_format": reader.response_format(node.target)}
    is_local = node.task is TaskKind.GENERATE
    keeps_to_it = not is_local or find_spec("llguidance") is not None
    form_beside_calls = not (is_local and calls)

    async def ask(asker: Asker, frame: Frame, until: float | None, sink: Sink | None) -> Any:
        nonlocal keeps_to_it, form_beside_calls
        given = messages(frame)
        instruction = {"role": "system", "content": reader.instruction}

        async def hold() -> Said:
            is_formed = keeps_to_it and form_beside_calls
            said = [instruction, *given] if is_local or not is_formed else given
            body = {**options, **(form if is_formed else {}), "messages": said}
            return await dialogue.hold(asker, body, until)

        try:
            said = await hold()
        except BadRequest as error:
            if is_local and keeps_to_it and error.code == "unsupported":
                keeps_to_it = False
            elif calls and form_beside_calls and error.param == "response_format":
                form_beside_calls = False
            else:
                raise
            said = await hold()
        if not said.answer:
            _refuse_silence(said.last)
        try:
            return await reader.read(said.answer, is_cut=said.is_cut)
        except InvalidAnswer as error:
            again = is_local and calls and keeps_to_it
            if not node.repair and not again:
                raise
            repaired = [
                *said.messages,
                {"role": "assistant", "content": said.answer},
                {"role": "user", "content": reader.complaint(error)},
            ]
        is_formed = again or (keeps_to_it and form_beside_calls)
        body = {**options, **(form if is_formed else {}), "messages": repaired}
        said = await dialogue.hold(asker, body, until, may_call=False)
        if not said.answer:
            _refuse_silence(said.last)
        return await reader.read(said.answer, is_cut=said.is_cut)

    return ask


def _messages(arguments: Mapping[str, int]) -> Callable[[Frame], list[Any]]:
    message, system = arguments.get("message"), arguments.get("system")
    given, images = arguments.get("messages"), arguments.get("images")

    def build(frame: Frame) -> list[Any]:
        built: list[Any] = []
        if system is not None:
            built.append({"role": "system", "content": frame[system]})
        if given is not None:
            built += _checked(frame[given])
        if message is not None:
            content: Any = frame[message]
            if images is not None:
                shown = frame[images] if isinstance(frame[images], list) else [frame[images]]
                content = [{"type": "text", "text": content}, *map(_image, shown)]
            built.append({"role": "user", "content": content})
        return built

    return build


def _checked(messages: Any) -> list[Any]:
    """OpenAI's list of messages, which is any JSON for the compiler. Raises StepFailed."""
    if not isinstance(messages, list) or not messages:
        raise StepFailed("`messages` must be a list of at least one message")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise StepFailed(f"`messages[{index}]` must be an object with a `role`, which is text")
    return messages


def _image(data: bytes) -> dict[str, Any]:
    kind = next((kind for start, kind in _SIGNATURES if data.startswith(start)), "png")
    url = f"data:image/{kind};base64,{b64encode(data).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def _refuse_silence(choice: Choice) -> None:
    """An empty answer is one, unless the model says that it refuses. Raises ContentFiltered."""
    if choice.reason in ("content_filter", "refusal") or any(
        isinstance(part, Refusal) for part in choice.parts
    ):
        raise ContentFiltered("the model refuses to answer")
