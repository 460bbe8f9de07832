"""The playground that `make playground` builds, in a real Chromium. With PICTURES, docs/pictures is drawn."""

from __future__ import annotations

import asyncio
import os
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter

import pytest
import pytest_asyncio
from aiohttp import web
from playground.links import fragment

from ..grammars.colouring import listed
from ..support.chromium import Tab, chromium, tab
from ..support.remote import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
GRAMMARS = ROOT / "tests" / "grammars"
BUILT = ROOT / "build" / "playground"
PICTURES = ROOT / "docs" / "pictures" if os.environ.get("PICTURES") else None

WRONG = """
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("OPENAI_API_KEY"), retry { max_retrys = 3, max_backoff = 60 } }
}
"""
RIGHT = """
## Who answers.
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("OPENAI_API_KEY") }
}
deployment claude {
  model = "claude-sonnet-4-6"
  runtime anthropic { api_key = env("ANTHROPIC_API_KEY") }
}
route assistant = fallback [gpt, claude]
"""
TESTS = """
test "claude answers when OpenAI is down" {
  world { gpt fails 503 for 10m }
  ask assistant "hello"
  expect answered_by == claude
}
test "nobody waits for long" {
  world { gpt fails 503 for 10m }
  ask assistant "hello"
  expect seconds <= 0.01
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Tab]:
    """The page, loaded once: a link brings the next files."""
    assert (BUILT / "index.html").exists(), "the playground is not built: make playground"

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(BUILT / "index.html")

    app = web.Application()
    app.router.add_get("/", index)
    app.router.add_static("/", BUILT)
    async with serving(app) as url, chromium() as browser, tab(browser) as found:
        await found.looks(1440, 900)
        began = perf_counter()
        await found.open(url)
        await found.until(CHECKED)
        print(f"\nthe playground has checked its first file after {perf_counter() - began:.1f} s")
        yield found
        assert found.problems == []


CHECKED = (
    "(({ opened, asked, checked }) => opened === location.hash && asked === checked)"
    "(document.documentElement.dataset)"
)


def link(text: str, **more: str) -> str:
    files = {f"{name}.infer": other for name, other in more.items()}
    return fragment({"shop.infer": text.lstrip(), **files}, "shop.infer")


async def shown(page: Tab, fragment: str) -> None:
    """Follow a link, and wait until its file is checked."""
    await page.looks(1440, 900)
    await page.run("document.querySelector('#tab-problems').click()")
    await page.run(f"location.hash = {fragment!r}")
    await page.until(CHECKED)


async def drawn(page: Tab, name: str) -> None:
    if PICTURES is not None:
        await asyncio.sleep(0.4)
        (PICTURES / f"playground-{name}.png").write_bytes(await page.picture())


async def raw(page: Tab, key: str, code: int, modifiers: int = 0) -> None:
    """Press a key that writes nothing."""
    common = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
    await page.send("Input.dispatchKeyEvent", type="rawKeyDown", **common)


async def view(page: Tab, name: str, shows: str) -> str:
    """Turn to a view, and what stands there once it shows something."""
    await page.click(f"#tab-{name}")
    await page.until(f"document.querySelector('#panel[data-view={name}] {shows}')")
    return await page.text("#panel")


async def test_a_mistake_is_said_as_the_compiler_says_it_and_mended_by_a_click(page: Tab) -> None:
    await shown(page, link(WRONG))
    await page.until("document.querySelectorAll('.finding').length === 2")
    said = await page.text(".findings")
    assert "max_retrys = 3" in said
    assert "^^^^" in said
    assert "60s" in said
    assert await page.text("#state") == "2 errors"
    assert await page.run("document.querySelectorAll('.cm-lintRange-error').length") == 2
    await drawn(page, "mistake")
    await page.click(".finding .primary", "write `max_retries`")
    await page.until("document.querySelectorAll('.finding').length === 1")
    assert "max_retries = 3" in await page.text(".cm-content")
    await page.click(".finding button", "Explain")
    await page.until("document.querySelector('.explained h1')")
    assert "unit" in await page.text("#panel h1")
    await page.run("document.querySelector('.ask input').value = 'E9999'")
    await page.run("document.querySelector('.ask').requestSubmit()")
    await page.until("document.querySelector('#panel').textContent.includes('There is no code E9999')")


async def test_what_follows_from_a_file_is_shown(page: Tab) -> None:
    await shown(page, link(RIGHT + TESTS))
    assert await page.text("#state") == "no problems"
    assert "fallback" in await view(page, "graph", "svg")
    assert await page.run("document.querySelectorAll('.canvas .node').length") >= 3
    assert "assistant" in await view(page, "bounds", "pre")
    assert '"claude"' in await view(page, "plan", "pre")
    assert "assistant" in await view(page, "reach", "pre")
    assert "says that it `carries` any kind of data" in await view(page, "flows", "pre")
    await view(page, "tests", "button")
    await page.click("#panel button", "Run the tests")
    await page.until("document.querySelector('#panel pre')")
    said = await page.text("#panel pre")
    assert "ok    claude answers when OpenAI is down" in said
    assert "FAIL  nobody waits for long" in said
    assert "2 tests, 1 failed" in said


async def test_where_data_may_not_go_is_drawn_although_it_is_an_error(page: Tab) -> None:
    carries = 'gateway { key k { secret = env("K"), carries = [pii] } }\n'
    await shown(page, link(RIGHT + carries))
    assert "error" in await page.text("#state")
    assert "does not allow pii" in await view(page, "flows", "svg")


async def test_what_takes_too_long_is_stopped(page: Tab) -> None:
    endless = (
        RIGHT + 'test "a year" {\n  load { assistant = 50 per second for 365d }\n  expect success >= 1%\n}\n'
    )
    await shown(page, link(endless))
    await view(page, "tests", "button")
    await page.click("#panel button", "Run the tests")
    await page.until("document.querySelector('#panel .spinner')")
    await page.click("#panel button", "Stop")
    await page.until("document.querySelector('#panel').textContent.includes('were stopped')")
    await shown(page, link(WRONG))
    await page.until("document.querySelectorAll('.finding').length === 2")


async def test_it_completes_explains_and_formats(page: Tab) -> None:
    await shown(page, link(RIGHT))
    await page.run("document.querySelector('.cm-content').focus()")
    await raw(page, "End", 35, modifiers=2)
    for key in "deployment x { runt":
        await page.press(key)
    await page.until("document.querySelector('.cm-tooltip-autocomplete li')")
    assert "runtime" in await page.text(".cm-tooltip-autocomplete")
    await page.until("document.querySelector('.cm-completionInfo .prose')")
    await page.press("Escape")
    await page.run("document.querySelector('#format').click()")
    spot = await page.run(
        "(() => { const word = [...document.querySelectorAll('.cm-line span')]"
        ".find((span) => span.textContent === 'api_key');"
        "const box = word.getBoundingClientRect(); return [box.x + 8, box.y + 6]; })()"
    )
    await page.send("Input.dispatchMouseEvent", type="mouseMoved", x=spot[0], y=spot[1])
    await page.until("document.querySelector('.cm-tooltip-hover .prose')")
    assert "key" in await page.text(".cm-tooltip-hover")
    unformed = 'deployment   a{model="gpt-4o-mini"\nruntime openai{api_key=env("K")}}\n'
    await shown(page, link(unformed))
    await page.click("#format")
    await page.until("document.querySelector('.cm-content').textContent.includes('deployment a {')")


TYPED = """
import { Verdict } from "types.infer"
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("OPENAI_API_KEY") }
}
pipeline judge(message: text) -> Verdict { return gpt(message) as Verdict }
pipeline topic(message: text) -> text { return judge(message).kind }
"""


async def test_a_field_is_completed_after_a_call_and_renamed_in_all_files(page: Tab) -> None:
    await shown(page, link(TYPED, types="type Verdict = { kind: text, urgent: bool }\n"))
    await page.run("document.querySelector('.cm-content').focus()")
    await raw(page, "End", 35, modifiers=2)
    for _ in range(4):  # from the end of the last line into the name before the bracket
        await raw(page, "ArrowLeft", 37)
    await raw(page, "F2", 113)
    await page.until("document.querySelector('.renaming input')")
    await page.run("document.querySelector('.renaming input').value = 'subject'")
    await page.run("document.querySelector('.renaming input').form.requestSubmit()")
    await page.until("document.querySelector('.cm-content').textContent.includes('.subject')")
    await page.click("#files button", "types.infer")
    await page.until("document.querySelector('.cm-content').textContent.includes('subject: text')")
    await page.click("#files button", "shop.infer")
    await page.run("document.querySelector('.cm-content').focus()")
    await raw(page, "End", 35, modifiers=2)
    await page.write("pipeline z(m: text) -> text { return judge(m)")
    await page.write(".")
    await page.until("document.querySelector('.cm-tooltip-autocomplete li')")
    assert "urgent" in await page.text(".cm-tooltip-autocomplete")
    await page.press("Escape")


ROLES = """(() => {
  const spans = [];
  let at = 0;
  for (const line of document.querySelectorAll('.cm-line')) {
    const walk = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const size = [...node.data].length;
      const coloured = node.parentElement.closest('[class*=infer-]');
      const role = coloured ? /infer-(\\w+)/.exec(coloured.className)[1] : 'name';
      spans.push([at, at + size, role]);
      at += size;
    }
    at += 1;
  }
  return spans;
})()"""


async def test_each_token_has_the_colour_that_all_editors_give_it(page: Tab) -> None:
    for golden in sorted((GRAMMARS / "golden").glob("*.tokens")):
        name, expected = f"{golden.stem}.infer", golden.read_text("utf-8")
        folders = (GRAMMARS / "corpus", ROOT / "samples", ROOT / "tests" / "dsl" / "data")
        text = next(each for folder in folders if (each := folder / name).exists()).read_bytes().decode()
        if "\r" in text:
            continue  # the editor has lines, and no ends of lines
        await shown(page, link(text))
        await page.looks(1440, 9000)
        for _ in range(100):
            found = listed(text, await page.run(ROLES))
            if found == expected:
                break
            await asyncio.sleep(0.05)  # what came into sight is coloured next
        assert found == expected, name


async def test_a_link_carries_the_files(page: Tab) -> None:
    importing = 'import "names.infer" as names\n' + RIGHT.lstrip().replace('"gpt-4o-mini"', "names.small")
    await shown(page, link(importing, names='let small = "gpt-4o-mini" # Zoë 🙂\n'))
    assert await page.run("document.querySelectorAll('#files button').length") == 2
    assert await page.text("#state") == "no problems"
    await page.click("#files button", "names.infer")
    await page.until("document.querySelector('.cm-content').textContent.includes('Zoë 🙂')")
    await page.run("document.querySelector('.cm-content').focus()")
    await page.write("# more\n")
    before = await page.run("location.hash")
    await page.click("#share")
    await page.until(f"location.hash !== {before!r}")
    shared = await page.run("location.hash")
    await shown(page, link(RIGHT))
    await shown(page, shared)
    assert "# more" in await page.text(".cm-content")
    assert await page.text("#files [aria-pressed=true]") == "names.infer"


async def test_links_that_are_broken_say_so(page: Tab) -> None:
    whole = link(RIGHT)
    bomb = fragment({"shop.infer": "#" * 5_000_000}, "shop.infer")
    foreign = fragment({"../../etc/passwd": "x"}, "../../etc/passwd")
    odd = "#1/" + urlsafe_b64encode(b"no deflate").decode().rstrip("=")
    await shown(page, whole)
    for broken, said in (
        (whole[1 : len(whole) // 2], "damaged"),
        (odd, "damaged"),
        ("#1/%%%", "no link of the playground"),
        ("#something", "no link of the playground"),
        ("#2/abc", "newer playground"),
        (bomb, "too large"),
        (foreign, "holds no files"),
    ):
        await page.run(f"document.querySelector('#notice').textContent = ''; location.hash = {broken!r}")
        await page.until(f"document.querySelector('#notice').textContent.includes({said!r})")
        assert await page.run("!document.querySelector('#notice').hidden")


async def test_large_and_senseless_texts_are_answered(page: Tab) -> None:
    await shown(page, link(RIGHT))
    await page.run("document.querySelector('.cm-content').focus()")
    await page.write("x" * 250_000)
    await page.until("document.querySelector('#notice').textContent.includes('more than the playground')")
    await page.run("document.querySelector('.cm-content').focus()")
    await raw(page, "z", 90, modifiers=2)
    await page.until("document.querySelector('#notice').hidden")
    senseless = (
        "".join(chr(33 + number * 7 % 90) for number in range(3000)) + "\ud7ff\u202e<script>alert(1)</script>"
    )
    await shown(page, link(senseless))
    await page.until("document.querySelector('.finding')")
    assert await page.run("document.querySelector('#panel script')") is None
    assert await page.run("document.querySelector('#notice').hidden")
    nested = "let x = " + "[" * 5000
    await shown(page, link(nested))
    await page.until("document.querySelector('.finding')")


async def test_a_key_is_answered_at_once(page: Tab) -> None:
    one = RIGHT.replace("gpt {", "gpt# {").replace("claude {", "claude# {").replace("assistant", "assistant#")
    one = one.replace("[gpt, claude]", "[gpt#, claude#]")
    long = "\n".join(one.replace("#", str(number), 5) for number in range(17))
    assert len(long.splitlines()) >= 200
    await shown(page, link(long))
    await page.run("document.querySelector('.cm-content').focus()")
    times = []
    for key in "# a comment, typed":
        await page.run(
            "window.answered = new Promise((done) => { const began = performance.now();"
            "new MutationObserver((_, it) => { it.disconnect(); done(performance.now() - began); })"
            ".observe(document.documentElement, { attributeFilter: ['data-checked'] }); }); 0"
        )
        await page.write(key)
        times.append(await page.run("window.answered"))
    median = sorted(times)[len(times) // 2]
    print(f"\na key is answered in {median:.0f} ms at {len(long.splitlines())} lines")
    assert median < 10_000  # on a machine that does much else


async def test_it_fits_phones_dark_rooms_keyboards_and_readers(page: Tab) -> None:
    await shown(page, link(WRONG))
    await page.looks(1440, 900, dark=True)
    await page.until("document.querySelector('.finding')")
    assert await page.run("getComputedStyle(document.body).backgroundColor") == "rgb(11, 14, 20)"
    await page.click("#theme")
    assert await page.run("getComputedStyle(document.body).backgroundColor") == "rgb(245, 246, 248)"
    await page.looks(390, 844, phone=True)
    await page.until("document.documentElement.scrollWidth <= 390")
    names = await page.names()
    assert {"banner", "main", "tablist", "tab", "tabpanel"} <= {role for role, _ in names}
    unnamed = [
        role for role, name in names if role in ("button", "link", "textbox", "combobox", "tab") and not name
    ]
    assert unnamed == []
    await page.run("document.querySelector('#tab-problems').focus()")
    await raw(page, "ArrowRight", 39)
    await page.until("document.activeElement.id === 'tab-graph'")
    await page.until("document.querySelector('#panel').textContent.includes('mend them first')")
