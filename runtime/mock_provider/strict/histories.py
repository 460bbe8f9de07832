"""What providers check of a conversation as a whole, which no path into it can tell.

Each check gives the places that are wrong, with what its message needs to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

Found = tuple[tuple[str | int, ...], dict[str, Any]]
Check = Callable[[dict[str, Any]], Iterator[Found]]

Json = dict[str, Any]


def chat_unanswered(body: Json) -> Iterator[Found]:
    """OpenAI's shape: calls that the messages right behind them do not answer."""
    waiting: dict[str, None] = {}
    caller = 0
    for index, message in enumerate(_objects(body.get("messages"))):
        if message.get("role") == "tool":
            waiting.pop(str(message.get("tool_call_id")), None)
            continue
        if waiting:
            yield ("messages", caller), {"ids": ", ".join(waiting), "next": index}
        waiting = {str(call.get("id")): None for call in _objects(message.get("tool_calls"))}
        caller = index
    if waiting:
        yield ("messages", caller), {"ids": ", ".join(waiting), "next": caller + 1}


def chat_orphans(body: Json) -> Iterator[Found]:
    """OpenAI's shape: results of tools that nobody called right before."""
    called: set[str] = set()
    for index, message in enumerate(_objects(body.get("messages"))):
        if message.get("role") != "tool":
            called = {str(call.get("id")) for call in _objects(message.get("tool_calls"))}
        elif str(message.get("tool_call_id")) not in called:
            yield ("messages", index), {"id": message.get("tool_call_id")}


def chat_count_differs(body: Json) -> Iterator[Found]:
    """OpenAI's shape: not as many results as calls."""
    calls = results = 0
    for index, message in enumerate(_objects(body.get("messages"))):
        if message.get("role") == "tool":
            results += 1
            continue
        if calls != results:
            yield ("messages", index), {}
        calls, results = len(_objects(message.get("tool_calls"))), 0
    if calls != results:
        yield ("messages",), {}


def chat_successive(body: Json) -> Iterator[Found]:
    """OpenAI's shape: two turns of the same side, one after the other."""
    roles = [(index, message.get("role")) for index, message in enumerate(_objects(body.get("messages")))]
    for (first, one), (second, other) in pairwise(roles):
        if one == other and one in ("user", "assistant"):
            yield ("messages", second), {"first": first, "second": second, "role": one}


def chat_user_after_tool(body: Json) -> Iterator[Found]:
    """OpenAI's shape: a user who speaks right after a tool."""
    for index, (one, other) in enumerate(pairwise(_objects(body.get("messages")))):
        if one.get("role") == "tool" and other.get("role") == "user":
            yield ("messages", index + 1), {}


def chat_ends_with_assistant(body: Json) -> Iterator[Found]:
    """OpenAI's shape: the last word is the model's own."""
    messages = _objects(body.get("messages"))
    if messages and messages[-1].get("role") == "assistant" and not messages[-1].get("prefix"):
        yield ("messages", len(messages) - 1), {}


def chat_no_json(body: Json) -> Iterator[Found]:
    """OpenAI's shape: JSON is wanted, and no message speaks of it."""
    said = " ".join(map(_words, _objects(body.get("messages"))))
    if _object(body.get("response_format")).get("type") == "json_object" and "json" not in said.lower():
        yield ("messages",), {}


def unlisted_required(body: Json) -> Iterator[Found]:
    """Strict schemas in OpenAI's shape whose objects do not list all their properties as required."""
    form = _object(_object(body.get("response_format")).get("json_schema"))
    if form.get("strict"):
        yield from _unlisted(form.get("schema"), ("response_format", "json_schema", "schema"), 0)
    for index, tool in enumerate(_objects(body.get("tools"))):
        function = _object(tool.get("function"))
        if function.get("strict"):
            yield from _unlisted(function.get("parameters"), ("tools", index, "function", "parameters"), 0)


