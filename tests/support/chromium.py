"""A real browser, driven over its DevTools protocol: Chromium, as Debian has it."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in _NAMES if (found := shutil.which(name))), None)

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)
_PATIENCE = 60.0
"""Seconds that the browser has to do what it is told: the machine may be busy."""


class Browser:
    """Commands, and the events that follow them."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.events: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    async def send(self, method: str, session: str | None = None, **params: Any) -> Any:
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        said = {"id": number, "method": method, "params": params}
        await self._socket.send_json(said if session is None else {**said, "sessionId": session})
        return await asyncio.wait_for(answer, _PATIENCE)

    async def close(self) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def _read(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" not in said:
                self.events.append(said)
            elif "error" in said:
                self._waiting.pop(said["id"]).set_exception(RuntimeError(said["error"]["message"]))
            else:
                self._waiting.pop(said["id"]).set_result(said["result"])


class Tab:
    """One page. problems: errors of its scripts, what its policy refused, and what could not be loaded."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    async def send(self, method: str, **params: Any) -> Any:
        return await self._browser.send(method, self._session, **params)

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url=url)

    async def looks(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None:
        """How large its screen is, and what its owner prefers."""
        size: Any = {
            "width": width,
            "height": height,
            "deviceScaleFactor": 2 if phone else 1,
            "mobile": phone,
        }
        await self.send("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def run(self, script: str) -> Any:
        """The value of an expression there; awaited, where it is a promise."""
        said = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in said:
            raise RuntimeError(said["exceptionDetails"]["exception"].get("description", said))
        return said["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until an expression is true there."""
        for _ in range(int(_PATIENCE * 20)):
            with suppress(RuntimeError):  # the page may be on its way
                if await self.run(f"!!({condition})"):
                    return
            await asyncio.sleep(0.05)
        raise AssertionError(f"it did not come true: {condition}; {self.problems}")

    async def press(self, key: str, text: str = "") -> None:
        """Press a key."""
        code = {"Enter": 13, "Escape": 27, "Tab": 9}.get(key, ord(key[0].upper()))
        said = text or (key if len(key) == 1 else "\r" if key == "Enter" else "")
        common = {"key": key, "windowsVirtualKeyCode": code}
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=said, **common)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    async def write(self, text: str) -> None:
        """Write into what has the focus."""
        await self.send("Input.insertText", text=text)

    async def names(self) -> list[tuple[str, str]]:
        """What a screen reader says: the role and the name of each thing."""
        tree = await self.send("Accessibility.getFullAXTree")
        return [
            (node.get("role", {}).get("value", ""), node.get("name", {}).get("value", ""))
            for node in tree["nodes"]
            if not node.get("ignored")
        ]

    async def click(self, selector: str, says: str = "") -> None:
        """Click on the first that fits, and begins with these words."""
        words = json.dumps(says)
        await self.run(
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            f".find((each) => each.textContent.trim().startsWith({words})).click()"
        )

    async def text(self, selector: str) -> str:
        """What stands there."""
        return str(await self.run(f"document.querySelector({json.dumps(selector)}).textContent"))

    async def picture(self) -> bytes:
        """What it looks like, as PNG."""
        return b64decode((await self.send("Page.captureScreenshot", format="png"))["data"])

    @property
    def problems(self) -> list[str]:
        found = []
        for event in self._browser.events:
            if event.get("sessionId") != self._session:
                continue
            match event["method"]:
                case "Runtime.exceptionThrown":
                    details = event["params"]["exceptionDetails"]
                    found.append(details.get("exception", {}).get("description", details["text"]))
                case "Log.entryAdded" if event["params"]["entry"]["level"] == "error":
                    entry = event["params"]["entry"]
                    found.append(f"{entry['text']} {entry.get('url', '')}".strip())
        return found


async def _listening(folder: Path) -> list[str]:
    """Its port and path, once it listens."""
    for _ in range(int(_PATIENCE * 20)):
        if len(said := _words(folder / "DevToolsActivePort")) == 2:
            return said
        await asyncio.sleep(0.05)
    raise AssertionError("Chromium does not start")


def _words(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser that is ended with all that it started."""
    assert CHROMIUM is not None, "the tests of the page need Chromium: apt-get install chromium"
    folder = Path(tempfile.mkdtemp())
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *_FLAGS,
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port, path = await _listening(folder)
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket,
        ):
            browser = Browser(socket)
            try:
                yield browser
                with suppress(Exception):
                    await asyncio.wait_for(browser.send("Browser.close"), 5)
            finally:
                await browser.close()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    """A page of its own, without what others left behind."""
    context = (await browser.send("Target.createBrowserContext"))["browserContextId"]
    made = await browser.send("Target.createTarget", url="about:blank", browserContextId=context)
    attached = await browser.send("Target.attachToTarget", targetId=made["targetId"], flatten=True)
    session = attached["sessionId"]
    found = Tab(browser, session)
    for domain in ("Page", "Runtime", "Log"):
        await found.send(f"{domain}.enable")
    try:
        yield found
    finally:
        with suppress(Exception):
            await browser.send("Target.disposeBrowserContext", browserContextId=context)
