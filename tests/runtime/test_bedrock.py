"""Bedrock: signatures, credentials and conversations, before a fake that refuses what Bedrock refuses."""

from __future__ import annotations

import json
import re
from binascii import crc32
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from struct import pack
from typing import Any

import aiohttp
import anthropic
import botocore.session
import openai
import pytest
from aiohttp import web
from attrs import frozen
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.eventstream import EventStream
from botocore.parsers import EventStreamJSONParser, create_parser

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan.installing import pip_install
from inferc.dsl.catalogues.inference import infer_runtime
from inferc.dsl.catalogues.models import find_model
from inferc.dsl.kinds import ProviderKind, RuntimeKind
from inferc.runtime.dialects.bedrock.event_stream import BrokenStream, EventStreamParser
from inferc.runtime.mock_provider import MockOptions, parse_fault
from inferc.runtime.mock_provider.scripted_answers import ScriptedAnswer
from inferc.runtime.mock_provider.stats import fingerprint
from inferc.runtime.replicas.remote.transport import provider_client
from inferc.runtime.requests.errors import StartError

from ..support.anthropic_client import anthropic_client
from ..support.official_types import converse
from ..support.openai_client import openai_client
from ..support.remote import Mock, executor_of, gateway_of, mock_provider, serving

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NAMED = 'access_key_id = env("A_KEY")\n    secret_access_key = env("A_SECRET")'
TOOL = {
    "type": "function",
    "function": {"name": "now", "parameters": {"type": "object", "properties": {}}},
}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 2}},
    "required": ["city"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}


@frozen
class House:
    openai: openai.AsyncOpenAI
    anthropic: anthropic.AsyncAnthropic
    mock: Mock

    async def ask(self, *messages: Any, **fields: Any) -> Any:
        said = list(messages) or [{"role": "user", "content": "hello there"}]
        return await self.openai.chat.completions.create(**{"model": "it", "messages": said, **fields})


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's own AWS configuration counts."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("A_KEY", "AKIDEXAMPLE")
    monkeypatch.setenv("A_SECRET", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def plan_of(folder: Path, endpoint: str, more: str = NAMED, model: str = CLAUDE) -> Any:
    source = folder / "it.infer"
    source.write_text(
        f'deployment it {{\n  model = "{model}"\n  runtime bedrock {{\n    region = "eu-central-1"\n'
        f'    endpoint = "{endpoint}"\n    retry {{ max_retries = 0 }}\n    {more}\n  }}\n}}\n'
    )
    checked = check_file(source.name, source)
    assert checked.ok, checked.diagnostics
    (plan,) = compile_checked(checked, folder).deployments
    return plan


@asynccontextmanager
async def house(folder: Path, model: str = CLAUDE, more: str = NAMED, **options: Any) -> AsyncIterator[House]:
    async with (
        mock_provider(MockOptions(strict=True, gap=0, **options)) as mock,
        executor_of(plan_of(folder, mock.url, more, model), base_dir=folder) as executor,
        gateway_of(executor) as url,
        openai_client(url) as of_openai,
        anthropic_client(url) as of_anthropic,
    ):
        yield House(of_openai, of_anthropic, mock)


@asynccontextmanager
async def listener(folder: Path, more: str = NAMED) -> AsyncIterator[list[tuple[str, Any, bytes]]]:
    """What arrives when one request is sent: address, headers and body."""
    seen: list[tuple[str, Any, bytes]] = []

    async def hear(request: web.Request) -> web.Response:
        seen.append((f"http://{request.host}{request.raw_path}", request.headers, await request.read()))
        return web.json_response({"message": "no"}, status=400)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hear)
    async with (
        serving(app) as url,
        executor_of(plan_of(folder, url, more), base_dir=folder) as executor,
        gateway_of(executor) as gateway,
        openai_client(gateway) as client,
    ):
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(model="it", messages=[{"role": "user", "content": "x"}])
        yield seen


def signature_of(address: str, headers: Any, body: bytes, credentials: ReadOnlyCredentials) -> str:
    """The signature that Amazon expects of what arrived."""
    names = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    told = {name: headers[name] for name in names if name != "host"}
    request = AWSRequest("POST", address, told, body)
    request.context["timestamp"] = headers["X-Amz-Date"]
    auth: Any = SigV4Auth(credentials, "bedrock", "eu-central-1")
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))