def blocks_unanswered(body: Json) -> Iterator[Found]:
    """Anthropic's shape: calls that the next turn does not answer."""
    turns = [_blocks(message) for message in _objects(body.get("messages"))]
    for index, blocks in enumerate(turns):
        calls = [str(block.get("id")) for block in blocks if block.get("type") == "tool_use"]
        after = turns[index + 1] if index + 1 < len(turns) else []
        answered = {str(block.get("tool_use_id")) for block in after if block.get("type") == "tool_result"}
        missing = [call for call in calls if call not in answered]
        if missing and index + 1 < len(turns):
            yield ("messages", index), {"ids": ", ".join(missing)}


def blocks_orphans(body: Json) -> Iterator[Found]:
    """Anthropic's shape: results of calls that the turn before does not hold."""
    called: set[str] = set()
    for index, message in enumerate(_objects(body.get("messages"))):
        blocks = _blocks(message)
        for place, block in enumerate(blocks):
            if block.get("type") == "tool_result" and str(block.get("tool_use_id")) not in called:
                yield ("messages", index, "content", place), {"id": block.get("tool_use_id")}
        called = {str(block.get("id")) for block in blocks if block.get("type") == "tool_use"}


def blocks_repeated_ids(body: Json) -> Iterator[Found]:
    """Anthropic's shape: two calls with the same id."""
    seen: set[str] = set()
    for index, message in enumerate(_objects(body.get("messages"))):
        for block in _blocks(message):
            if block.get("type") == "tool_use":
                if block.get("id") in seen:
                    yield ("messages", index), {"id": block.get("id")}
                seen.add(str(block.get("id")))


def blocks_empty(body: Json) -> Iterator[Found]:
    """Anthropic's shape: turns without content, but for the last of the model."""
    messages = _objects(body.get("messages"))
    for index, message in enumerate(messages):
        last = index == len(messages) - 1 and message.get("role") == "assistant"
        if not message.get("content") and not last:
            yield ("messages", index), {}


def blocks_blank_text(body: Json) -> Iterator[Found]:
    """Anthropic's shape: texts of white space alone."""
    for index, message in enumerate(_objects(body.get("messages"))):
        content = message.get("content")
        texts = [content] if isinstance(content, str) else [b.get("text") for b in _blocks(message)]
        if any(isinstance(text, str) and text and not text.strip() for text in texts):
            yield ("messages", index), {}


def blocks_results_late(body: Json) -> Iterator[Found]:
    """Anthropic's shape: results of tools behind other content of their turn."""
    for index, message in enumerate(_objects(body.get("messages"))):
        kinds = [block.get("type") == "tool_result" for block in _blocks(message)]
        if any(kinds) and kinds != sorted(kinds, reverse=True):
            calls = _blocks(_objects(body.get("messages"))[index - 1]) if index else []
            ids = [str(block.get("id")) for block in calls if block.get("type") == "tool_use"]
            yield ("messages", max(index - 1, 0)), {"ids": ", ".join(ids)}


def blocks_trailing_space(body: Json) -> Iterator[Found]:
    """Anthropic's shape: a beginning of the answer that ends in white space."""
    messages = _objects(body.get("messages"))
    if messages and messages[-1].get("role") == "assistant":
        content = messages[-1].get("content")
        text = content if isinstance(content, str) else (_blocks(messages[-1]) or [{}])[-1].get("text")
        if isinstance(text, str) and text != text.rstrip():
            yield ("messages", len(messages) - 1), {}


def blocks_budget(body: Json) -> Iterator[Found]:
    """Anthropic's shape: a budget for thoughts that leaves nothing for the answer."""
    budget = _object(body.get("thinking")).get("budget_tokens")
    most = body.get("max_tokens")
    if isinstance(budget, int) and isinstance(most, int) and budget >= most:
        yield ("thinking", "budget_tokens"), {}


def tool_names_repeated(body: Json) -> Iterator[Found]:
    """Two tools with the same name, in OpenAI's or Anthropic's shape."""
    seen: set[object] = set()
    for index, tool in enumerate(_objects(body.get("tools"))):
        name = _object(tool.get("function")).get("name") or tool.get("name")
        if isinstance(name, str):
            if name in seen:
                yield ("tools", index), {"name": name}
            seen.add(name)


