"""What people see and do at `/ui`, in a real Chromium. With PICTURES, docs/pictures is drawn anew."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from attrs import frozen

from inferc.cli.plans import Ready
from inferc.compiler.compile import check_file, compile_checked
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import build_app
from inferc.runtime.gateway.auth.callers import Keys
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.secrets.secret import Secret

from ..support.chromium import Browser, Tab, chromium, tab
from ..support.remote import mock_provider, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures" if os.environ.get("PICTURES") else None
MODELS = ROOT / "samples" / "models"

SHOP = """
# A shop's assistant: who answers, what that may cost, and what nobody may be told.
extern no_numbers(texts: list<text>) -> list<text> = python("guards:no_numbers") with {{ isolation = thread }}

deployment small {{
  model = "gpt-4o-mini"
  replicas = 2
  runtime openai {{ api_key = env("SHOP_KEY"), endpoint = "{good}" }}
  budget {{ max_spend_per_hour = $0.01, max_spend_per_day = $2, on_exceeded = warn }}
}}
deployment large {{
  model = "gpt-4o"
  runtime openai {{ api_key = env("SHOP_KEY"), endpoint = "{good}" }}
}}
deployment claude {{
  model = "claude-sonnet-4-5"
  runtime anthropic {{ api_key = env("SHOP_KEY"), endpoint = "{root}" }}
}}
deployment broken {{
  model = "gpt-4o"
  runtime openai {{
    api_key = env("SHOP_KEY")
    endpoint = "http://127.0.0.1:9/v1"
    retry {{ max_retries = 0 }}
    circuit_breaker {{ failure_threshold = 6, open_duration = 10m }}
  }}
}}

deployment embedder {{
  model = "models/minilm.onnx"
  task embed {{ tokenizer = "models/tokenizer.json" }}
}}

## Somebody answers, whatever fails.
route assistant = fallback [broken, small, claude]
route fast = split {{ small: 80%, large: 20% }} by header("x-user")

pipeline support(message: text, urgent: bool) -> text {{
  topic = small(prompt "What is this about? {{{{ message }}}}")
  return assistant(prompt "{{{{ topic }}}}: {{{{ message }}}}")
}}

gateway {{
  budget {{ max_spend_per_month = $50, on_exceeded = reject }}
  guard numbers {{ request = no_numbers, answer = no_numbers, unreadable = pass }}
  {keys}
}}
"""
GUARD = """
import re

def no_numbers(texts):
    return [re.sub(r"\\b\\d{5,}\\b", "[number]", text) for text in texts]
