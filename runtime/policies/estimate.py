"""What a request will probably consume, before it is sent, and what it consumed when nobody says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ...compiler.plan.late_pattern import late_pattern
from ...compiler.plan.record import new_tuple
from ..requests.conversation import Conversation, FunctionTool
from ..requests.events import Event, RefusalDelta, TextDelta, ThinkingDelta, ToolCallDelta
from ..requests.parts import (
    Media,
    Part,
    RedactedThinking,
    Refusal,
    Sealed,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from ..requests.request import (
    ChatRequest,
    CompletionRequest,
    EmbedRequest,
    PassedRequest,
    Request,
    RerankRequest,
)

BYTES_PER_TOKEN = 4
"""Bytes of UTF-8 that are taken for one token: English text is about there, other text below."""

TOKENS_PER_MESSAGE = 4
"""Tokens that a message costs beside its text."""

TOKENS_PER_IMAGE = 1000
"""Tokens that an image, or another attachment, is taken for."""

DEFAULT_ANSWER_TOKENS = 1024
"""Tokens that an answer is taken for when the request sets no maximum."""

COMPLETION_TOKENS = 16
"""Tokens of a completion when the request sets no maximum. Source: OpenAI API reference, completions."""

TOKENS_PER_PART = 500
"""Of a document that is ranked, with its query: longer ones count as several."""

PARTS_PER_SEARCH = 100

SPOKEN_TOKENS_PER_MINUTE, CHARACTERS_PER_MINUTE = 1250, 900
"""Of speech that does not tell what it took. Source: OpenAI, pricing: gpt-4o-mini-tts makes a minute, that is
150 words, for about $0.015, at $12 for a million tokens."""

SOUND_BYTES_PER_SECOND = 4000
"""Of a sound that does not tell how long it is: 32 kbit/s, as voices are often kept."""

FRAME_BYTES, MOST_FRAME_BYTES = 220, 512
"""Bytes of a streamed chunk that are not the answer's text, at most: where the first one does not show its
text, and where it does."""

_LONGEST_FIRST = 4096
_TEXT = late_pattern(
    rb'("role": ?"assistant", ?)?"content": ?(?:null|"([^"\\]*(?:\\.[^"\\]*)*)")(, ?"refusal": ?null)?'
)


_SIZE = "estimate"
_by_token = BYTES_PER_TOKEN.__rfloordiv__
"""So many bytes by those of a token, for many texts without a step of Python for each."""


class Estimate(NamedTuple):
    """Tokens of the prompt, and the most that the answer is expected to have; searches, pictures, characters
    of what is to be spoken, and milliseconds of sound. tier: of service, that is asked for; empty: none."""

    prompt: int
    answer: int
    searches: int = 0
    images: int = 0
    characters: int = 0
    audio_ms: int = 0
    tier: str = ""

    def total(self) -> int:
        """Tokens of the prompt and of the answer."""
        return self[0] + self[1]


NO_SIZE = Estimate(0, 0)
"""Of what is not paid by anything of that, as tensors are not."""


def estimate(request: Request) -> Estimate:
    """What `request` will probably consume, as far as it says so."""
    if isinstance(request, ChatRequest):
        size: Estimate | None = request.kept.get(_SIZE)
        if size is None:
            size = request.kept[_SIZE] = _of_chat(request)
        return size
    return _of_another(request)


def _of_another(request: Request) -> Estimate:
    """Of what is no chat."""
    if isinstance(request, EmbedRequest):
        inputs = request.texts
        measure: Callable[[str], int] = len if "".join(inputs).isascii() else _bytes
        tokens = sum(map(_by_token, map(measure, inputs))) + len(inputs)
        return new_tuple(Estimate, (tokens + sum(map(len, request.token_ids)), 0, 0, 0, 0, 0, ""))
    if isinstance(request, RerankRequest):
        query = _tokens(request.query)
        sizes = [query + _tokens(document) for document in request.documents]
        return Estimate(sum(sizes), 0, searches=_searches(sizes))
    if isinstance(request, CompletionRequest):
        return _of_completion(request.body)
    if isinstance(request, PassedRequest):
        texts = (request.body.get(name) for name in ("input", "prompt"))
        tokens = sum(_tokens(text) for text in texts if isinstance(text, str))
        if request.path == "/responses/compact":
            tokens += len(str(request.body.get("input"))) // BYTES_PER_TOKEN
        if request.path.startswith("/images/"):
            return Estimate(tokens, 0, images=_pictures(request))
        if request.path == "/audio/speech":
            spoken = request.body.get("input")
            characters = len(spoken) if isinstance(spoken, str) else 0
            said = -(-characters * SPOKEN_TOKENS_PER_MINUTE // CHARACTERS_PER_MINUTE)
            return Estimate(tokens, said, characters=characters)
        return Estimate(tokens, 0, audio_ms=_heard_ms(request))
    return NO_SIZE


def _searches(sizes: Iterable[int]) -> int:
    """What a ranking of documents is paid for as, each with the query as long as `sizes` says.

    Sources: Cohere, pricing; Amazon Bedrock user guide, rerank pricing: a search is a query with up to 100
    documents, or parts of them.
    """
    parts = sum(max(1, -(-size // TOKENS_PER_PART)) for size in sizes)
    return -(-parts // PARTS_PER_SEARCH)


def _heard_ms(request: PassedRequest) -> int:
    """How long the sound in a form is: what a WAV file says, else by its size."""
    sound = next((part.content for part in request.form if part.name == "file"), b"")
    if sound[:4] == b"RIFF" and sound[8:16] == b"WAVEfmt " and len(sound) > _WAV_HEAD:
        per_second = int.from_bytes(sound[28:32], "little")
        if per_second >= SOUND_BYTES_PER_SECOND // 10:
            return len(sound) * 1000 // per_second
    return len(sound) * 1000 // SOUND_BYTES_PER_SECOND


_WAV_HEAD = 44


def _pictures(request: PassedRequest) -> int:
    """How many are wanted, by a body or a form."""
    for part in request.form:
        if part.name == "n" and part.content.isdigit() and len(part.content) <= _DIGITS:
            return int(part.content) or 1
    return _count(request.body.get("n")) or 1


_DIGITS = 4
"""Of a number of pictures."""


def _of_chat(request: ChatRequest) -> Estimate:
    if request.said is not None:
        return _of_conversation(request.said.conversation)
    body = request.given or request.body
    prompt = 0
    messages = body.get("messages")
    if isinstance(messages, list):
        for message in messages:
            prompt += TOKENS_PER_MESSAGE
            if isinstance(message, dict):
                content = message.get("content")
                prompt += _tokens(content) if isinstance(content, str) else _parts(content)
    searches, answer = 0, DEFAULT_ANSWER_TOKENS
    if _OTHER_SIZES.isdisjoint(body):
        return new_tuple(Estimate, (prompt, answer, searches, 0, 0, 0, ""))
    if "tools" in body:
        prompt += _tokens(str(body["tools"]))
    if isinstance(body.get("web_search_options"), dict):
        searches = 1
    for name in ("max_completion_tokens", "max_tokens"):
        if name in body and (most := _count(body[name])):
            answer = most
            break
    if "n" in body:
        answer *= _count(body["n"]) or 1
    return new_tuple(Estimate, (prompt, answer, searches, 0, 0, 0, ""))


_OTHER_SIZES = {"tools", "web_search_options", "max_completion_tokens", "max_tokens", "n"}
"""Fields of a chat that say how much it takes, beside its messages."""


def _of_completion(body: Mapping[str, Any]) -> Estimate:
    """Of prompts that are texts, or token ids."""
    prompt = body.get("prompt")
    prompts = prompt if isinstance(prompt, list) and prompt and type(prompt[0]) is not int else [prompt]
    size = sum(
        _tokens(each) if isinstance(each, str) else len(each)
        for each in prompts
        if isinstance(each, str | list)
    )
    answer = _count(body.get("max_tokens")) or COMPLETION_TOKENS
    return Estimate(size, answer * (_count(body.get("best_of")) or _count(body.get("n")) or 1) * len(prompts))


def _of_conversation(c: Conversation) -> Estimate:
    prompt = sum(TOKENS_PER_MESSAGE + sum(map(_part, turn.parts)) for turn in c.turns)
    for tool in c.tools:
        if isinstance(tool, FunctionTool):
            prompt += _tokens(f"{tool.name}{tool.description}{tool.parameters}")
        else:
            prompt += _tokens(str(tool.value))
    return Estimate(prompt, (c.max_tokens or DEFAULT_ANSWER_TOKENS) * (c.n or 1))


def _part(part: Part) -> int:
    match part:
        case Text() | Thinking() | Refusal():
            return _tokens(part.text)
        case ToolCall():
            return _tokens(part.name + part.arguments)
        case ToolResult():
            return sum(map(_part, part.parts))
        case RedactedThinking():
            return _tokens(part.data)
        case Media(text=text) if text:
            return _tokens(text)
        case Sealed():
            return _tokens(str(part.value))
    return TOKENS_PER_IMAGE


def said_by(events: Iterable[Event]) -> int:
    """Bytes of the texts that `events` tell, about."""
    size = 0
    for event in events:
        # in a tenth of the time of a pattern that does not fit
        if type(event) is TextDelta or type(event) is ThinkingDelta or type(event) is RefusalDelta:
            size += len(event.text)
        elif type(event) is ToolCallDelta:
            size += len(event.arguments)
    return size


def frame_of(first: bytes) -> int:
    """Bytes of each chunk of a stream that are not the answer's text, by those of its first one.

    One without text often says who speaks, as no other does then; who has text in it says that in each.
    """
    found = _TEXT.search(first, 0, _LONGEST_FIRST)
    if found is None:
        return min(len(first), FRAME_BYTES)
    role, text, refusal = found.groups(b"")
    return min(len(first) - len(text or role + refusal), MOST_FRAME_BYTES)


def streamed_tokens(chunks: int, size: int, frame: int) -> int:
    """The tokens of an answer that came in `chunks` chunks of `size` bytes together, with no usage.

    frame: bytes of each chunk that are not the answer's text.
    """
    return max(chunks, (size - frame * chunks) // BYTES_PER_TOKEN)


def _tokens(text: str) -> int:
    return (len(text) if text.isascii() else _bytes(text)) // BYTES_PER_TOKEN + 1


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _parts(content: Any) -> int:
    if not isinstance(content, list):
        return 0
    texts = (part.get("text") if isinstance(part, dict) else None for part in content)
    return sum(_tokens(text) if isinstance(text, str) else TOKENS_PER_IMAGE for text in texts)


def _count(value: object) -> int:
    return value if type(value) is int and value > 0 else 0