def unknown_tool_chosen(body: Json) -> Iterator[Found]:
    """A tool that must be called and is not there, in OpenAI's or Anthropic's shape."""
    choice = _object(body.get("tool_choice"))
    wanted = choice.get("name") or _object(choice.get("function")).get("name")
    tools = _objects(body.get("tools"))
    names = {_object(tool.get("function")).get("name") or tool.get("name") for tool in tools}
    if wanted is not None and wanted not in names:
        yield ("tool_choice",), {"name": wanted}


def cache_marks(body: Json) -> Iterator[Found]:
    """Anthropic's shape: more than four marks of what is cached."""
    places = [body.get("system"), body.get("tools")]
    places += [message.get("content") for message in _objects(body.get("messages"))]
    count = sum(bool(each.get("cache_control")) for place in places for each in _objects(place))
    count += bool(body.get("cache_control"))
    if count > 4:
        yield ("messages",), {"count": count}


def parts_call_out_of_turn(body: Json) -> Iterator[Found]:
    """Gemini's shape: a call that follows neither the user nor a result."""
    before = ""
    for index, content in enumerate(_objects(body.get("contents"))):
        parts = _objects(content.get("parts"))
        if any("functionCall" in part for part in parts) and before not in ("user", "result"):
            yield ("contents", index), {}
        before = "result" if any("functionResponse" in part for part in parts) else str(content.get("role"))


def parts_unanswered(body: Json) -> Iterator[Found]:
    """Gemini's shape: not as many results as calls in the turn before."""
    calls = 0
    for index, content in enumerate(_objects(body.get("contents"))):
        parts = _objects(content.get("parts"))
        results = sum("functionResponse" in part for part in parts)
        if results != calls and (calls or results):
            yield ("contents", index), {}
        calls = sum("functionCall" in part for part in parts)


def parts_unsigned(body: Json) -> Iterator[Found]:
    """Gemini's shape: a first call since the user spoke, without the signature of its thought."""
    contents = _objects(body.get("contents"))
    spoke = [
        index
        for index, content in enumerate(contents)
        if content.get("role") != "model" and not any("functionResponse" in p for p in _parts(content))
    ]
    for index, content in enumerate(contents):
        if index < (spoke[-1] if spoke else 0) or content.get("role") != "model":
            continue
        calls = [
            (place, part["functionCall"])
            for place, part in enumerate(_parts(content))
            if "functionCall" in part
        ]
        if calls and "thoughtSignature" not in _parts(content)[calls[0][0]]:
            name = _object(calls[0][1]).get("name")
            yield ("contents", index, "parts", calls[0][0]), {"name": name, "position": index + 1}


def _unlisted(schema: object, where: tuple[str | int, ...], depth: int) -> Iterator[Found]:
    if not isinstance(schema, dict) or depth > 32:
        return
    properties = _object(schema.get("properties"))
    required = schema.get("required")
    listed = required if isinstance(required, list) else []
    missing = [name for name in properties if name not in listed]
    if missing:
        yield where, {"missing": missing[0]}
    for name, inner in properties.items():
        yield from _unlisted(inner, (*where, "properties", name), depth + 1)
    for key in ("$defs", "definitions"):
        for name, inner in _object(schema.get(key)).items():
            yield from _unlisted(inner, (*where, key, name), depth + 1)
    yield from _unlisted(schema.get("items"), (*where, "items"), depth + 1)
    for index, inner in enumerate(_objects(schema.get("anyOf"))):
        yield from _unlisted(inner, (*where, "anyOf", index), depth + 1)


def _words(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text", "")) for part in _objects(content))


def _blocks(message: Json) -> list[Json]:
    return _objects(message.get("content"))


def _parts(content: Json) -> list[Json]:
    return _objects(content.get("parts"))


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        blocks_blank_text,
        blocks_budget,
        blocks_empty,
        blocks_orphans,
        blocks_repeated_ids,
        blocks_results_late,
        blocks_trailing_space,
        blocks_unanswered,
        cache_marks,
        chat_count_differs,
        chat_ends_with_assistant,
        chat_no_json,
        chat_orphans,
        chat_successive,
        chat_unanswered,
        chat_user_after_tool,
        parts_call_out_of_turn,
        parts_unanswered,
        parts_unsigned,
        tool_names_repeated,
        unknown_tool_chosen,
        unlisted_required,
    )
}
"""The checks by the names that tables call them by."""
