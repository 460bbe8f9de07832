"""What is checked of a whole conversation in Anthropic's shape, and of tools."""

from __future__ import annotations

from collections.abc import Iterator

from .found import Found, Json, object_in, objects


def blocks_unanswered(body: Json) -> Iterator[Found]:
    """Anthropic's shape: calls that the next turn does not answer."""
    turns = [_blocks(message) for message in objects(body.get("messages"))]
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
    for index, message in enumerate(objects(body.get("messages"))):
        blocks = _blocks(message)
        for place, block in enumerate(blocks):
            if block.get("type") == "tool_result" and str(block.get("tool_use_id")) not in called:
                yield ("messages", index, "content", place), {"id": block.get("tool_use_id")}
        called = {str(block.get("id")) for block in blocks if block.get("type") == "tool_use"}


def blocks_repeated_ids(body: Json) -> Iterator[Found]:
    """Anthropic's shape: two calls with the same id."""
    seen: set[str] = set()
    for index, message in enumerate(objects(body.get("messages"))):
        for block in _blocks(message):
            if block.get("type") == "tool_use":
                if block.get("id") in seen:
                    yield ("messages", index), {"id": block.get("id")}
                seen.add(str(block.get("id")))


def blocks_empty(body: Json) -> Iterator[Found]:
    """Anthropic's shape: turns without content, but for the last of the model."""
    messages = objects(body.get("messages"))
    for index, message in enumerate(messages):
        if message.get("role") == "system" and message.get("output_config"):
            continue
        last = index == len(messages) - 1 and message.get("role") == "assistant"
        if not message.get("content") and not last:
            yield ("messages", index), {}


def blocks_misplaced_system(body: Json) -> Iterator[Found]:
    """Anthropic's shape: system prompts in the middle that stand before words of the user, or not behind
    them."""
    messages = objects(body.get("messages"))
    roles = [message.get("role") for message in messages]
    for index, (role, message) in enumerate(zip(roles, messages, strict=True)):
        if role != "system" or not message.get("content"):
            continue
        before = roles[index - 1] if index else None
        hosted = before == "assistant" and _blocks(messages[index - 1])[-1:]
        follows = before == "user" or (hosted and hosted[0].get("type") == "server_tool_use")
        if not follows or roles[index + 1 : index + 2] not in ([], ["assistant"]):
            yield ("messages", index), {}


def blocks_blank_text(body: Json) -> Iterator[Found]:
    """Anthropic's shape: texts of white space alone."""
    for index, message in enumerate(objects(body.get("messages"))):
        content = message.get("content")
        texts = [content] if isinstance(content, str) else [b.get("text") for b in _blocks(message)]
        if any(isinstance(text, str) and text and not text.strip() for text in texts):
            yield ("messages", index), {}


def blocks_results_late(body: Json) -> Iterator[Found]:
    """Anthropic's shape: results of tools behind other content of their turn."""
    for index, message in enumerate(objects(body.get("messages"))):
        kinds = [block.get("type") == "tool_result" for block in _blocks(message)]
        if any(kinds) and kinds != sorted(kinds, reverse=True):
            calls = _blocks(objects(body.get("messages"))[index - 1]) if index else []
            ids = [str(block.get("id")) for block in calls if block.get("type") == "tool_use"]
            yield ("messages", max(index - 1, 0)), {"ids": ", ".join(ids)}


def blocks_trailing_space(body: Json) -> Iterator[Found]:
    """Anthropic's shape: a beginning of the answer that ends in white space."""
    messages = objects(body.get("messages"))
    if messages and messages[-1].get("role") == "assistant":
        content = messages[-1].get("content")
        text = content if isinstance(content, str) else (_blocks(messages[-1]) or [{}])[-1].get("text")
        if isinstance(text, str) and text != text.rstrip():
            yield ("messages", len(messages) - 1), {}


def blocks_budget(body: Json) -> Iterator[Found]:
    """Anthropic's shape: a budget for thoughts that leaves nothing for the answer."""
    budget = object_in(body.get("thinking")).get("budget_tokens")
    most = body.get("max_tokens")
    if isinstance(budget, int) and isinstance(most, int) and budget >= most:
        yield ("thinking", "budget_tokens"), {}


def tool_names_repeated(body: Json) -> Iterator[Found]:
    """Two tools with the same name, in OpenAI's or Anthropic's shape."""
    seen: set[object] = set()
    for index, tool in enumerate(objects(body.get("tools"))):
        name = object_in(tool.get("function")).get("name") or tool.get("name")
        if isinstance(name, str):
            if name in seen:
                yield ("tools", index), {"name": name}
            seen.add(name)


def unknown_tool_chosen(body: Json) -> Iterator[Found]:
    """A tool that must be called and is not there, in OpenAI's or Anthropic's shape."""
    choice = object_in(body.get("tool_choice"))
    wanted = choice.get("name") or object_in(choice.get("function")).get("name")
    tools = objects(body.get("tools"))
    names = {object_in(tool.get("function")).get("name") or tool.get("name") for tool in tools}
    if wanted is not None and wanted not in names:
        yield ("tool_choice",), {"name": wanted}


def cache_marks(body: Json) -> Iterator[Found]:
    """Anthropic's shape: more than four marks of what is cached."""
    places = [body.get("system"), body.get("tools")]
    places += [message.get("content") for message in objects(body.get("messages"))]
    count = sum(bool(each.get("cache_control")) for place in places for each in objects(place))
    count += bool(body.get("cache_control"))
    if count > 4:
        yield ("messages",), {"count": count}


def _blocks(message: Json) -> list[Json]:
    return objects(message.get("content"))
