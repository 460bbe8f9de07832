"""A server is exchanged for another process at the same port, while clients go on asking."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import aiohttp

from ..support.commands import Running, serving
from ..support.remote import mock_provider

CHAT = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
DRAINED = "2s"
"""Time in which a client, on a machine that may be busy, is told on each connection that it closes."""
FILE = """
deployment gpt {{
  model = "gpt-4o-mini"
  runtime openai {{ api_key = env("OPENAI_API_KEY"), endpoint = "{endpoint}" }}
}}
"""


async def test_no_request_fails_over_restarts_under_load(tmp_path: Path) -> None:
    file = tmp_path / "chat.infer"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    stop = asyncio.Event()
    statuses: list[int] = []

    async def keep_asking(http: aiohttp.ClientSession, stream: bool) -> None:
        while not stop.is_set():
            async with http.post(f"{url}/v1/chat/completions", json={**CHAT, "stream": stream}) as answer:
                text = await answer.text()
            statuses.append(answer.status if not stream or text.endswith("[DONE]\n\n") else 0)
            await asyncio.sleep(0.01)

    async with mock_provider() as mock, aiohttp.ClientSession() as http:
        file.write_text(FILE.format(endpoint=mock.endpoint))
        run = ("run", str(file), "--port", str(port), "--share-port", "--drain-delay", DRAINED)
        with ExitStack() as servers:

            def start() -> Running:
                return servers.enter_context(serving(*run))

            now = await asyncio.to_thread(start)
            askers = [asyncio.create_task(keep_asking(http, number % 2 == 0)) for number in range(6)]
            for _ in range(3):
                following = await asyncio.to_thread(start)
                now.process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(now.process.wait, 30) == 0
                now = following
            stop.set()
            await asyncio.gather(*askers)
            assert (await asyncio.to_thread(now.stop))[0] == 0
    assert set(statuses) == {200}
    assert len(statuses) > 50
