"""Replicas are asked at their port where that can be reached, else through Ray."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from inferc.runtime.ray.bridges import Bridges
from inferc.runtime.ray.library import Ray


class Pieces:
    """What a handle of Serve answers with."""

    def __init__(self, pieces: AsyncIterator[Any]) -> None:
        self._pieces = pieces
        self.is_cancelled = False

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> Any:
        return await anext(self._pieces)

    def cancel(self) -> None:
        self.is_cancelled = True


class Serve:
    """The part of Ray Serve that is called, with one application whose replica says what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Pieces] = []

    def get_app_handle(self, name: str) -> Serve:
        assert name == "app.far"
        return self

    def options(self, **options: object) -> Serve:
        assert options == {"stream": True, "method_name": "ask"}
        return self

    def remote(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Pieces:
        async def answer() -> AsyncIterator[Any]:
            if path == "/gone":
                raise RuntimeError
            yield 201, [("X-Asked", dict(headers)["X-Ask"]), ("Content-Type", "text/plain")]
            yield f"{method} {path} ".encode()
            yield body

        self.answers.append(Pieces(answer()))
        return self.answers[-1]


@pytest.fixture
async def bridges() -> AsyncIterator[tuple[Bridges, Serve]]:
    serve = Serve()
    made = Bridges(Ray(None, serve))
    yield made, serve
    await made.stop()


async def test_a_port_that_can_be_reached_is_asked_itself(bridges: tuple[Bridges, Serve]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = f"http://127.0.0.1:{listening.getsockname()[1]}"
        ways = await bridges[0].ways_to({"near": [near]}, {near: "app.near"})
    assert ways == {"near": [near]}


async def test_one_that_cannot_is_asked_through_ray(
    bridges: tuple[Bridges, Serve], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as closed:  # bound, and nobody listens
        closed.bind(("127.0.0.1", 0))
        far = f"http://127.0.0.1:{closed.getsockname()[1]}"
        for _ in range(2):
            ways = await bridges[0].ways_to({"far": [far]}, {far: "app.far"})
    [way] = ways["far"]
    assert way != far
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{way}/v1/chat?x=1", data=b"hello", headers={"X-Ask": "yes"}) as answer:
            assert (answer.status, answer.headers["X-Asked"]) == (201, "yes")
            assert await answer.text() == "POST /v1/chat?x=1 hello"
        async with session.get(f"{way}/gone") as answer:
            assert answer.status == 502
    assert all(each.is_cancelled for each in bridges[1].answers)
    assert len([each for each in caplog.messages if "go through Ray" in each]) == 1
