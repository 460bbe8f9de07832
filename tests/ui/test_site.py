"""The documentation, as `make site` builds it, in a real Chromium."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aiohttp import web

from ..support.chromium import chromium, tab
from ..support.remote import serving

BUILT = Path(__file__).parents[2] / "build" / "site"


@pytest.mark.asyncio
async def test_it_is_searched_and_its_examples_open_in_the_playground() -> None:
    assert (BUILT / "versions.json").exists(), "the documentation is not built: make site"
    app = web.Application()
    app.router.add_static("/", BUILT)
    async with serving(app) as url, chromium() as browser, tab(browser) as page:
        await page.looks(1440, 900)
        await page.open(f"{url}/index.html")
        await page.until("location.pathname.length > 15 && document.querySelector('.cards a')")
        assert await page.run("document.querySelectorAll('.language-infer .nt').length") >= 4
        await page.click(".md-search__button")
        await page.until("document.activeElement.shadowRoot?.activeElement?.tagName === 'INPUT'")
        await page.write("circuit_breaker")
        await page.until("document.activeElement.shadowRoot.textContent.includes('half_open_max_probes')")
        await page.press("Escape")
        await page.looks(390, 844, phone=True)
        await page.until("document.documentElement.scrollWidth <= 390")
        await page.looks(1440, 900)
        await page.click("a.try")
        await page.until("document.querySelector('.mark-ok')")
        assert "fallback [gpt, claude]" in await page.text(".cm-content")
        assert page.problems == []


async def test_graphs_are_pictures_on_every_page() -> None:
    pages = sorted(BUILT.rglob("*.html"))
    drawn = set()
    for page in pages:
        text = page.read_text("utf-8")
        assert "flowchart TB" not in text, page.name
        drawn |= {page.parent / each for each in re.findall(r'src="([^"]*pictures/[^"]+\.svg)"', text)}
    assert len(drawn) >= 13
    assert [each for each in drawn if not each.exists()] == []
