"""APIs behind AWS's own access: signed requests, before a fake that refuses what AWS and the API refuse.

The packages of Anthropic and OpenAI ask the same fake, signed by themselves: what it wants is what they send.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anthropic
import openai
import pytest
from aiohttp import web
from attrs import define, field
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from openai.providers import bedrock

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan import RemotePoolPlan, dump_plan, load_plan

from ..support.openai_client import openai_client
from ..support.remote import executor_of, gateway_of, plan_of, serving

KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a-session-token"
NAMED = 'access_key_id = env("A_KEY"), secret_access_key = env("A_SECRET"), session_token = env("A_TOKEN")'
AWS = f'aws {{ region = "us-west-2", {NAMED} }}'
CLAUDE = f'anthropic {{ {AWS}, workspace = "wrkspc_1"'
GPT = f"openai {{ {AWS}"
MESSAGES: Any = [{"role": "user", "content": "hello there"}]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The keys of the file, and none of this machine's own."""
    monkeypatch.setenv("A_KEY", KEY)
    monkeypatch.setenv("A_SECRET", SECRET)
    monkeypatch.setenv("A_TOKEN", TOKEN)
    monkeypatch.setenv("K", "a-key-of-the-workspace")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def plan_for(folder: Path, model: str, runtime: str) -> RemotePoolPlan:
    source = folder / "it.infer"
    source.write_text(f'deployment it {{\n  model = "{model}"\n  runtime {runtime}\n}}\n')
    checked = check_file(source.name, source)
    assert checked.ok, checked.diagnostics
    (plan,) = compile_checked(checked, folder).deployments
    assert isinstance(plan, RemotePoolPlan)
    return plan