"""


@frozen
class Shop:
    url: str
    http: aiohttp.ClientSession
    executor: Executor

    async def traffic(self, rounds: int) -> None:
        """What clients ask, a little of everything."""
        async with asyncio.TaskGroup() as group:
            for number in range(rounds):
                said = [{"role": "user", "content": f"Where is my parcel {number}?"}]
                for path, body in (
                    ("/v1/chat/completions", {"model": "assistant", "messages": said, "stream": True}),
                    ("/v1/chat/completions", {"model": "fast", "messages": said}),
                    ("/v1/pipelines/support", {"message": "My parcel is late", "urgent": True}),
                    ("/v1/embeddings", {"model": "embedder", "input": ["a text", "another"]}),
                    ("/v1/chat/completions", {"model": "gone", "messages": said} if number == 3 else None),
                ):
                    if body is not None:
                        group.create_task(self._ask(path, body, number))
                await asyncio.sleep(0.02)

    async def _ask(self, path: str, body: Any, number: int) -> None:
        async with self.http.post(self.url + path, json=body, headers={"x-user": f"u{number}"}) as answer:
            await answer.read()


@asynccontextmanager
async def shop(folder: Path, token: str | None = None, keys: str = "") -> AsyncIterator[Shop]:
    os.environ["SHOP_KEY"] = "any"
    (folder / "guards.py").write_text(GUARD)
    (folder / "models").symlink_to(MODELS)
    async with (
        mock_provider(MockOptions(gap=0.002)) as good,
        aiohttp.ClientSession() as http,
    ):
        path = folder / "shop.infer"
        text = SHOP.format(good=good.endpoint, root=good.url, keys=keys)
        path.write_text(text.lstrip())
        checked = check_file("shop.infer", path)
        assert checked.ok, [each.message for each in checked.diagnostics]
        plan = compile_checked(checked, folder)
        executor = Executor(plan, folder)
        await executor.start()
        sources = Ready(plan, folder, (), checked).sources
        held = Keys(plan.gateway.keys, folder) if plan.gateway.keys else None
        secret = Secret(token, "the test") if token else None
        try:
            async with serving(build_app(executor, secret, plan.gateway, held, sources=sources)) as url:
                yield Shop(url, http, executor)
        finally:
            await executor.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with shop(tmp_path_factory.mktemp("shop")) as found:
        yield found


async def drawn(page: Tab, name: str) -> None:
    """Keep what it looks like, where pictures are wanted."""
    if PICTURES is not None:
        await asyncio.sleep(0.5)
        (PICTURES / f"ui-{name}.png").write_bytes(await page.picture())


async def test_traffic_is_seen_on_the_graph_as_it_happens(it: Shop, browser: Browser) -> None:
    async with tab(browser) as page:
        await page.looks(1440, 940)
        await page.open(f"{it.url}/ui")
        await page.until("document.querySelectorAll('.node').length === 9")
        rounds = 400 if PICTURES else 40
        asking = asyncio.create_task(it.traffic(rounds))
        await page.until("document.querySelectorAll('.edge.moving').length >= 6")
        await page.until("document.querySelector('.request .pill')")
        if PICTURES:
            await asyncio.sleep(10)
        await drawn(page, "overview")
        await page.looks(1440, 940, dark=True)
        assert await page.run("getComputedStyle(document.body).backgroundColor") == "rgb(11, 14, 20)"
        await page.looks(390, 844, phone=True)
        await page.until("document.documentElement.scrollWidth <= 390")
        await page.looks(1440, 940)
        await page.until("document.querySelector('[aria-label^=\"deployment broken, circuit open\"]')")
        await asking
        told = await page.text(".budgets")
        assert "of $2.00 a day" in told
        said = await page.text(".guards")
        assert "numbersrequests:" in said
        assert page.problems == []


async def test_a_request_that_went_wrong_tells_its_story(it: Shop, browser: Browser) -> None:
    await it.traffic(8)
    async with tab(browser) as page:
        await page.looks(1440, 940)
        await page.open(f"{it.url}/ui#requests")
        await page.until("document.querySelectorAll('.request').length > 10")
        await page.run("document.querySelector('input[type=search]').focus()")
        await page.write("assistant")
        await page.run("document.querySelector('input[type=checkbox]').click()")
        await page.until("!document.querySelector('.request .pill.ok')")
        rows = "[...document.querySelectorAll('.request button')]"
        await page.run(f"{rows}.find((row) => row.textContent.includes('attempts')).focus()")
        await page.press("Enter")
        await page.until("document.querySelectorAll('.timeline .attempt').length >= 2")
        await drawn(page, "story")
        assert "assistant" in await page.text("#drawer h2")
        await page.press("Escape")
        await page.until("document.querySelector('#drawer').hidden")
        assert await page.run("document.activeElement.closest('.request') !== null")
        assert page.problems == []


async def test_the_file_shows_its_checks_where_they_are(it: Shop, browser: Browser) -> None:
    async with tab(browser) as page:
        await page.looks(1440, 940)
        await page.open(f"{it.url}/ui#file")
        await page.until("document.querySelectorAll('.source .line').length > 40")
        assert "No way leads past the guard numbers" in await page.run(
            "document.querySelector('.checks').textContent"
        )
        await page.click("tbody tr:nth-child(3) a")
        await page.until("document.querySelector('.source .target')?.textContent.includes('route fast')")
        assert "any" not in await page.run(
            "document.querySelector('.source').textContent.match(/SHOP_KEY.{9}/)[0]"
        )
        assert page.problems == []


async def test_the_playground_streams_a_chat_and_keeps_to_the_keyboard(it: Shop, browser: Browser) -> None:
    async with tab(browser) as page:
        await page.looks(1440, 940)
        await page.open(f"{it.url}/ui#play/small")
        await page.until("document.querySelector('.say textarea')")
        await page.run("document.querySelector('.say textarea').focus()")
        await page.write("My number is 1234567")
        await page.press("Enter")
        await page.until("document.querySelector('.bubble.assistant .meta a')")
        assert await page.text(".bubble.assistant .said") == ("You said: My number is [number]")
        assert "by small" in await page.text(".bubble.assistant .meta")
        await page.click("button", "Example of a tool")
        await page.run("document.querySelector('.say textarea').value = 'How is the weather in Ulm?'")
        await page.run("document.querySelector('.say').requestSubmit()")
        await page.until("document.querySelectorAll('.bubble.assistant .meta a').length === 2")
        await drawn(page, "playground")
        sent = await page.run("document.querySelectorAll('.bubble').length")
        assert sent == 4
        await page.run("document.querySelector('.settings textarea.code').value = 'no JSON'")
        await page.run("document.querySelector('.say textarea').value = 'again'")
        await page.run("document.querySelector('.say').requestSubmit()")
        await page.until(
            "document.querySelector('.talk .error:not([hidden])')?.textContent.includes('no JSON')"
        )
        assert page.problems == []


async def test_the_playground_takes_images_and_forms_of_answers(it: Shop, browser: Browser) -> None:
    pixel = base64.b64encode(
        b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x00\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
    ).decode()
    async with tab(browser) as page:
        await page.looks(1440, 940)
        await page.open(f"{it.url}/ui#play/large")
        await page.until("document.querySelector('.say textarea')")
        await page.run(
            "(async () => { const input = document.querySelector('.say input[type=file]');"
            f"const data = Uint8Array.from(atob('{pixel}'), (c) => c.charCodeAt(0));"
            "const all = new DataTransfer(); all.items.add(new File([data], 'dot.gif', {type: 'image/gif'}));"
            "input.files = all.files; input.dispatchEvent(new Event('change')); })()"
        )
        await page.until("document.querySelector('.attached img')?.complete")
        await page.click("button", "Example of a schema")
        await page.run("document.querySelector('.say textarea').value = 'What is this?'")
        await page.run("document.querySelector('.say').requestSubmit()")
        await page.until("document.querySelector('.bubble.assistant .meta')?.textContent")
        assert await page.run("document.querySelector('.bubble.user img').naturalWidth") == 1
        assert await page.run("document.querySelector('.bubble.assistant .said pre') !== null")
        assert page.problems == []


async def test_the_playground_runs_pipelines_and_compares_texts(it: Shop, browser: Browser) -> None:
    async with tab(browser) as page:
        await page.looks(1440, 940)
        await page.open(f"{it.url}/ui#play/support")
        await page.until("document.querySelector('.simple textarea')")
        await page.run("document.querySelector('.simple textarea').value = 'It is broken'")
        await page.run("document.querySelector('.simple').requestSubmit()")
        await page.until("document.querySelector('.result .meta a')")
        assert await page.run("document.querySelectorAll('.steps li').length") >= 2
        assert "It is broken" in await page.text(".result .said")
        await page.run("location.hash = 'play/embedder'")
        await page.until("document.querySelector('#model').value === 'embedder'")
        await page.run("document.querySelector('.simple').requestSubmit()")
        await page.until("document.querySelectorAll('.heat td').length === 9")
        assert page.problems == []


async def test_without_a_key_nothing_is_told_and_a_client_s_key_only_asks(
    browser: Browser, tmp_path: Path
) -> None:
    os.environ["TEAM_KEY"] = "team-secret"
    keys = 'auth = bearer(env("OPERATOR"))\n  key team { secret = env("TEAM_KEY"), models = [small] }'
    os.environ["OPERATOR"] = "operator-secret"
    async with shop(tmp_path, "operator-secret", keys) as it, tab(browser) as page:
        await page.looks(1440, 940)
        await page.open(f"{it.url}/ui")
        await page.until("document.querySelector('.locked')")
        text = await page.run("document.documentElement.outerHTML")
        assert not any(word in text for word in ("small", "claude", "shop", "numbers"))
        await page.press("k")
        await page.until("document.querySelector('dialog').open")
        assert await page.run("document.activeElement.id") == "secret"
        await page.write("team-secret")
        await page.run("document.querySelector('dialog [value=use]').click()")
        await page.until("document.querySelector('#health').textContent === 'playground only'")
        await page.run("location.hash = 'play'")
        await page.until("document.querySelector('#model option')")
        assert (
            await page.run("[...document.querySelectorAll('#model option')].map((o) => o.value).join()")
            == "small"
        )
        await page.run("document.querySelector('#key').click()")
        await page.write("operator-secret")
        await page.run("document.querySelector('dialog [value=use]').click()")
        await page.run("location.hash = 'overview'")
        await page.until("document.querySelectorAll('.node').length === 9")
        assert "secret" not in await page.text("main")


async def test_screen_readers_hear_what_eyes_see(it: Shop, browser: Browser) -> None:
    async with tab(browser) as page:
        await page.looks(1440, 940)
        await page.open(f"{it.url}/ui")
        await page.until("document.querySelector('[aria-label^=\"route assistant, ready\"]')")
        names = await page.names()
        roles = {role for role, _ in names}
        assert {"banner", "navigation", "main"} <= roles
        assert any(role == "button" and name.startswith("deployment small, ready") for role, name in names)
        assert [
            name for role, name in names if role in ("button", "link", "textbox", "combobox") and not name
        ] == []
        await page.run("document.querySelector('[aria-label^=\"route assistant\"]').focus()")
        await page.press("Enter")
        await page.until("!document.querySelector('#drawer').hidden")
        assert "fallback" in await page.text("#drawer")
        for key, view in (("2", "requests"), ("3", "play"), ("4", "file"), ("1", "overview")):
            await page.press("Escape")
            await page.run("document.activeElement.blur()")
            await page.press(key)
            await page.until(f"location.hash === '#{view}'")
        assert page.problems == []
