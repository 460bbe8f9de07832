"""What `/v1/models` says that may be asked of each model."""

from __future__ import annotations

from typing import Any

import aiohttp

from inferc.compiler.plan import Capabilities, CapacityPolicy, ProviderKind, TaskKind, WireFormat

from ..support.pipelines import Graph, fallback, plan_with
from ..support.remote import gateway_of, remote_plan, running

SEES = Capabilities(
    tools=True,
    json_schema=True,
    media_inline=("image/*",),
    media_by_url=(),
    thinks="no",
    context_window=1000,
    greatest_output=4096,
)
READS = Capabilities(tools=True, media_inline=("image/png", "application/pdf"), greatest_output=9000)


async def test_models_say_what_they_can_and_routes_what_all_their_members_can() -> None:
    graph = Graph()
    graph.call("said", "sees", message="message")
    claude: dict[str, Any] = {"provider": ProviderKind.ANTHROPIC, "wire": WireFormat.ANTHROPIC}
    plan = plan_with(
        remote_plan("sees", capabilities=SEES),
        remote_plan("reads", capabilities=READS, **claude),
        remote_plan("new"),
        remote_plan("full", capabilities=SEES, on_full=CapacityPolicy.fallback("new")),
        remote_plan("e", task=TaskKind.EMBED),
        fallback("both", "sees", "reads"),
        graph.pipeline("said"),
    )
    async with (
        running(plan) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/v1/models") as answer,
    ):
        found = {each["id"]: each for each in (await answer.json())["data"]}
    sees = found["sees"]["abilities"]
    known = ("tools", "json_schema", "images", "documents", "audio", "thinking", "logprobs")
    assert [sees[name] for name in known] == [True, True, True, False, False, False, None]
    assert sees["max_output_tokens"] == 4096
    assert sees["context"] == 1000
    no_word = {"choices": False, "image_output": False, "audio_output": False}
    assert found["sees"]["abilities_at"]["responses"] == {**sees, **no_word}
    assert found["sees"]["abilities_at"]["messages"]["logprobs"] is False
    both = found["both"]["abilities"]
    assert [both[name] for name in known] == [True, None, True, False, False, False, False]
    assert (both["max_output_tokens"], both["context"]) == (4096, None)
    full = found["full"]["abilities"]
    assert [full[name] for name in known] == [None, None, None, False, False, False, None]
    assert found["new"]["abilities"]["tools"] is None
    assert found["p"]["abilities"]["tools"] is False
    assert found["e"]["task"] == "embed"
    assert "abilities" not in found["e"]
