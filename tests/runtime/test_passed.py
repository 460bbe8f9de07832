"""Completions, moderations, audio and images, passed on to servers that speak OpenAI's protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import aiohttp
import openai
import pytest
from aiohttp import web
from attrs import field, frozen
from hypothesis import given, strategies as st

from inferc.compiler.plan import Capabilities, Money, Price, ProviderKind, WireFormat
from inferc.runtime.dialects.multipart import CONTENT_TYPE, read_form, text_of, with_text, write_form
from inferc.runtime.dialects.reader import PlainFailures
from inferc.runtime.policies.estimate import estimate
from inferc.runtime.replicas.remote.passthrough.requests import Pieces
from inferc.runtime.requests.errors import BadRequest, ServerError
from inferc.runtime.requests.request import Part, PassedRequest

from ..support.openai_client import openai_client
from ..support.pieces import RANDOMS, in_pieces
from ..support.pipelines import Graph, fallback, plan_with
from ..support.remote import gateway_of, remote_plan, running, serving

SPOKEN = bytes(range(256)) * 400
IMAGE = {"created": 1, "data": [{"b64_json": "aGk="}], "usage": {"input_tokens": 3, "output_tokens": 4}}
PRICE = Price(Money("1"), Money("2"), per_search=Money("0.01"), per_character=Money("0.5"))


@frozen
class Front:
    """asked: the paths, types and bodies that the provider got. statuses, odd: what it answers with first."""

    url: str
    http: aiohttp.ClientSession
    asked: list[tuple[str, str, Any]]
    statuses: list[int] = field(factory=list)
    odd: list[bytes] = field(factory=list)


@asynccontextmanager
async def front() -> AsyncIterator[Front]:
    asked: list[tuple[str, str, Any]] = []
    statuses: list[int] = []
    odd: list[bytes] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        form = request.content_type == "multipart/form-data"
        body: Any = read_form(raw, request.headers["Content-Type"]) if form else json.loads(raw)
        asked.append((request.path, request.content_type, body))
        if statuses:
            return web.json_response({"error": {"message": "no"}}, status=statuses.pop(0))
        if odd:
            said = odd.pop(0)
            kind = "text/event-stream" if said.startswith(b"event:") else "application/json"
            return web.Response(body=said, content_type=kind)
        match request.path:
            case "/v1/audio/speech":
                return web.Response(body=SPOKEN, content_type="audio/mpeg")
            case "/v1/audio/transcriptions":
                if text_of(body, "stream") == "true":
                    return web.Response(
                        text='data: {"type":"transcript.text.delta","delta":"hi"}\n\n'
                        'data: {"type":"transcript.text.done","text":"hi","usage":'
                        '{"input_tokens":5,"output_tokens":2}}\n\n',
                        content_type="text/event-stream",
                    )
                return web.json_response({"text": "hi", "usage": {"input_tokens": 5, "output_tokens": 2}})
            case "/v1/images/generations" | "/v1/images/edits":
                return web.json_response(IMAGE)
            case "/v1/moderations":
                return web.json_response({"id": "m", "model": "x", "results": [{"flagged": True}]})
            case "/v1/chat/completions":
                said = {
                    "index": 0,
                    "message": {"role": "assistant", "content": "hi"},
                    "finish_reason": "stop",
                }
                return web.json_response({"choices": [said], "usage": {"prompt_tokens": 1}})
        choices = [{"index": i, "text": "hi", "finish_reason": "stop"} for i in range(2)]
        if body.get("stream"):
            events = "".join(f"data: {json.dumps({'choices': [each]})}\n\n" for each in choices)
            return web.Response(text=f"{events}data: [DONE]\n\n", content_type="text/event-stream")
        usage = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
        return web.json_response({"choices": choices, "usage": usage})

    app = web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{path:.*}", answer)
    graph = Graph()
    graph.call("said", "gpt", message="message")
    async with serving(app) as url:
        plan = plan_with(
            remote_plan("gpt", f"{url}/v1", price=PRICE),
            remote_plan("finder", f"{url}/v1", price=PRICE, capabilities=Capabilities(searches_unasked=True)),
            remote_plan("guard", f"{url}/v1", model="omni-moderation-latest"),
            remote_plan("claude", url, provider=ProviderKind.ANTHROPIC, wire=WireFormat.ANTHROPIC),
            fallback("any", "claude", "gpt"),
            graph.pipeline("said"),
        )
        async with (
            running(plan) as executor,
            gateway_of(executor) as gateway,
            aiohttp.ClientSession() as http,
        ):
            yield Front(gateway, http, asked, statuses, odd)


async def test_completions_go_to_servers_that_have_them_as_they_came() -> None:
    async with front() as it, openai_client(it.url) as api:
        prompts: Any = ["one", "two"]
        more: Any = {"echo": True, "suffix": "x", "best_of": 2, "made_up": 1}
        raw = await api.completions.with_raw_response.create(model="gpt", prompt=prompts, extra_body=more)
        assert [choice.text for choice in raw.parse().choices] == ["hi", "hi"]
        assert it.asked[0][0] == "/v1/completions"
        assert it.asked[0][2] == {"model": "gpt-4o-mini", "prompt": prompts, **more}
        assert raw.headers["x-inferc-cost"] == "0.000008"
        stream = await api.completions.create(model="gpt", prompt=[[1, 2], [3]], stream=True)
        assert [chunk.choices[0].index async for chunk in stream] == [0, 1]
        assert it.asked[1][2]["prompt"] == [[1, 2], [3]]


async def test_a_route_passes_over_members_that_have_no_completions() -> None:
    async with front() as it, openai_client(it.url) as api:
        answer = await api.completions.create(model="any", prompt="x")
        assert answer.choices[0].text == "hi"
        for model, said in (("claude", "has no `/completions`"), ("p", "answers chats alone")):
            with pytest.raises(openai.BadRequestError, match=said):
                await api.completions.create(model=model, prompt="x")


async def test_speech_comes_as_bytes_of_its_own_type() -> None:
    async with front() as it, openai_client(it.url) as api:
        spoken = await api.audio.speech.create(model="gpt", input="hello", voice="alloy")
        assert spoken.response.headers["content-type"] == "audio/mpeg"
        assert spoken.response.headers["x-inferc-deployment"] == "gpt"
        assert spoken.response.headers["x-request-id"]
        assert spoken.content == SPOKEN
        assert it.asked[0][2] == {"model": "gpt-4o-mini", "input": "hello", "voice": "alloy"}


async def test_what_is_paid_for_by_something_else_than_tokens_is_counted() -> None:
    async with front() as it, openai_client(it.url) as api:
        said: Any = [{"role": "user", "content": "news?"}]
        for model, more, cost in (
            ("gpt", {}, "0.000001"),
            ("gpt", {"web_search_options": {}}, "0.010001"),
            ("finder", {}, "0.010001"),  # it searches for every chat, and does not tell
        ):
            raw = await api.chat.completions.with_raw_response.create(model=model, messages=said, **more)
            assert raw.headers["x-inferc-cost"] == cost
        await api.audio.speech.create(model="gpt", input="hello", voice="alloy")
        await api.images.generate(model="gpt", prompt="a cat")
        async with it.http.get(f"{it.url}/metrics") as answer:
            text = await answer.text()
        for unit, count in (("searches", 1), ("characters", 5), ("images", 1), ("audio_seconds", 0)):
            assert f'inferc_units_total{{deployment="gpt",unit="{unit}"}} {count}.0' in text
        assert 'inferc_units_total{deployment="finder",unit="searches"} 1.0' in text


@pytest.mark.parametrize(
    ("sound", "milliseconds"),
    [
        (b"RIFF\0\0\0\0WAVEfmt " + bytes(12) + (16_000).to_bytes(4, "little") + bytes(31_968), 2000),
        (b"ID3" + bytes(7997), 2000),
        (b"RIFF\0\0\0\0WAVEfmt " + bytes(3984), 1000),  # its head says nothing
    ],
)
def test_a_sound_is_as_long_as_its_file_says_or_its_size(sound: bytes, milliseconds: int) -> None:
    form = (Part("file", b'Content-Disposition: form-data; name="file"', sound),)
    assert estimate(PassedRequest("/audio/transcriptions", "m", form=form)).audio_ms == milliseconds


def test_speech_that_tells_nothing_is_paid_for_by_its_length() -> None:
    size = estimate(PassedRequest("/audio/speech", "m", body={"input": "x" * 900}))
    assert (size.characters, size.answer) == (900, 1250)


async def test_mistral_s_sounds_are_answered_as_openai_s() -> None:
    events = (
        {"type": "transcription.text.delta", "text": "hi"},
        {"type": "transcription.language", "audio_language": "en"},
        {"type": "transcription.segment", "text": "hi", "start": 0, "end": 1, "speaker_id": "s1"},
        {
            "type": "transcription.done",
            "text": "hi",
            "usage": {"prompt_audio_seconds": 3, "prompt_tokens": 1},
        },
    )

    async def speak(request: web.Request) -> web.Response:
        assert (await request.json())["voice_id"] == "jane"
        return web.json_response({"audio_data": "UklGRg=="})

    async def hear(request: web.Request) -> web.Response:
        text = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
        return web.Response(text=text[:-1], content_type="text/event-stream")  # its last event has no end

    app = web.Application()
    app.router.add_post("/v1/audio/speech", speak)
    app.router.add_post("/v1/audio/transcriptions", hear)
    async with (
        serving(app) as url,
        running(plan_with(remote_plan("m", f"{url}/v1", provider=ProviderKind.MISTRAL))) as executor,
        gateway_of(executor) as gateway,
        openai_client(gateway) as api,
    ):
        spoken = await api.audio.speech.create(model="m", input="hi", voice="jane", response_format="wav")
        assert (spoken.content, spoken.response.headers["content-type"]) == (b"RIFF", "audio/wav")
        stream = await api.audio.transcriptions.create(model="m", file=b"x", stream=True)
        heard: list[Any] = [event async for event in stream]
        assert [event.type for event in heard] == [
            "transcript.text.delta",
            "transcription.language",
            "transcript.text.segment",
            "transcript.text.done",
        ]
        assert (heard[0].delta, heard[2].speaker, heard[3].text) == ("hi", "s1", "hi")


async def test_a_form_goes_on_with_its_file_and_the_models_own_name() -> None:
    async with front() as it, openai_client(it.url) as api:
        answer = await api.audio.transcriptions.with_raw_response.create(
            model="gpt", file=("a.wav", b"\r\n--x\r\n" + SPOKEN), language="de"
        )
        assert answer.parse().text == "hi"
        assert answer.headers["x-inferc-cost"] == "0.000009"
        path, kind, parts = it.asked[0]
        assert (path, kind) == ("/v1/audio/transcriptions", "multipart/form-data")
        assert text_of(parts, "model") == "gpt-4o-mini"
        assert text_of(parts, "language") == "de"
        [file] = [part for part in parts if part.name == "file"]
        assert file.content == b"\r\n--x\r\n" + SPOKEN
        assert b'filename="a.wav"' in file.head
        stream = await api.audio.transcriptions.create(model="gpt", file=b"x", stream=True)
        assert [event.type async for event in stream] == ["transcript.text.delta", "transcript.text.done"]


async def test_images_and_moderations_come_as_they_are() -> None:
    async with front() as it, openai_client(it.url) as api:
        image = await api.images.generate(model="gpt", prompt="a cat")
        assert image.data
        assert image.data[0].b64_json == "aGk="
        edited = await api.images.edit(model="gpt", image=b"x", prompt="a dog")
        assert edited.data
        checked = await api.moderations.create(input="x")
        assert checked.results[0].flagged
        assert it.asked[-1][2] == {"input": "x", "model": "omni-moderation-latest"}


async def test_failures_are_tried_again_and_told_as_of_a_chat() -> None:
    async with front() as it, openai_client(it.url) as api:
        it.statuses.extend((500, 503))
        assert (await api.moderations.create(model="guard", input="x")).results
        assert len(it.asked) == 3
        it.statuses.append(400)
        with pytest.raises(openai.BadRequestError):
            await api.images.generate(model="gpt", prompt="a cat")
        with pytest.raises(openai.BadRequestError, match="`model` is missing"):
            await api.images.generate(prompt="a cat")
        with pytest.raises(openai.NotFoundError):
            await api.audio.speech.create(model="nobody", input="x", voice="alloy")


@pytest.mark.parametrize(
    "odd", [b"", b"<html>", b"no JSON", b"[1]", b"null", b'{"error": {"message": "overloaded"}}']
)
async def test_an_answer_in_json_that_is_none_is_tried_again(odd: bytes) -> None:
    async with front() as it, openai_client(it.url) as api:
        it.odd.append(odd)
        assert (await api.moderations.create(model="guard", input="x")).results
        assert len(it.asked) == 2


async def test_a_stream_that_begins_with_an_error_is_tried_again() -> None:
    async with front() as it:
        it.odd.append(b'event: error\ndata: {"type": "error", "error": {"message": "overloaded"}}\n\n')
        form = fields_of(model=b"gpt", file=b"RIFF", stream=b"true")
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        url = f"{it.url}/v1/audio/transcriptions"
        async with it.http.post(url, data=form, headers=headers) as answer:
            assert b"transcript.text.done" in await answer.read()
        assert len(it.asked) == 2


PARTS = {
    "speech": (b'{"type":"speech.audio.delta","audio":"AAAA"}', b'{"type":"speech.audio.done","usage":{}}'),
    "words": (
        b'{"type":"transcript.text.delta","delta":"\\"type\\":\\"transcript.text.done\\""}',
        b'{"type": "transcript.text.done", "text": "hi"}',
    ),
    "pictures": (
        b'{"b64_json":"AAAA","type":"image_generation.partial_image"}',
        b'{"b64_json":"AAAA","type":"image_generation.completed"}',
    ),
    "marked": (b'{"type":"speech.audio.delta","audio":"AAAA"}', b"[DONE]"),
    "of another kind": (b'{"choices":[{"delta":{"content":"hi"}}]}', b'{"choices":[]}'),
}


def pieces() -> Pieces:
    return Pieces("text/event-stream", PlainFailures())


@pytest.mark.parametrize("kind", PARTS)
@given(random=RANDOMS, crlf=st.booleans(), blank=st.booleans())
def test_a_stream_that_says_it_is_done_passes_byte_by_byte(
    kind: str, random: Random, crlf: bool, blank: bool
) -> None:
    part, done = PARTS[kind]
    whole = b"".join(b"data: %b\n\n" % each for each in (part, part, done))
    whole = (whole if blank else whole[:-2]).replace(b"\n", b"\r\n" if crlf else b"\n")
    reading = pieces()
    sent = [reading.piece(piece).data for piece in in_pieces(whole, random, 12) if piece]
    assert b"".join(sent) + reading.end() == whole


@pytest.mark.parametrize("kind", [kind for kind in PARTS if kind != "of another kind"])
def test_a_stream_that_ends_before_it_is_done_is_an_error(kind: str) -> None:
    reading = pieces()
    reading.piece(b"data: %b\n\n" % PARTS[kind][0])
    with pytest.raises(ServerError, match="without the event that says it is done"):
        reading.end()


async def test_a_client_is_told_of_a_stream_that_stops_half_way() -> None:
    async with front() as it:
        it.odd.append(b'event: x\ndata: {"type": "speech.audio.delta", "audio": "AAAA"}\n\n')
        body = {"model": "gpt", "input": "x", "voice": "alloy", "stream_format": "sse"}
        async with it.http.post(f"{it.url}/v1/audio/speech", json=body) as answer:
            said = (await answer.read()).decode()
        assert '"AAAA"' in said
        assert "without the event that says it is done" in said.split("data: ")[2]
        it.odd.append(
            b'event: x\ndata: {"type": "speech.audio.delta", "audio": "AAAA"}\n\n'
            b'event: error\ndata: {"type": "error", "error": {"message": "out of voice"}}\n\n'
        )
        async with it.http.post(f"{it.url}/v1/audio/speech", json=body) as answer:
            assert "out of voice" in (await answer.read()).decode().split("data: ")[3]
        async with it.http.get(f"{it.url}/metrics") as answer:
            metrics = await answer.text()
    assert len(it.asked) == 2  # what has begun is not tried again
    assert 'inferc_requests_total{deployment="gpt",outcome="server_error"} 2' in metrics


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"{}", "multipart/form-data"),
        (b"--x\r\n\r\nno name\r\n--x--\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\nno end", "multipart/form-data; boundary=x"),
        (
            b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\n\xff\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
        (b"--x\r\n" * 100 + b"--x--", "multipart/form-data; boundary=x"),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\x00\r\n\r\n1\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"; name="model"\r\n\r\ngpt\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n'
            b'Content-Disposition: form-data; name="model"\r\n\r\ngpt\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
        (
            b"--x\r\nContent-Disposition: form-data; name=a; name*=b''model\r\n\r\n1\r\n--x--",
            "multipart/form-data; boundary=x",
        ),
        (
            fields := b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--',
            'multipart/form-data; boundary="x',
        ),
        (fields, "multipart/form-data; boundary=x; boundary=y"),
        (
            b'--x\r\nodd\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
    ],
)
async def test_what_is_no_form_is_refused(body: bytes, content_type: str) -> None:
    async with front() as it:
        headers = {"Content-Type": content_type}
        async with it.http.post(f"{it.url}/v1/images/edits", data=body, headers=headers) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["message"]


NAMES = {
    "form-data; name=a": "a",
    'form-data; filename="x\\"; name=\\"y"; NAME="a b" ;': "a b",
    'form-data;; name = "a\\"b"; filename=my file.wav': 'a"b',
    "form-data; name=a; filename=b; filename*=UTF-8''%e2%82%ac": "a",
    'form-data; name=a; x="' + '\\";' * 600 + '"': "a",
}


@pytest.mark.parametrize(("said", "name"), NAMES.items())
def test_the_name_of_a_field_is_read_as_clients_write_it(said: str, name: str) -> None:
    body = b"--x\r\nContent-Disposition: %b\r\n\r\n1\r\n--x--" % said.encode()
    assert [part.name for part in read_form(body, 'Multipart/Form-Data; Boundary="x"')] == [name]


def fields_of(**fields: bytes) -> bytes:
    """A form; what begins with RIFF is a file."""
    named = {
        name: f'"{name}"' + ('; filename="a"' * value.startswith(b"RIFF")) for name, value in fields.items()
    }
    pieces = (
        b"--x\r\nContent-Disposition: form-data; name=%b\r\n\r\n%b\r\n" % (named[name].encode(), value)
        for name, value in fields.items()
    )
    return b"".join((*pieces, b"--x--\r\n"))


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("audio/transcriptions", {"model": b"gpt"}, "file"),
        ("audio/transcriptions", {"model": b"gpt", "file": b"no file"}, "file"),
        ("audio/transcriptions", {"model": b"RIFF", "file": b"RIFF"}, "model"),
        ("audio/transcriptions", {"model": b"gpt", "file": b"RIFF", "temperature": b"hot"}, "temperature"),
        ("audio/transcriptions", {"model": b"gpt", "file": b"RIFF", "stream": b"\xff"}, "stream"),
        ("images/edits", {"model": b"gpt", "prompt": b"a cat"}, "image"),
        ("images/edits", {"model": b"gpt", "image": b"RIFF", "n": b"9" * 5000}, "n"),
        ("audio/translations", b'{"model": "gpt"}', "file"),
        ("audio/speech", b'{"model": "gpt", "input": 5}', "input"),
        ("audio/speech", b'{"model": "gpt", "input": "x", "speed": "fast"}', "speed"),
        ("images/generations", b'{"model": "gpt", "prompt": "x", "n": "2"}', "n"),
        ("images/generations", b'{"model": "gpt", "prompt": "x", "stream": 1}', "stream"),
        ("moderations", b'{"model": "gpt"}', "input"),
    ],
)
async def test_what_no_provider_takes_is_refused_by_name(
    path: str, body: bytes | dict[str, bytes], param: str
) -> None:
    kind = "application/json" if isinstance(body, bytes) else "multipart/form-data; boundary=x"
    data = body if isinstance(body, bytes) else fields_of(**body)
    async with front() as it:
        async with it.http.post(f"{it.url}/v1/{path}", data=data, headers={"Content-Type": kind}) as answer:
            assert answer.status == 400
            error = (await answer.json())["error"]
        assert error["param"] == param
        assert f"`{param}`" in error["message"]
        assert not it.asked


def test_a_form_is_taken_apart_and_put_together_again() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\nContent-Type: a/b\r\n\r\n'
        b"\r\n--c\r\n\r\n--b--\r\n"
    )
    parts = read_form(body, "multipart/form-data; boundary=b")
    assert [(part.name, part.content) for part in parts] == [("a", b"1"), ("f", b"\r\n--c\r\n")]
    again = read_form(write_form(with_text(with_text(parts, "a", "2"), "m", "ü")), CONTENT_TYPE)
    assert [(part.name, part.content) for part in again] == [
        ("a", b"2"),
        ("f", b"\r\n--c\r\n"),
        ("m", "ü".encode()),
    ]
    with pytest.raises(BadRequest):
        read_form(body, "multipart/form-data; boundary=other")
