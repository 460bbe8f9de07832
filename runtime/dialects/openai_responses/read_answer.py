"""From answers of `POST /v1/responses` to events, whole and streamed.

Source: OpenAI API reference, responses streaming events. Calls of tools that OpenAI runs itself, and thoughts
that it alone can read, are sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from attrs import evolve

from ....compiler.plan.service_tiers import tier_named
from ...requests import events as e
from ...requests.parts import NOTHING, Sealed
from ...requests.usage import Usage
from ..argument_pieces import ArgumentPieces
from ..fields import count, few, told_cost
from ..openai_chat.messages import DIALECT as AS_CHAT
from ..reader import AnswerReader
from .items import DIALECT

Json = dict[str, Any]

_INCOMPLETE: dict[str, e.Reason] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
    "max_messages": "pause",
    "steered": "pause",
}

REPEATED = frozenset(
    {
        *("access_programs", "background", "billing", "conversation", "frequency_penalty", "image"),
        *("instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls"),
        *("presence_penalty", "previous_response_id", "prompt", "prompt_cache_key"),
        *("prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier"),
        *("store", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p"),
        *("truncation", "user"),
    }
)
"""Fields of a response that say again what was asked for, or who pays."""

_READ = frozenset(
    {
        *("completed_at", "created_at", "error", "id", "incomplete_details", "model", "object"),
        *("output", "service_tier", "status", "usage"),
    }
)
_CALL = frozenset({"id", "type", "status", "call_id", "name", "arguments"})
_BETWEEN = "\n\n"
"""What stands between the parts of a thought."""


class ResponsesReader(AnswerReader):
    """Events, or one response."""

    def __init__(self, failures: Any) -> None:
        super().__init__(failures)
        self._calls: dict[Any, int] = {}
        """The number of the call at each place of the output."""
        self._arguments: dict[Any, ArgumentPieces] = {}
        self._told: set[Any] = set()
        """The places of items that came in pieces; None: of one that does not say where it stands."""
        self._kinds: set[str] = set()
        """The kinds of items that were told."""
        self._done: set[Any] = set()

    def _read_object(self, value: Json) -> Iterator[e.Event]:
        match str(value.get("type")).removeprefix("response."):
            case "created":
                response = value["response"]
                yield e.Started(str(response.get("id") or ""), str(response.get("model") or ""))
            case "output_text.delta":
                self._tell_of("message", value)
                yield e.TextDelta(value["delta"], logprobs=tuple(value.get("logprobs") or ()))
            case "output_text.done" if value.get("output_index") not in self._told and value.get("text"):
                self._tell_of("message", value)
                yield e.TextDelta(value["text"], logprobs=tuple(value.get("logprobs") or ()))
            case "refusal.delta":
                self._tell_of("message", value)
                yield e.RefusalDelta(value["delta"])
            case "reasoning_summary_text.delta" | "reasoning_text.delta":
                self._tell_of("reasoning", value)
                yield e.ThinkingDelta(value["delta"], DIALECT)
            case "reasoning_summary_part.added" if value.get("summary_index"):
                yield e.ThinkingDelta(_BETWEEN, DIALECT)
            case "audio.delta" | "audio.transcript.delta":
                yield e.FieldsMade(DIALECT, {"audio": value["delta"]})
            case "output_text.annotation.added" if value.get("annotation"):
                yield from _cited(value["annotation"])
            case "output_item.added" if value["item"].get("type") == "function_call":
                yield self._begin(value["item"], _place(value))
            case "function_call_arguments.delta":
                place = _place(value)
                if said := self._arguments[place].add(value["delta"]):
                    yield e.ToolCallDelta(self._calls[place], said)
            case "function_call_arguments.done" if (place := _place(value)) in self._calls:
                yield from self._rest(place, value.get("arguments"))
            case "output_item.done":
                yield from self._item(value["item"], _place(value))
            case "completed" | "incomplete":
                yield from self._unseen(value["response"].get("output") or ())
                yield from self._finish(value["response"])
                self.ended = True
            case "failed":
                raise self._failures.in_band(value["response"].get("error") or {"message": "no reason given"})
            case "error":
                raise self._failures.in_band(value)

    def _read_whole(self, value: Json) -> Iterator[e.Event]:
        if value.get("status") not in ("completed", "incomplete"):
            raise self._failures.malformed("the answer is no response that is complete")
        yield e.Started(str(value.get("id") or ""), str(value.get("model") or ""))
        for place, item in enumerate(value["output"]):
            yield from self._item(item, place)
        yield from self._finish(value)

    def _tell_of(self, kind: str, value: Json) -> None:
        """Remember that an item of that kind is told in pieces."""
        self._told.add(value.get("output_index"))
        self._kinds.add(kind)

    def _item(self, item: Json, place: Any) -> Iterator[e.Event]:
        """An item that is complete, as far as it was not told in pieces."""
        self._done.add(place)
        is_told = place in self._told or None in self._told
        match item.get("type"):
            case "message" if not is_told:
                self._kinds.add("message")
                for part in item["content"]:
                    yield from _said(part)
            case "reasoning" if not is_told:
                self._kinds.add("reasoning")
                parts = [*(item.get("summary") or ()), *(item.get("content") or ())]
                if text := _BETWEEN.join(part["text"] for part in parts):
                    yield e.ThinkingDelta(text, DIALECT)
            case "function_call" if place not in self._calls:
                yield self._begin(item, place)
        yield from self._end(item, place)

    def _unseen(self, output: Iterable[Json]) -> Iterator[e.Event]:
        """What the end alone tells, as some servers do.

        Sources: https://github.com/Sophomoresty/gemini-web2api/pull/57,
        https://github.com/lidge-jun/opencodex/pull/4652.
        """
        told = {*self._kinds, *(("function_call",) if self._calls else ())}
        for place, item in enumerate(output):
            if place not in self._done and (item.get("type") not in told or place in self._calls):
                yield from self._item(item, place)

    def _rest(self, place: Any, told: Any) -> Iterator[e.Event]:
        """What is left to say of the arguments of the call there. told: all of them."""
        if said := self._arguments[place].rest(told if isinstance(told, str) else ""):
            yield e.ToolCallDelta(self._calls[place], said)

    def _begin(self, item: Json, place: Any) -> e.Event:
        number = self._calls[place] = len(self._calls)
        self._arguments[place] = ArgumentPieces()
        more = {name: value for name, value in item.items() if name not in _CALL and value is not None}
        return e.ToolCallBegun(
            number, str(item.get("call_id") or ""), item["name"], extras={DIALECT: more} if more else NOTHING
        )

    def _end(self, item: Json, place: Any) -> Iterator[e.Event]:
        match item["type"]:
            case "function_call":
                yield from self._rest(place, item.get("arguments"))
                yield e.ToolCallDone(self._calls[place])
            case "message":
                yield e.PartEnded()
            case "reasoning" if isinstance(hidden := item.get("encrypted_content"), str) and hidden:
                made_by = quote(self._failures.origin, safe="")  # a name may have what stands behind it
                signature = f"{made_by}/{item.get('id') or ''}:{hidden}"
                yield e.ThinkingSigned(signature, DIALECT)  # for clients who have no word for the item
                yield e.SealedMade(Sealed(DIALECT, item))
                yield e.PartEnded()
            case _:
                yield e.SealedMade(Sealed(DIALECT, item))

    def _finish(self, response: Json) -> Iterator[e.Event]:
        yield from _beside(response)
        if isinstance(usage := response.get("usage"), dict):
            searches = _searches(response)

            def read(told: Json) -> Usage:
                return evolve(read_usage(told), searches=searches)

            tier = tier_named(response.get("service_tier"))
            yield from self._tell(usage, read if searches else read_usage, DIALECT, tier)
        why = str((response.get("incomplete_details") or {}).get("reason"))
        if response.get("status") == "incomplete":
            yield e.Finished(_INCOMPLETE.get(why, "length"))
        else:
            yield e.Finished("tool_calls" if self._calls else "stop")


def _place(value: Json) -> Any:
    """Where in the output the item of an event stands; llama.cpp says which one it is instead.

    Source: https://github.com/ggml-org/llama.cpp/issues/20607.
    """
    place = value.get("output_index")
    if place is None:
        item = value.get("item") or {}
        place = item.get("id") or item.get("call_id") or value.get("item_id")
    return place


def read_usage(usage: Json) -> Usage:
    """Cached tokens are counted inside the input, but where they are more than it; thoughts inside the
    output."""
    given, made = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    asked, cached = count(usage, "input_tokens"), count(given, "cached_tokens")
    written = count(given, "cache_write_tokens")
    return Usage(
        asked + cached + written if cached + written > asked else asked,
        count(usage, "output_tokens"),
        cached_tokens=cached,
        reasoning_tokens=count(made, "reasoning_tokens"),
        cache_write_tokens=written,
        cache_write_1h_tokens=count(_object(given, "cache_write_tokens_details"), "ttl_12h_tokens"),
        searches=few(usage.get("server_side_tool_usage_details"), "web_search_calls"),
        told_cost=told_cost(usage),
    )


def _object(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _beside(response: Json) -> Iterator[e.Event]:
    """What stands beside the answer, as far as it says something."""
    if tier := response.get("service_tier"):
        yield e.FieldsMade(AS_CHAT, {"service_tier": tier}, "answer")
    more = {name: value for name, value in response.items() if name not in REPEATED and name not in _READ}
    if told := {name: value for name, value in more.items() if _says_something(value)}:
        yield e.FieldsMade(DIALECT, told, "answer")


def _says_something(value: Any) -> bool:
    """Whether anything in there is not zero, and not empty."""
    if isinstance(value, dict):
        return any(map(_says_something, value.values()))
    return bool(value)


def _searches(response: Json) -> int:
    """Searches on the web that are paid for: their number is told, or else those that the answer shows."""
    used = (response.get("tool_usage") or {}).get("web_search")
    if isinstance(used, dict) and isinstance(used.get("num_requests"), int):
        return few(used, "num_requests")
    return sum(map(_is_search, response.get("output") or ()))


def _is_search(item: Any) -> bool:
    """Whether the web was searched: what is opened, or looked for on a page, is not paid for.

    Source: OpenAI, pricing, built-in tools.
    """
    if not isinstance(item, dict) or item.get("type") != "web_search_call":
        return False
    action = item.get("action")
    return not isinstance(action, dict) or action.get("type", "search") == "search"


def _said(part: Json) -> Iterator[e.Event]:
    if part.get("type") == "refusal":
        yield e.RefusalDelta(part["refusal"])
        return
    yield e.TextDelta(part["text"], logprobs=tuple(part.get("logprobs") or ()))
    for note in part.get("annotations") or ():
        yield from _cited(note)


def _cited(note: Json) -> Iterator[e.Event]:
    """A source on the web, as chat completions write it; those in files have words here alone."""
    if note.get("type") == "url_citation":
        found = {name: value for name, value in note.items() if name != "type"}
        native = {"type": "url_citation", "url_citation": found}
        yield e.Cited(AS_CHAT, native, note.get("url"), note.get("title"))
    else:
        yield e.Cited(DIALECT, note)
