"""What is checked of a whole conversation in Gemini's shape."""

from __future__ import annotations

from collections.abc import Iterator

from .found import Found, Json, object_in, objects


def parts_call_out_of_turn(body: Json) -> Iterator[Found]:
    """Gemini's shape: a call that follows neither the user nor a result."""
    before = ""
    for index, content in enumerate(objects(body.get("contents"))):
        parts = objects(content.get("parts"))
        if any("functionCall" in part for part in parts) and before not in ("user", "result"):
            yield ("contents", index), {}
        before = "result" if any("functionResponse" in part for part in parts) else str(content.get("role"))


def parts_unanswered(body: Json) -> Iterator[Found]:
    """Gemini's shape: not as many results as calls in the turn before."""
    calls = 0
    for index, content in enumerate(objects(body.get("contents"))):
        parts = objects(content.get("parts"))
        results = sum("functionResponse" in part for part in parts)
        if results != calls and (calls or results):
            yield ("contents", index), {}
        calls = sum("functionCall" in part for part in parts)


def parts_unsigned(body: Json) -> Iterator[Found]:
    """Gemini's shape: a first call since the user spoke, without the signature of its thought."""
    contents = objects(body.get("contents"))
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
            name = object_in(calls[0][1]).get("name")
            yield ("contents", index, "parts", calls[0][0]), {"name": name, "position": index + 1}


def _parts(content: Json) -> list[Json]:
    return objects(content.get("parts"))
