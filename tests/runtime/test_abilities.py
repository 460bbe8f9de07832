"""What `/v1/models` says that may be asked of each model."""

from __future__ import annotations

from typing import Any

import aiohttp

from inferc.compiler.plan import Capabilities, ProviderKind, TaskKind, WireFormat

from ..support.pipelines import Graph, fallback, plan_with
from ..support.remote import gateway_of, remote_plan, running

SEES = Capabilities(
    tools=True,
    json_schema=True,
    media_inline=("image/*",),
    media_by_url=(),
    thinks="no",
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
    assert found["sees"]["abilities"] == {
        "tools": True,
        "structured_output": True,
        "images": True,
        "audio": False,
        "documents": False,
        "thinking": False,
        "max_output_tokens": 4096,
    }
    assert found["both"]["abilities"] == {
        "tools": True,
        "structured_output": None,
        "images": True,
        "audio": False,
        "documents": False,
        "thinking": False,
        "max_output_tokens": 4096,
    }
    assert found["new"]["abilities"]["tools"] is None
    assert found["p"]["abilities"]["tools"] is False
    assert found["e"]["task"] == "embed"
    assert "abilities" not in found["e"]
