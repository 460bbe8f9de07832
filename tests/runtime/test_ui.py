"""The page at `/ui`: who sees what, what it may load, and that it costs nothing while nobody looks."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import frozen

from inferc.compiler.plan import GatewayPlan, KeyPlan, KeySecret
from inferc.runtime.gateway import build_app
from inferc.runtime.gateway.auth.callers import Keys
from inferc.runtime.gateway.door import DOOR
from inferc.runtime.gateway.telemetry.metrics import METRICS
from inferc.runtime.gateway.ui.assets import assets
from inferc.runtime.gateway.ui.pages import MOST_VIEWERS
from inferc.runtime.secrets.secret import Secret

from ..support.projects import Project
from ..support.remote import mock_provider, running, serving

FILES = sorted("/ui" if name == "index.html" else f"/ui/{name}" for name in assets())
SHOWN = ("/ui/plan", "/ui/live", "/ui/requests/x")
SOURCES = {"files": [{"name": "shop.infer", "text": "deployment gpt {}"}], "findings": []}


@frozen
class Front:
    url: str
    http: aiohttp.ClientSession
    app: Any

    async def get(self, path: str, key: str = "") -> tuple[int, str, Any]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with self.http.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text(), answer.headers

    @asynccontextmanager
    async def looking(self, key: str = "") -> AsyncIterator[Any]:
        """The events of one who looks, one by one."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with self.http.get(f"{self.url}/ui/live", headers=headers) as answer:
            assert answer.status == 200

            async def events() -> AsyncIterator[Any]:
                async for line in answer.content:
                    if line.startswith(b"data: "):
                        yield json.loads(line[6:])

            yield events()


async def next_with(events: AsyncIterator[Any], part: str) -> Any:
    """The next event that tells of a part."""
    async with asyncio.timeout(60):
        async for event in events:
            if event.get(part):
                return event
    raise AssertionError(f"nothing is told of {part}")


@asynccontextmanager
async def front(folder: Path, *, locked: bool = False, more: str = "") -> AsyncIterator[Front]:
    async with mock_provider() as mock:
        text = f"""
        deployment gpt {{
          model = "gpt-4o-mini"
          runtime openai {{
            api_key = file("key"), endpoint = "{mock.endpoint}", headers {{ "x-team" = "hidden" }}
          }}
          budget {{ max_spend_per_day = $5, on_exceeded = reject }}
        }}
        deployment spare {{
          model = "gpt-4o"
          runtime openai {{ api_key = file("key"), endpoint = "{mock.endpoint}" }}
        }}
        route assistant = fallback [gpt, spare]
        pipeline reply(message: text) -> text {{ return assistant(message) }}
        {more}
        """
        project = Project(folder)
        project.write("main.infer", text)
        project.write("key", "hidden-key")
        plan = project.plan()
        key = KeyPlan("team", (KeySecret.env("UI_TEAM_KEY"),))
        keys = Keys((key,), folder) if locked else None
        gateway = GatewayPlan(port=0, keys=(key,) if locked else ())
        async with running(plan, folder) as executor, aiohttp.ClientSession() as http:
            token = Secret("operator", "a test") if locked else None
            app = build_app(executor, token, gateway, keys, sources=lambda: SOURCES)
            async with serving(app) as url:
                yield Front(url, http, app)


async def test_files_are_for_everyone_and_say_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UI_TEAM_KEY", "team")
    async with front(tmp_path, locked=True) as it:
        for path in FILES:
            status, text, headers = await it.get(path)
            assert status == 200
            assert not re.search(r"\bgpt\b|\bspare\b|assistant\(", text)
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
            assert "unsafe" not in policy
        assert (await it.get("/ui/"))[0] == 200
        assert (await it.get("/ui/../app.py"))[0] == 404
        async with it.http.get(f"{it.url}/ui/app.js") as answer:
            again = {"If-None-Match": answer.headers["ETag"]}
        async with it.http.get(f"{it.url}/ui/app.js", headers=again) as answer:
            assert (answer.status, await answer.read()) == (304, b"")