@define
class Amazon:
    """taken: the path of each request that it took."""

    url: str = ""
    taken: list[str] = field(factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        if (refusal := refused(request, body)) is not None:
            return web.json_response({"message": refusal}, status=403)
        if request.path == "/v1/messages":
            if "anthropic-version" not in request.headers or "anthropic-workspace-id" not in request.headers:
                error = {"type": "invalid_request_error", "message": "a header is missing"}
                return web.json_response({"type": "error", "error": error}, status=400)
            self.taken.append(request.path)
            return web.json_response(
                {
                    "id": "msg_1",
                    "type": "message",
                    "role": "assistant",
                    "model": "claude-sonnet-5-5",
                    "content": [{"type": "text", "text": "signed"}],
                    "stop_reason": "end_turn",
                    "stop_sequence": None,
                    "usage": {"input_tokens": 2, "output_tokens": 1},
                }
            )
        assert request.path == "/openai/v1/chat/completions"
        self.taken.append(request.path)
        choice = {"index": 0, "message": {"role": "assistant", "content": "signed"}, "finish_reason": "stop"}
        return web.json_response(
            {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        )


def refused(request: web.Request, body: bytes) -> str | None:
    """Why Amazon lets nobody in; None where it does. Source: AWS IAM user guide, Signature Version 4."""
    headers = request.headers
    if headers.get("x-api-key") == "a-key-of-the-workspace":
        return None
    shown = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/([\w-]+)/aws4_request, "
        r"SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})",
        headers.get("Authorization", ""),
    )
    if shown is None:
        return "Missing Authentication Token"
    key, _, region, service, names, signature = shown.groups()
    wanted = "aws-external-anthropic" if request.path == "/v1/messages" else "bedrock-mantle"
    if (key, region, service) != (KEY, "us-west-2", wanted):
        return f"Credential should be scoped to correct service: '{wanted}'."
    signed = names.split(";")
    here = {name for name in map(str.lower, headers) if name.startswith("x-amz-")} | {"host", "content-type"}
    if not here <= set(signed):
        return f"must be signed: {here - set(signed)}"
    if headers.get("X-Amz-Security-Token") != TOKEN:
        return "The security token included in the request is invalid."
    told = {name: headers[name] for name in signed if name != "host"}
    asked = AWSRequest("POST", f"http://{request.host}{request.raw_path}", told, body)
    asked.context["timestamp"] = headers["X-Amz-Date"]
    auth: Any = SigV4Auth(ReadOnlyCredentials(KEY, SECRET, TOKEN), service, region)
    expected = auth.signature(auth.string_to_sign(asked, auth.canonical_request(asked)), asked)
    return None if signature == expected else "The request signature we calculated does not match"


@asynccontextmanager
async def amazon() -> AsyncIterator[Amazon]:
    it, app = Amazon(), web.Application()
    app.router.add_post("/{path:.*}", it.answer)
    async with serving(app) as it.url:
        yield it


@asynccontextmanager
async def asked(folder: Path, model: str, runtime: str) -> AsyncIterator[openai.AsyncOpenAI]:
    """A client of a gateway in front of that runtime."""
    plan = plan_for(folder, model, runtime)
    async with (
        executor_of(plan, base_dir=folder) as executor,
        gateway_of(executor) as url,
        openai_client(url) as client,
    ):
        yield client


async def text_of(client: openai.AsyncOpenAI) -> str | None:
    answer = await client.chat.completions.create(model="it", messages=MESSAGES)
    return answer.choices[0].message.content


async def test_claude_platform_on_aws_is_asked_as_anthropic_is_and_signed(tmp_path: Path) -> None:
    async with amazon() as fake:
        async with asked(tmp_path, "claude-sonnet-5-5", f'{CLAUDE}, endpoint = "{fake.url}" }}') as client:
            assert await text_of(client) == "signed"
        assert fake.taken == ["/v1/messages"]


async def test_openais_models_on_bedrock_are_asked_in_openais_protocol_and_signed(tmp_path: Path) -> None:
    async with amazon() as fake:
        runtime = f'{GPT}, endpoint = "{fake.url}/openai/v1" }}'
        async with asked(tmp_path, "openai.gpt-5.5", runtime) as client:
            assert await text_of(client) == "signed"
        assert fake.taken == ["/openai/v1/chat/completions"]


async def test_a_key_of_the_workspace_needs_no_signature(tmp_path: Path) -> None:
    async with amazon() as fake:
        keyed = 'anthropic { aws { region = "us-west-2" }, workspace = "wrkspc_1", api_key = env("K"), '
        async with asked(tmp_path, "claude-sonnet-5-5", f'{keyed}endpoint = "{fake.url}" }}') as client:
            assert await text_of(client) == "signed"


async def test_the_fake_takes_what_the_packages_of_both_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(
        region_name="us-west-2", get_credentials=lambda: ReadOnlyCredentials(KEY, SECRET, TOKEN)
    )
    monkeypatch.setattr("anthropic.lib.aws._auth._get_session", lambda **_: found)  # it is boto3's
    async with amazon() as fake:
        region = {"region": "us-west-2", "access_key_id": KEY, "secret_access_key": SECRET}
        provider = bedrock(**region, session_token=TOKEN, base_url=f"{fake.url}/openai/v1")
        async with openai.AsyncOpenAI(provider=provider, max_retries=0) as client:
            assert await text_of(client) == "signed"
        async with openai.AsyncOpenAI(
            provider=bedrock(**region | {"secret_access_key": "x"}, base_url=f"{fake.url}/openai/v1"),
            max_retries=0,
        ) as client:
            with pytest.raises(openai.PermissionDeniedError):
                await text_of(client)
        async with anthropic.AsyncAnthropicAWS(
            aws_access_key=KEY,
            aws_secret_key=SECRET,
            aws_session_token=TOKEN,
            aws_region="us-west-2",
            workspace_id="wrkspc_1",
            base_url=fake.url,
        ) as claude:
            said = await claude.messages.create(model="claude-sonnet-5-5", max_tokens=9, messages=MESSAGES)
        assert said.content[0].type == "text"
        assert fake.taken == ["/openai/v1/chat/completions", "/v1/messages"]


def test_addresses_are_those_of_the_region_and_no_secret_is_in_the_plan(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, "claude-sonnet-5-5", f"{CLAUDE} }}")
    assert plan.endpoint == "https://aws-external-anthropic.us-west-2.api.aws"
    assert plan.headers == {"anthropic-workspace-id": "wrkspc_1"}
    assert plan.aws is not None
    assert plan.aws.service == "aws-external-anthropic"
    text = dump_plan(plan_of(plan))
    assert [each for each in (KEY, SECRET, TOKEN) if each in text] == []
    (tmp_path / "it.json").write_text(text)
    assert load_plan(tmp_path / "it.json").deployments == (plan,)


@pytest.mark.parametrize(
    ("endpoint", "service", "has_responses"),
    [
        ("", "bedrock-mantle", True),
        ("https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1", "bedrock", False),
        ("https://vpce-1.bedrock-runtime.us-west-2.vpce.amazonaws.com/openai/v1", "bedrock", False),
    ],
)
def test_the_host_says_what_signatures_are_for(
    tmp_path: Path, endpoint: str, service: str, has_responses: bool
) -> None:
    more = f', endpoint = "{endpoint}"' if endpoint else ""
    plan = plan_for(tmp_path, "openai.gpt-5.5", f"{GPT}{more} }}")
    assert plan.endpoint == (endpoint or "https://bedrock-mantle.us-west-2.api.aws/openai/v1")
    assert plan.aws is not None
    assert (plan.aws.service, plan.responses) == (service, has_responses)


def test_a_model_of_openais_costs_what_bedrock_asks_and_can_what_it_can_elsewhere(tmp_path: Path) -> None:
    here = plan_for(tmp_path, "openai.gpt-5.5", f"{GPT} }}")
    there = plan_for(tmp_path, "gpt-5.5", 'openai { api_key = env("K") }')
    assert here.price is not None
    assert there.price is not None
    assert here.price.input > there.price.input
    assert here.capabilities.thinks is not None
    assert here.capabilities.thinks == there.capabilities.thinks
