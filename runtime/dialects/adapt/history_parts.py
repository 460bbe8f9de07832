"""The parts of turns, each as a provider takes it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from attrs import evolve

from ....compiler.plan import Capabilities
from ...requests.conversation import Turn
from ...requests.parts import (
    NOTHING,
    Media,
    Part,
    Place,
    RedactedThinking,
    Refusal,
    Sealed,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    own,
    path,
)
from ...requests.request import OPENAI_CHAT
from ..fields import objects
from ..media_urls import type_of_url
from ..openai_chat.messages import own_form
from ..openai_chat.thought_details import FIELD, detail_of, is_mistrals, mistral_chunk
from .anthropic_words import BILLING, as_words, without_billing
from .call_ids import CallIds
from .converse import as_converse_document, as_converse_search_result
from .dialects import OWNERS, RAN_THERE, SEALS, SIGNED_BY, TEXT_DOCUMENTS, known_alone
from .marks import is_markless, marked_before, on_last_part
from .pictures import with_pictures
from .result import Findings
from .system_prompts import SYSTEM
from .tools import fit_mark, fit_sealed


class PartsAdapted:
    """Goes over the parts of turns, in their order: what goes on, in which form, and what is left out."""

    def __init__(self, can: Capabilities, found: Findings, provider: str) -> None:
        self._can = can
        self._found = found
        self._provider = provider
        self._seals = SEALS[provider]
        self._drops_empty = bool(can.turns_alternate)

    @cached_property
    def _ids(self) -> CallIds:
        """Of the calls of the conversation, where there are some."""
        return CallIds(self._can.call_ids, unique=bool(self._can.turns_alternate))

    def turn(self, turn: Turn) -> Turn:
        """`turn` itself where nothing changes."""
        parts: list[Part] = []
        changed = False
        if self._provider == "gemini" and turn.role == "assistant":
            turn = with_pictures(turn)
        if turn.extras and self._can.cache_marks == "cache_control":
            turn = on_last_part(turn)
        for part in turn.parts:
            fit = self._part(part, turn)
            changed = changed or len(fit) != 1 or fit[0] is not part
            parts += fit
            if not fit:
                marked_before(parts, part, self._provider)
        if turn.role == "assistant" and self._can.call_signature is not None:
            changed = self._sign(parts) or changed
        if turn.extras and turn.role == "assistant":
            kept = _said_anew(turn.extras, is_carried=self._returns("extra_content"))
            if kept != turn.extras:
                turn, changed = evolve(turn, extras=kept), True
        elif turn.extras:
            self._name_extras(turn.extras, path(turn.at))
            if not turn.parts and turn.extras.keys().isdisjoint(self._seals):
                return evolve(turn, extras=NOTHING)
        if turn.extras and (kept := self._taken(turn)) != turn.extras:
            return evolve(turn, parts=tuple(parts), extras=kept)
        return evolve(turn, parts=tuple(parts)) if changed else turn

    def _taken(self, turn: Turn) -> Any:
        """The fields of a message that the provider takes; others are named where the client wrote them."""
        taken = self._can.message_fields
        if taken is None:
            return turn.extras
        for name in {name for values in turn.extras.values() for name in values} - {*taken}:
            if turn.role != "assistant":
                self._found.note(
                    f"{path(turn.at)}.{name}".lstrip("."), "left out: the provider does not take it"
                )
        return {
            seal: {name: value for name, value in values.items() if name in taken}
            for seal, values in turn.extras.items()
        }

    def _part(self, part: Part, turn: Turn) -> tuple[Part, ...]:
        if turn.role in SYSTEM and not isinstance(part, Text | Sealed):
            self._found.refuse(path(part.at), "system prompts are text")
            return ()
        match part:
            case Text():
                if self._provider != "anthropic" and turn.role in SYSTEM and part.text.startswith(BILLING):
                    self._found.note(path(part.at), "left out: it is about who pays Anthropic")
                    if (said := without_billing(part)) is None:
                        return ()
                    part = said
                is_signed = self._provider == "gemini" and "gemini" in part.extras
                if self._drops_empty and not part.text.strip() and not is_signed:
                    return ()
            case ToolCall():
                part = self._ids.call(part)
            case ToolResult():
                return self._result(self._ids.result(part), turn)
            case Media() if (
                turn.role == "assistant" and self._can.media_in_answers is False and not part.text
            ):
                self._found.refuse(path(part.at), "answers in the conversation are text for the provider")
                return ()
            case Media():
                return self._media(part)
            case Thinking() | RedactedThinking():
                return self._thought(part)
            case Refusal():
                known = self._can.message_fields
                if turn.role != "assistant" or (known is not None and "refusal" not in known):
                    part = Text(part.text, part.cache, at=part.at)
                elif self._drops_empty and not part.text.strip():
                    return ()
            case Sealed():
                kind = part.value.get("type") or part.value.get("role") or "part"
                if (
                    self._provider == "openai_chat"
                    and kind == "reasoning"
                    and (plain := _plain_thought(part))
                ):
                    return self._thought(plain)
                if part.dialect in self._seals:
                    part = fit_sealed(part, self._can, self._provider)
                    return (part,) if self._has(str(kind), part.at, own_form(part.value)) else ()
                if self._provider == "bedrock" and kind == "search_result" and part.dialect == "anthropic":
                    return (as_converse_search_result(part),)
                if part.dialect == "anthropic" and (words := as_words(part)):
                    self._found.note(path(part.at), f"sent as text: `{kind}` is known to Anthropic alone")
                    return tuple(fit for each in words for fit in self._part(each, turn))
                if turn.role == "assistant" and kind in RAN_THERE.get(part.dialect, ()):
                    self._found.note(
                        path(part.at), f"left out: `{kind}` is known to {OWNERS[part.dialect]} alone"
                    )
                    return ()
                self._found.refuse(path(part.at), known_alone(part.dialect, str(kind)))
                return ()
        mark = fit_mark(part.cache, self._can)
        if mark is not None and turn.role == "assistant" and self._provider == "openai_responses":
            self._found.note(f"{path(part.at)}.{mark.field}", "left out: responses mark no answers")
            mark = None
        if mark != part.cache:
            part = evolve(part, cache=mark)
        if part.extras:
            part = self._unseal(part, turn)
        return (part,)

    def _has(self, kind: str, at: Place, form: str | None = None) -> bool:
        """Whether the provider has such parts of messages, which are named in the words of OpenAI's chats.

        form: a form of them that OpenAI does not have.
        """
        kinds = self._can.part_kinds if self._provider == "openai_chat" else None
        kind = form or kind
        if kind in (kinds or ()) or (kinds is None and form is None):
            return True
        self._found.refuse(path(at), f"the provider does not take `{kind}`")
        return False

    def _thought(self, thought: Thinking | RedactedThinking) -> tuple[Part, ...]:
        """Signed thoughts go to who signed them, others to who takes any back."""
        if thought.dialect != SIGNED_BY.get(self._provider, self._provider):
            return ()
        signed = isinstance(thought, RedactedThinking) or bool(thought.signature)
        detail = detail_of(thought) if signed and self._provider == "openai_chat" else None
        of_mistral = is_mistrals(detail)
        if detail is not None and of_mistral and "thinking" in (self._can.part_kinds or ()):
            return (Sealed(OPENAI_CHAT, mistral_chunk(detail), thought.at),)
        if signed and self._provider == "openai_chat" and (of_mistral or not self._returns(FIELD)):
            if isinstance(thought, RedactedThinking) or not thought.text:
                return ()
            thought, signed = evolve(thought, signature=None), False
        return (thought,) if signed or self._can.thoughts_in_history is not False else ()

    def _returns(self, field: str) -> bool:
        """Whether the provider wants this field of its answers back."""
        return field in (self._can.returned_fields or ())

    def _unseal(self, part: Any, turn: Turn) -> Any:
        """Take out what another provider put on its answer; name what the client put on a question."""
        if self._provider != "gemini" and not self._returns("extra_content"):
            kept = {seal: v for seal, v in part.extras.items() if seal != "gemini"}
            if (shared := kept.get("openai")) and "extra_content" in shared:
                kept["openai"] = {name: v for name, v in shared.items() if name != "extra_content"}
            if kept != part.extras:
                part = evolve(part, extras=kept or NOTHING)
        if turn.role != "assistant":
            self._name_extras(part.extras, path(part.at))
        return self._plain(part, _OF_PARTS, is_named=turn.role != "assistant")

    def _plain(self, part: Any, known: frozenset[str], *, is_named: bool) -> Any:
        """`part` without fields that are not `known`, in front of who refuses these. is_named: the client
        wrote them."""
        beside = own(part.extras, OPENAI_CHAT)
        if self._can.message_fields is None or beside.keys() <= known:
            return part
        for name in beside.keys() - known if is_named else ():
            self._found.note(f"{path(part.at)}.{name}", "left out: the provider does not take it")
        left = {name: value for name, value in beside.items() if name in known}
        extras = {seal: values for seal, values in part.extras.items() if seal != OPENAI_CHAT}
        return evolve(part, extras=(extras | {OPENAI_CHAT: left} if left else extras) or NOTHING)

    def _name_extras(self, extras: Any, where: str) -> None:
        for seal, values in extras.items():
            if seal not in self._seals:
                for name in values:
                    self._found.note(
                        f"{where}.{name}".lstrip("."), f"left out: it is known to {OWNERS[seal]} alone"
                    )

    def _result(self, result: ToolResult, turn: Turn) -> tuple[Part, ...]:
        """The result, and behind it what the provider takes from users only."""
        inner: list[Part] = []
        beside: list[Part] = []
        for part in result.parts:
            moved = isinstance(part, Media) and not part.text and self._can.media_in_results is False
            (beside if moved else inner).extend(fit := self._part(part, turn))
            if not fit:
                marked_before(inner, part, self._provider)
        if beside:
            self._found.note(path(result.at), "its media are sent beside it: results of tools are text")
        changed: dict[str, Any] = {}
        if tuple(inner) != result.parts:
            changed["parts"] = tuple(inner)
        self._name_extras(result.extras, path(result.at))
        result = self._plain(result, _OF_RESULTS, is_named=True)
        if result.is_error and self._provider.startswith("openai"):
            self._found.note(
                f"{path(result.at)}.is_error", "left out: the text alone tells that the tool failed"
            )
        if (mark := fit_mark(result.cache, self._can)) != result.cache:
            changed["cache"] = mark
        return (evolve(result, **changed) if changed else result, *beside)

    def _media(self, media: Media) -> tuple[Part, ...]:
        """Media of a type that the model reads; a plain document is text where there is no word for it."""
        if media.text and self._provider not in TEXT_DOCUMENTS:
            self._name_extras(media.extras, path(media.at))
            title = f"{media.name}\n" if media.name else ""
            return (Text(title + media.text, fit_mark(media.cache, self._can), at=media.at),)
        taken = self._can.media_by_url if media.url else self._can.media_inline
        type = normal_type(media.type)
        if media.url and type is None:
            type = type_of_url(media.url) or f"{media.kind}/*"
        if self._provider == "openai_chat" and not self._has(OPENAI_KINDS[media.kind], media.at):
            return ()
        if taken is not None and not any(_covers(each, type or "") for each in taken):
            how = "by URL" if media.url else "in the request"
            self._found.refuse(path(media.at), f"the model does not read {type} {how}")
            return ()
        if self._provider == "bedrock":
            media = as_converse_document(media)
        self._name_extras(media.extras, path(media.at))
        if media.name and self._provider == "gemini":
            self._found.note(path(media.at), "sent without its name: there is no place for it")
        mark = fit_mark(media.cache, self._can)
        if mark and is_markless(self._provider, media.kind, type):
            self._found.note(
                f"{path(media.at)}.{mark.field}", "left out: Claude has none behind such documents"
            )
            mark = None
        if mark != media.cache or (not media.url and type != media.type):
            media = evolve(media, cache=mark, type=type)
        return (media,)

    def _sign(self, parts: list[Part]) -> bool:
        """Give the first call of a turn the mark of a lost signature, unless it has one."""
        for place, part in enumerate(parts):
            if isinstance(part, ToolCall):
                held = own(part.extras, "gemini")
                if "thoughtSignature" in held:
                    return False
                signed = {**held, "thoughtSignature": self._can.call_signature}
                parts[place] = evolve(part, extras={**part.extras, "gemini": signed})
                return True
        return False


_OF_PARTS = frozenset({"image_url"})
"""What parts of messages hold beside what each has a place for: how closely an image is looked at."""

_OF_RESULTS = frozenset({"name"})
"""The same of messages with results."""


def _plain_thought(part: Sealed) -> Thinking | None:
    """The thoughts in a reasoning item of OpenAI's responses that hides none. Raises BadRequest."""
    if part.value.get("encrypted_content"):
        return None
    told = [
        each
        for name in ("summary", "content")
        if part.value.get(name)
        for each in objects(part.value[name], (*part.at, name))
    ]
    text = "\n\n".join(str(each.get("text") or "") for each in told)
    return Thinking(text, None, "openai_chat", at=part.at) if text else None


def _said_anew(extras: Any, *, is_carried: bool) -> Any:
    """What stands beside an answer in the history, without what only answers have, and what is empty.

    is_carried: the provider wants back what it put into `extra_content`.
    """
    left = {"annotations"} if is_carried else {"annotations", "extra_content"}
    kept = {
        seal: {name: v for name, v in values.items() if v not in (None, [], {}) and name not in left}
        for seal, values in extras.items()
    }
    return {seal: values for seal, values in kept.items() if values} or NOTHING


OPENAI_KINDS = {"image": "image_url", "audio": "input_audio", "video": "video_url", "document": "file"}
"""What parts of messages with media are called there."""

TYPE_NAMES = {"image/jpg": "image/jpeg", "audio/mp3": "audio/mpeg", "audio/x-wav": "audio/wav"}
"""Media types that are often written, and those that are meant."""


def normal_type(type: str | None) -> str | None:
    """The registered name of a media type."""
    return None if type is None else TYPE_NAMES.get(type.lower(), type.lower())


def _covers(pattern: str, type: str) -> bool:
    return pattern == "*" or pattern == type or (pattern.endswith("/*") and type.startswith(pattern[:-1]))