async def test_answers_name_the_model_asked_for(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        assert (await it.ask()).model == "it"
        streamed = [chunk.model async for chunk in await it.ask(stream=True)]
        message = await it.anthropic.messages.create(
            model="it", max_tokens=50, messages=[{"role": "user", "content": "hello there"}]
        )
    assert set(streamed) == {"it"}
    assert message.model == "it"


async def test_each_request_is_signed_as_amazon_expects_it(tmp_path: Path) -> None:
    async with listener(tmp_path) as seen:
        [(address, headers, body)] = seen
    assert address.endswith("/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse")
    expected = ReadOnlyCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)
    shown = headers["Authorization"]
    assert shown.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/bedrock/aws4_request" in shown
    assert shown.endswith(f"Signature={signature_of(address, headers, body, expected)}")


async def test_credentials_are_found_where_amazon_s_own_tools_find_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credentials").write_text(
        "[work]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s3cret\naws_session_token = t0ken\n"
    )
    async with listener(tmp_path, 'profile = "work"') as seen:
        assert "Credential=AKIDFILE/" in seen[0][1]["Authorization"]
        assert seen[0][1]["X-Amz-Security-Token"] == "t0ken"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    async with listener(tmp_path, "") as seen:
        assert "Credential=AKIDENV/" in seen[0][1]["Authorization"]


ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s3cret</SecretAccessKey><SessionToken>t0ken</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
LEFT = {
    "AccessKeyId": "ASIABOX",
    "SecretAccessKey": "s3cret",
    "Token": "t0ken",
    "Expiration": "2099-01-01T00:00:00Z",
}


@asynccontextmanager
async def aws(monkeypatch: pytest.MonkeyPatch, status: int = 200) -> AsyncIterator[str]:
    """AWS's own services: one that gives credentials of roles, and one that gives those of a container."""

    async def assume(request: web.Request) -> web.Response:
        form = await request.post()
        assert form["Action"] == "AssumeRole"
        assert form["RoleArn"] == "arn:aws:iam::123456789012:role/models"
        return web.Response(text=ASSUMED, content_type="text/xml", status=status)

    async def give(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "b0x"
        return web.json_response(LEFT, status=status)

    app = web.Application()
    app.router.add_post("/", assume)
    app.router.add_get("/box", give)
    async with serving(app) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1")
        yield url


def profile_with_a_role(folder: Path) -> None:
    (folder / "config").write_text(
        "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/models\nsource_profile = me\n"
    )
    (folder / "credentials").write_text("[me]\naws_access_key_id = AKIDME\naws_secret_access_key = s3cret\n")


async def test_a_profile_may_assume_a_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile_with_a_role(tmp_path)
    async with aws(monkeypatch), listener(tmp_path, 'profile = "work"') as seen:
        assert "Credential=ASIAROLE/" in seen[0][1]["Authorization"]
        assert seen[0][1]["X-Amz-Security-Token"] == "t0ken"


async def test_a_container_has_credentials_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with aws(monkeypatch) as url:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/box")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "b0x")
        async with listener(tmp_path, "") as seen:
            assert "Credential=ASIABOX/" in seen[0][1]["Authorization"]


async def test_a_role_that_may_not_be_assumed_is_said_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile_with_a_role(tmp_path)
    async with aws(monkeypatch, status=403):
        with pytest.raises(StartError, match=r"the AWS credentials cannot be read: .*AssumeRole"):
            async with executor_of(
                plan_of(tmp_path, "http://127.0.0.1:9", 'profile = "work"'), base_dir=tmp_path
            ):
                pass


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("", "no AWS credentials were found"),
        ('profile = "nobody"', "the AWS credentials cannot be read: The config profile (nobody)"),
        (
            'access_key_id = env("NOT_SET")\n    secret_access_key = env("A_SECRET")',
            "the environment variable NOT_SET is not set",
        ),
    ],
)
async def test_without_credentials_nothing_starts(tmp_path: Path, more: str, says: str) -> None:
    with pytest.raises(StartError) as caught:
        async with executor_of(plan_of(tmp_path, "http://127.0.0.1:9", more), base_dir=tmp_path):
            pass
    assert says in str(caught.value)


async def test_without_botocore_nothing_starts_whatever_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_client, "find_spec", lambda name: None)
    for more in (NAMED, 'api_key = env("A_SECRET")'):
        with pytest.raises(StartError, match=re.escape(pip_install("bedrock"))):
            async with executor_of(plan_of(tmp_path, "http://127.0.0.1:9", more), base_dir=tmp_path):
                pass


async def test_a_key_of_bedrock_s_own_is_shown_as_it_is(tmp_path: Path) -> None:
    async with listener(tmp_path, 'api_key = env("A_SECRET")') as seen:
        assert seen[0][1]["Authorization"] == "Bearer wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


