"""The texts in values: found, and exchanged.

Whatever is text counts, wherever it stands, but for names of things that protocols know: nothing that a
model reads, or a client, is left out because a field is new.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Place = tuple[Any, ...]
"""Where a text stands: pieces of one text that come one by one have the same."""

Change = Callable[[Place, str], str]
"""What becomes of the text at a place."""

_NAMES = frozenset(
    (
        *("model", "object", "type", "role", "name", "index", "format", "encoding_format", "service_tier"),
        *("id", "call_id", "tool_call_id", "tool_use_id", "item_id", "previous_response_id", "request_id"),
        *("finish_reason", "native_finish_reason", "stop_reason", "status", "provider", "system_fingerprint"),
        *("signature", "thought_signature", "encrypted_content", "reasoning_effort", "effort", "verbosity"),
        *("usage", "logprobs", "mime_type", "media_type", "detail", "cache_control", "data_type"),
    )
)
"""Fields whose texts are words of a protocol, numbers of things, or not to be read by anyone else: as long as
they look like it. Sentences are texts here, too, and so is what stands in lists and objects."""

_KEYED = frozenset(
    ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependentRequired")
)
"""Parts of a JSON schema whose fields are named by who writes it."""

_UNREAD = frozenset(("usage", "logprobs"))
"""Those that nobody reads, whatever is in them."""

_VALUES = frozenset(("arguments", "args"))
_CALLS = frozenset(("tool_use", "server_tool_use", "mcp_tool_use"))
"""Types of parts whose `input` is what a function is given."""

_MEDIA = frozenset(
    (
        *("image", "image_url", "image_file", "input_image", "input_audio", "audio", "video", "video_url"),
        *("input_video", "file", "input_file", "container_upload", "document", "media", "redacted_thinking"),
    )
)
"""Types of parts that hold no text, unless they say so."""

_BASE64 = frozenset(("data", "file_data", "b64_json"))
_BESIDE_BASE64 = frozenset(("mime_type", "b64_json", "transcript"))
_PLAIN_NAME = re.compile(r"[\w.:/@$-]{1,64}", re.ASCII)
_SEALED = re.compile(r"[\w.:/@$+=-]*", re.ASCII)
_SEALED_NAMES = frozenset(("signature", "thought_signature", "encrypted_content"))
_DATA_URL = re.compile(r"data:[^,\s]{0,200};base64,[\w+/=-]*\s*", re.ASCII)


class Texts:
    """Goes over values and gives each text in them to `change`. unread: parts that hold no text.

    asked: they are what a client sends, who may put anything anywhere. names: what it calls functions, and
    what they take, which models read, too; nobody exchanges them, since others know them by these names.
    """

    def __init__(self, change: Change, *, asked: bool = False) -> None:
        self._change = change
        self._asked = asked
        self.unread = 0
        self.names: dict[str, None] = {}

    def __call__(self, value: Any, place: Place = (), *, own: bool = False) -> Any:
        """`value` with what `change` makes of its texts; the same object where nothing in it has changed.

        own: it is no message of a protocol, and what its fields are called says nothing.
        """
        match value:
            case str():
                return self.text(value, place)
            case Mapping():
                return self._mapping(value, place, own)
            case list() | tuple():
                changed = [
                    self(item, (*place, _index(item, number)), own=own) for number, item in enumerate(value)
                ]
                same = all(one is other for one, other in zip(changed, value, strict=True))
                return value if same else type(value)(changed)
            case bool() | int() | float() | None:
                return value
        self.unread += 1
        return value

    def text(self, text: str, place: Place = ()) -> str:
        """What becomes of one text."""
        if _DATA_URL.fullmatch(text):
            self.unread += 1
            return text
        changed = self._change(place, text)
        return text if changed == text else changed

    def _mapping(self, value: Mapping[str, Any], place: Place, own: bool) -> Mapping[str, Any]:
        kind = value.get("type")
        if isinstance(kind, str) and kind in _MEDIA and not _says_text(value):
            self.unread += 1
            return value
        is_signed = kind == "thinking" and bool(value.get("signature")) and not self._asked
        is_base64 = kind == "base64" or (kind != "text" and not _BESIDE_BASE64.isdisjoint(value))
        changed: dict[str, Any] = {}
        for name, each in value.items():
            if (is_signed and name == "thinking") or (not own and self._is_name(name, each, value)):
                changed[name] = each
                if isinstance(each, str) and (name == "name" or (name == "format" and kind is not None)):
                    self.names[each] = None
            elif name == "metadata" and self._asked and isinstance(each, Mapping):
                place_of = (*place, name)
                changed[name] = {
                    self.text(key, (*place_of, key, None)): self(item, (*place_of, key), own=True)
                    for key, item in each.items()
                }
            elif name in _BASE64 and is_base64:
                self.unread += 1
                changed[name] = each
            else:
                is_plain = _PLAIN_NAME.fullmatch(name) is not None
                key = name if is_plain else self.text(name, (*place, name, None))
                if is_plain and (own or (place and place[-1] in _KEYED)):
                    self.names[name] = None
                is_own = own or name in _VALUES or (name == "input" and kind in _CALLS)
                changed[key] = self(each, (*place, name), own=is_own)
        same = changed.keys() == value.keys() and all(changed[name] is value[name] for name in value)
        return value if same else changed

    def _is_name(self, name: str, each: Any, around: Mapping[str, Any]) -> bool:
        """Whether `each`, the field `name` of `around`, is no text for anyone."""
        if self._asked and (name in _UNREAD or (name == "name" and "role" in around)):  # whose message it is
            return isinstance(each, bool | int)
        return _is_name(name, each)


def _is_name(field: str, value: Any) -> bool:
    """Whether `value`, that of `field`, is no text for anyone."""
    if field not in _NAMES:
        return False
    if isinstance(value, str):
        is_sealed = field in _SEALED_NAMES or field.endswith("id")
        return not value or (_SEALED if is_sealed else _PLAIN_NAME).fullmatch(value) is not None
    return field in _UNREAD or not isinstance(value, Mapping | list | tuple)


def _index(item: Any, number: int) -> int:
    """Which of several it is: pieces of answers say so themselves."""
    index = item.get("index") if isinstance(item, Mapping) else None
    return index if isinstance(index, int) else number


def _says_text(part: Mapping[str, Any]) -> bool:
    """Whether a document is one of text."""
    source = part.get("source")
    return isinstance(source, Mapping) and source.get("type") in ("text", "content")


def is_word(text: str) -> bool:
    """Whether a text looks like a word of a protocol."""
    return _PLAIN_NAME.fullmatch(text) is not None
