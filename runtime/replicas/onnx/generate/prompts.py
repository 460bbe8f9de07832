"""From the messages of a chat to the text that the model continues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from ....dialects.openai_chat.messages import read_messages
from ....regular_file import read_regular
from ....requests.conversation import Turn
from ....requests.errors import BadRequest, Incapable, StartError
from ....requests.parts import Media, Part, Sealed, ToolResult, path
from .tools import Offer, with_offer

_LARGEST = 16 << 20
"""Bytes of a template, or of the configuration that holds it."""

_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")


class ChatTemplate:
    """A Jinja2 template, as Hugging Face's tokenizers carry it; runs in a sandbox.

    Without one, each message is a line, `role: text`, and the answer follows `assistant:`; an encoder reads
    what stands in all messages.
    """

    def __init__(self, path: Path | None, owner: str, *, has_encoder: bool = False) -> None:
        self._has_encoder = has_encoder
        self._owner = owner
        self._special: dict[str, str] = {}
        self._offers_tools = False
        self._template = self._load(path) if path else None

    @property
    def writes_special_tokens(self) -> bool:
        """Whether the text has its special tokens already, so that the tokenizer must not add them."""
        return self._template is not None

    def render(
        self, messages: list[dict[str, Any]], offer: Offer | None = None, turns: Iterable[Turn] | None = None
    ) -> str:
        """The prompt. turns: what `messages` say, where the client wrote it otherwise. Raises BadRequest."""
        for part in _inside(read_messages(messages) if turns is None else turns):
            if isinstance(part, Media) or (isinstance(part, Sealed) and "content" in part.at):
                where = path(part.at)
                raise Incapable(f"`{where}`: this model takes parts of the type `text` only", param=where)
        plain = [_plain(index, message) for index, message in enumerate(messages)]
        tools = list(offer.tools) if offer is not None else None
        if offer is not None and not self._offers_tools:
            plain = with_offer(plain, offer)
        if self._template is None and self._has_encoder:
            return "\n".join(message["content"] for message in plain)
        if self._template is None:
            lines = [f"{message['role']}: {_in_words(message)}" for message in plain]
            return "\n".join([*lines, "assistant:"])
        try:
            text: str = self._template.render(
                messages=plain, tools=tools, add_generation_prompt=True, **self._special
            )
        except Exception as error:
            raise Incapable(
                f"{self._owner}: its chat template does not take these messages: {error}", param="messages"
            ) from None
        return text

    def _load(self, path: Path) -> Any:
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        where = f"{self._owner}: its chat template {path}"
        try:
            source = read_regular(path, _LARGEST).decode("utf-8")
            if path.suffix == ".json":
                source = self._from_config(source, where)
            environment = ImmutableSandboxedEnvironment(
                trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
            )
            environment.globals["raise_exception"] = _refuse
            self._offers_tools = "tools" in source
            return environment.from_string(source)
        except UnicodeDecodeError:
            raise StartError(f"{where} is not UTF-8 text") from None
        except OSError as error:
            raise StartError(f"{where} cannot be read: {error.strerror}") from None
        except TemplateError as error:
            raise StartError(f"{where} is no Jinja2 template: {error}") from None

    def _from_config(self, source: str, where: str) -> str:
        """The template in a `tokenizer_config.json`, which names the special tokens, too."""
        try:
            config = orjson.loads(source)
        except orjson.JSONDecodeError as error:
            raise StartError(f"{where} is no JSON: {error}") from None
        template = config.get("chat_template") if isinstance(config, dict) else None
        if isinstance(template, list):
            template = next(
                (each.get("template") for each in template if each.get("name") == "default"), None
            )
        if not isinstance(template, str):
            raise StartError(f"{where} has no `chat_template`")
        for name in _SPECIAL:
            token = config.get(name)
            token = token.get("content") if isinstance(token, dict) else token
            if isinstance(token, str):
                self._special[name] = token
        return template


def _plain(index: int, message: dict[str, Any]) -> dict[str, Any]:
    """A message as templates know it: text, `system` for the developer, arguments of calls as objects."""
    plain = message | {"content": _text(index, message)}
    if message["role"] == "developer":
        plain["role"] = "system"
    calls = message.get("tool_calls")
    if calls:
        plain["tool_calls"] = [_call(call) for call in calls]
    return plain


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    if function is None:
        return call
    try:
        arguments = orjson.loads(function["arguments"])
    except orjson.JSONDecodeError:
        return call
    return call | {"function": function | {"arguments": arguments}}


def _in_words(message: dict[str, Any]) -> str:
    """What was said, and which functions were called."""
    calls = [orjson.dumps(call.get("function", call)).decode() for call in message.get("tool_calls") or ()]
    return " ".join(filter(None, (message["content"], *calls)))


def _text(index: int, message: dict[str, Any]) -> str:
    """The content of a message: a text, or a list of texts. Answers have none where they refuse or call."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if content is None and message["role"] == "assistant":
        return message.get("refusal") or ""
    where = f"messages[{index}].content"
    if not isinstance(content, list):
        raise BadRequest(f"`{where}` must be text, or a list of parts", param=where)
    return "".join(part.get("text") or part.get("refusal") or "" for part in content)


def _inside(turns: Iterable[Turn]) -> Iterator[Part]:
    """The parts of `turns`, and those of results of calls."""
    for turn in turns:
        for part in turn.parts:
            yield from part.parts if isinstance(part, ToolResult) else (part,)


def _refuse(message: str) -> None:
    raise ValueError(message)