async def test_a_key_in_a_file_that_changes_is_signed_with_at_once(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("AKIDONE")
    (tmp_path / "secret").write_text("first")
    files = 'access_key_id = file("id")\n    secret_access_key = file("secret")'
    async with house(tmp_path, more=files) as it:
        (tmp_path / "id").write_text("AKIDTWO")
        (tmp_path / "secret").write_text("second")
        await it.ask()
        assert it.mock.stats.keys == {fingerprint("AKIDTWO"): 1}


async def test_amazon_s_own_library_understands_the_mock_provider() -> None:
    """Whole and streamed: shapes and framing are those that botocore reads."""
    session = botocore.session.Session()
    streams = session.get_service_model("bedrock-runtime").operation_model("ConverseStream")
    asked: Any = {"messages": [{"role": "user", "content": [{"text": 'now {"a": 1} é'}]}]}
    spec = {"name": "now", "inputSchema": {"json": {"type": "object"}}}
    asked |= {"toolConfig": {"tools": [{"toolSpec": spec}]}}
    asked |= {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}
    headers = {"Authorization": "Bearer k"}
    async with mock_provider(MockOptions(strict=True, gap=0)) as mock, aiohttp.ClientSession() as http:
        path = f"{mock.url}/model/{CLAUDE}/converse"
        async with http.post(path, json=asked, headers=headers) as response:
            told = {"status_code": 200, "headers": dict(response.headers), "body": await response.read()}
        whole = create_parser("rest-json").parse(told, converse().output_shape)
        async with http.post(f"{path}-stream", json=asked, headers=headers) as response:
            raw = await response.read()

    class Raw:
        def stream(self) -> list[bytes]:
            return [raw]

    shape = streams.output_shape.members["stream"]
    events = list(EventStream(Raw(), shape, EventStreamJSONParser(), "ConverseStream"))
    [thought, call] = whole["output"]["message"]["content"]
    assert thought["reasoningContent"]["reasoningText"]["signature"]
    assert call["toolUse"]["input"] == {"a": 1}
    assert whole["stopReason"] == "tool_use"
    names = [name for event in events for name in event]
    assert names[0] == "messageStart"
    assert names[-2:] == ["messageStop", "metadata"]
    assert events[-1]["metadata"]["usage"] == whole["usage"]


def message(headers: bytes, length: int) -> bytes:
    """One of an event stream, whose sums are right. length: what it says of its headers."""
    prelude = pack(">II", 16 + len(headers), length)
    message = prelude + pack(">I", crc32(prelude)) + headers
    return message + pack(">I", crc32(message))


@pytest.mark.parametrize("kind", range(12))
@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 200, 2**32 - 1])
def test_headers_of_an_event_that_are_cut_or_lie_are_a_broken_stream(kind: int, length: int) -> None:
    with suppress(BrokenStream):
        assert EventStreamParser().feed(message(b"\x01a" + bytes([kind]) + b"\x00", length)) == []


async def test_llama_with_tools_is_asked_for_a_whole_answer_and_streamed_from_here(tmp_path: Path) -> None:
    async with house(tmp_path, "us.meta.llama4-scout-17b-instruct-v1:0") as it:
        stream = await it.ask(
            {"role": "user", "content": "now"},
            tools=[TOOL],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    calls = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or ()]
    assert calls[0].function.name == "now"
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["tool_calls"]
    assert chunks[-1].usage.completion_tokens


