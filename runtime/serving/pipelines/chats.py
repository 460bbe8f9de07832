"""Calls of chat models: a message, or messages, in; text out, or a value of the type that was asked for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import aclosing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ....compiler.plan import CallNode, TaskKind
from ...dialects.chunks import ChunkEvents, whole_answer
from ...requests.errors import BadRequest, ContentFiltered, InvalidAnswer, StepFailed
from ...requests.events import Finished, Reason, RefusalDelta, TextDelta
from ...requests.parts import Refusal, Text
from ...requests.request import ChatRequest
from .answers import AnswerReader
from .run import TextOptions
from .text_sink import Sink
from .workers import Workers

if TYPE_CHECKING:
    from .asker import Ask, Asker

Frame = list[Any]

_SIGNATURES = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp"))


def chat(node: CallNode, arguments: Mapping[str, int], workers: Workers) -> Ask:
    """arguments: the slots of `message` or `messages`, and perhaps of `system` and `images`."""
    messages = _messages(arguments)
    options: dict[str, Any] = {"model": node.target}
    if node.max_tokens is not None:
        options["max_tokens"] = node.max_tokens
    if node.temperature is not None:
        options["temperature"] = node.temperature
    if node.answer is None:
        return _text(messages, options)
    return _typed(messages, options, AnswerReader(node.answer, workers), node)


def _text(messages: Callable[[Frame], list[Any]], options: Mapping[str, Any]) -> Ask:
    async def ask(asker: Asker, frame: Frame, until: float | None, sink: Sink | None) -> str:
        body = {**_wanted(asker.wanted, options), "messages": messages(frame)}
        if sink is not None:
            return await _streamed(asker, body, until, sink)
        text, _ = await _whole(asker, body, until)
        return text

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
    messages: Callable[[Frame], list[Any]], options: Mapping[str, Any], reader: AnswerReader, node: CallNode
) -> Ask:
    """JSON of a type, which the model is told as the format of its answer; a local model in words, too.

    Whether a local model can be kept to a format depends on its tokenizer, and on what is installed.
    """
    asked = {**options, "response_format": reader.response_format(node.target)}
    is_local = node.task is TaskKind.GENERATE
    keeps_to_it = not is_local or find_spec("llguidance") is not None

    async def ask(asker: Asker, frame: Frame, until: float | None, sink: Sink | None) -> Any:
        nonlocal keeps_to_it
        said = messages(frame)
        if is_local:
            said = [{"role": "system", "content": reader.instruction}, *said]
        body = {**(asked if keeps_to_it else options), "messages": said}
        try:
            answer, is_cut = await _whole(asker, body, until)
        except BadRequest as error:
            if not is_local or not keeps_to_it or error.code != "unsupported":
                raise
            keeps_to_it, body = False, {**options, "messages": said}
            answer, is_cut = await _whole(asker, body, until)
        try:
            return await reader.read(answer, is_cut=is_cut)
        except InvalidAnswer as error:
            if not node.repair:
                raise
            repaired = [
                *body["messages"],
                {"role": "assistant", "content": answer},
                {"role": "user", "content": reader.complaint(error)},
            ]
        answer, is_cut = await _whole(asker, {**body, "messages": repaired}, until)
        return await reader.read(answer, is_cut=is_cut)

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


async def _whole(asker: Asker, body: Mapping[str, Any], until: float | None) -> tuple[str, bool]:
    """The text of the answer, and whether it was cut off where it may be no longer."""
    answer = whole_answer(await asker.whole(ChatRequest({**body, "stream": False}, stream=False), until))
    if not answer.choices:
        return "", False
    choice = answer.choices[0]
    text = "".join(part.text for part in choice.parts if isinstance(part, Text))
    if not text:
        _refuse_silence(choice.reason, any(isinstance(part, Refusal) for part in choice.parts))
    return text, choice.reason in ("length", "context_window")


async def _streamed(asker: Asker, body: Mapping[str, Any], until: float | None, sink: Sink) -> str:
    pieces: list[str] = []
    reason: Reason | None = None
    refused = False
    events = ChunkEvents()
    request = ChatRequest({**body, "stream": True, "stream_options": {"include_usage": True}}, stream=True)
    async with aclosing(asker.stream(request, until)) as chunks:
        async for chunk in chunks:
            for event in events.of(chunk):
                match event:
                    case TextDelta(text=text) if text:
                        pieces.append(text)
                        await sink.put(text)
                    case RefusalDelta():
                        refused = True
                    case Finished():
                        reason = event.reason
    if not pieces:
        _refuse_silence(reason, refused)
    return "".join(pieces)


def _refuse_silence(reason: Reason | None, refused: bool) -> None:
    """An empty answer is one, unless the model says that it refuses. Raises ContentFiltered."""
    if refused or reason in ("content_filter", "refusal"):
        raise ContentFiltered("the model refuses to answer")