def test_files_load_nothing_from_elsewhere_and_run_no_inline_scripts() -> None:
    for name, asset in assets().items():
        text = asset.body.decode().replace("http://www.w3.org/", "")
        assert not re.search(
            r"https?://|@import|eval\(|innerHTML|<script(?![^>]* src=)| style=| on\w+=\"", text
        ), name


async def test_what_is_shown_needs_the_token_of_the_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UI_TEAM_KEY", "team")
    async with front(tmp_path, locked=True) as it:
        for path in SHOWN:
            assert [(await it.get(path, key))[0] for key in ("", "wrong", "team")] == [401, 401, 403]
        assert (await it.get("/ui/plan", "operator"))[0] == 200
        assert (await it.get("/ui/requests/x", "operator"))[0] == 404
        async with it.looking("operator") as events:
            assert "status" in await anext(events)


async def test_a_plan_is_shown_without_headers(tmp_path: Path) -> None:
    async with front(tmp_path) as it:
        _, text, _ = await it.get("/ui/plan")
        assert "hidden" not in text
        plan = json.loads(text)
        assert plan["files"] == SOURCES["files"]
        assert [(each["kind"], each["name"]) for each in plan["nodes"]] == [
            ("pipeline", "reply"),
            ("route", "assistant"),
            ("deployment", "gpt"),
            ("deployment", "spare"),
        ]
        assert [(each["from"], each["to"], each["kind"]) for each in plan["edges"]] == [
            ("reply", "assistant", "call"),
            ("assistant", "gpt", "member"),
            ("assistant", "spare", "member"),
        ]
        assert plan["budgets"][0]["ceilings"] == {"day": 5.0}


async def test_who_looks_is_told_what_changes(tmp_path: Path) -> None:
    async with front(tmp_path) as it:
        async with it.looking() as events:
            first = await anext(events)
            assert first["recent"] == []
            body = {"model": "assistant", "messages": [{"role": "user", "content": "hello"}]}
            async with it.http.post(f"{it.url}/v1/chat/completions", json=body) as answer:
                request_id = answer.headers["x-request-id"]
            event = await next_with(events, "recent")
            assert event["recent"][0]["id"] == request_id
            assert event["flows"][0]["group"] == ["", "assistant", "gpt"]
            assert [{"route": "assistant", "member": "gpt"}, 1] in event["metrics"][
                "inferc_route_answers_total"
            ]
            assert "plan" not in event
        story = json.loads((await it.get(f"/ui/requests/{request_id}"))[1])
        assert story["events"][0]["deployment"] == "gpt"


async def test_it_costs_nothing_while_nobody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inferc.runtime.gateway.ui.pages.EVERY", 0.001)
    async with front(tmp_path) as it:
        looks: list[int] = []
        traffic = it.app[METRICS].traffic
        monkeypatch.setattr(it.app[METRICS], "traffic", lambda: looks.append(1) or traffic())
        assert looks == []
        async with it.looking() as events:
            for _ in range(3):
                await anext(events)
        seen = -1
        for _ in range(200):
            if len(looks) == seen:
                break
            seen = len(looks)
            await asyncio.sleep(0.05)  # fifty looks, if anybody looked
        assert 3 <= len(looks) == seen


async def test_no_more_may_look_than_it_bears_and_all_end_when_it_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferc.runtime.gateway.ui.pages.MOST_VIEWERS", 1)
    monkeypatch.setattr("inferc.runtime.gateway.ui.pages.EVERY", 0.01)
    assert MOST_VIEWERS >= 8
    async with front(tmp_path) as it, it.looking() as events:
        await anext(events)
        assert (await it.get("/ui/live"))[0] == 429
        it.app[DOOR].is_closing = True
        assert [event async for event in events if "status" in event] == []


async def test_who_is_let_in_no_more_sees_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UI_TEAM_KEY", "team")
    monkeypatch.setattr("inferc.runtime.gateway.ui.pages.EVERY", 0.01)
    async with front(tmp_path, locked=True) as it, it.looking("operator") as events:
        await anext(events)
        door = it.app[DOOR]
        door.take_over(GatewayPlan(), Secret("another", "a test"), door.keys)
        assert [event async for event in events][-1] == {}