async def test_a_client_of_anthropic_gets_thoughts_that_it_can_give_back(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        asked: Any = {
            "model": "it",
            "max_tokens": 4000,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tools": [{"name": "now", "input_schema": {"type": "object", "properties": {}}}],
        }
        messages: list[Any] = [{"role": "user", "content": "now"}]
        first = await it.anthropic.messages.create(messages=messages, **asked)
        assert [block.type for block in first.content] == ["thinking", "tool_use"]
        result = {"type": "tool_result", "tool_use_id": first.content[1].id, "content": "noon"}
        messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
        async with it.anthropic.messages.stream(messages=messages, **asked) as stream:
            assert "noon" in await stream.get_final_text()


async def test_a_client_of_openai_goes_on_after_a_call_with_thoughts(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        user = {"role": "user", "content": "now"}
        first = (await it.ask(user, tools=[TOOL], reasoning_effort="low")).choices[0].message
        result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "noon"}
        told = first.model_dump(exclude_none=True)
        answer = await it.ask(user, told, result, tools=[TOOL], reasoning_effort="low")
        assert "noon" in answer.choices[0].message.content
        assert "noon" in (await it.ask(user, told, result)).choices[0].message.content  # declares no tools


@pytest.mark.parametrize(
    "model",
    [
        CLAUDE,
        "anthropic.claude-3-haiku-20240307-v1:0",
        "eu.amazon.nova-pro-v1:0",
        "bedrock/amazon.nova-lite-v1:0",
    ],
)
async def test_an_answer_is_held_to_a_schema(tmp_path: Path, model: str) -> None:
    async with house(tmp_path, model) as it:
        answer = await it.ask(response_format=FORMAT)
        assert json.loads(answer.choices[0].message.content) == {"city": "example"}


@pytest.mark.parametrize(
    ("model", "fields", "param"),
    [
        ("meta.llama3-3-70b-instruct-v1:0", {"response_format": FORMAT}, "response_format"),
        ("meta.llama3-2-1b-instruct-v1:0", {"tools": [TOOL]}, "tools"),
        ("amazon.nova-pro-v1:0", {"reasoning_effort": "high"}, "reasoning_effort"),
    ],
)
async def test_what_the_model_cannot_do_is_refused_by_name(
    tmp_path: Path, model: str, fields: Any, param: str
) -> None:
    async with house(tmp_path, model) as it:
        with pytest.raises(openai.BadRequestError) as caught:
            await it.ask(**fields)
        assert caught.value.param == param
        assert it.mock.stats.requests == 0


async def test_one_call_is_kept_where_the_client_wants_one(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        twice = {"role": "user", "content": "now and now"}
        assert len((await it.ask(twice, tools=[TOOL])).choices[0].message.tool_calls) == 2
        answer = await it.ask(twice, tools=[TOOL], parallel_tool_calls=False)
        assert len(answer.choices[0].message.tool_calls) == 1


async def test_images_are_read_as_bytes_and_not_by_their_address(tmp_path: Path) -> None:
    def image(url: str) -> Any:
        return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}

    pdf = {
        "type": "file",
        "file": {"filename": "a.b.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
    }
    async with house(tmp_path) as it:
        answer = await it.ask(image("data:image/png;base64,iVBORw0K"))
        assert "[image/png, 6 bytes]" in answer.choices[0].message.content
        answer = await it.ask({"role": "user", "content": [pdf, pdf]})
        assert answer.choices[0].message.content.count("[document/pdf, 5 bytes]") == 2
        with pytest.raises(openai.BadRequestError, match="does not read image/"):
            await it.ask(image("https://example.com/a.png"))


async def test_a_guardrail_that_steps_in_is_a_content_filter(tmp_path: Path) -> None:
    scripted = (ScriptedAnswer("bad", say="Blocked.", finish="content_filter"),)
    async with house(tmp_path, answers=scripted) as it:
        answer = await it.ask({"role": "user", "content": "bad"})
        assert answer.choices[0].finish_reason == "content_filter"


async def test_amazon_s_exceptions_are_understood_and_show_no_secret(tmp_path: Path) -> None:
    faults = tuple(map(parse_fault, ("403", "429", "401:count=2")))
    async with house(tmp_path, faults=faults) as it:
        with pytest.raises(openai.PermissionDeniedError):
            await it.ask()
        with pytest.raises(openai.RateLimitError):
            await it.ask()
        with pytest.raises(openai.APIStatusError) as caught:
            await it.ask()
        assert "it does not accept the key from the environment variable A_KEY" in str(caught.value)
        assert "wJalr" not in str(caught.value)


def test_models_have_their_prices_by_any_of_their_names() -> None:
    whole = find_model(CLAUDE, ProviderKind.BEDROCK)
    arn = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{CLAUDE}"
    by_arn = find_model(arn, ProviderKind.BEDROCK)
    everywhere = find_model(CLAUDE.replace("us.", "global."), ProviderKind.BEDROCK)
    assert whole is not None
    assert by_arn is not None
    assert everywhere is not None
    assert (str(whole.input_price), str(by_arn.output_price)) == ("$3.3", "$16.5")
    assert str(everywhere.input_price) == "$3"
    assert find_model("meta.llama3-3-70b-instruct-v1:0", ProviderKind.BEDROCK) is not None
    assert find_model("made.up", ProviderKind.BEDROCK) is None


@pytest.mark.parametrize(
    "model",
    [
        CLAUDE,
        "anthropic.claude-opus-4-6-v1",
        "bedrock/cohere.command-r-v1:0",
        "amazon.nova-lite-v1:0",
        "us.meta.llama4-scout-17b-instruct-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
    ],
)
def test_names_of_bedrock_s_models_say_where_they_are(model: str) -> None:
    assert infer_runtime(model) is RuntimeKind.BEDROCK
