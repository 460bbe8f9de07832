"""The life of a server that is launched: left, killed, started again, and ended with the gateway."""

from __future__ import annotations

import json
import os
import re
import signal
import time

import pytest

from .chats import HELLO, asked, said
from .conftest import Note
from .served import Json, Served, events, get, post, sent, until
from .servers import Server

AT_ONCE = 15.0
"""Seconds on a busy machine; who waits for a retry takes 20 more, who waits for a circuit an hour."""


class Lives:
    """What holds for every server that is launched."""

    server: Server
    question: tuple[str, Json] = ("/chat/completions", asked({"messages": HELLO}))

    def answer(self, url: str) -> object:
        """What the server answers to its question, asked at `url`."""
        path, body = self.question
        given = post(url, path, body)
        assert given.status == 200, given.body
        return said(given.json) if "choices" in given.json else given.json["data"][0]["embedding"]

    def test_it_is_started_again(self, served: Served, server: Server, note: Note) -> None:
        """kill -9 of the server: it is told at once; started again, it answers as before."""
        before, starts = self.answer(f"{served.url}/v1"), served.starts(server.first)
        killed = time.monotonic()
        os.kill(served.pid(server.first), signal.SIGKILL)
        until(
            lambda: f"deployment `{server.first}`: its server was ended by SIGKILL" in served.log,
            "it is told",
            AT_ONCE,
        )
        told = time.monotonic() - killed
        until(lambda: served.starts(server.first) > starts, "it is started again")
        back = time.monotonic() - killed
        after = self.answer(f"{served.url}/v1")
        assert after == (pytest.approx(before) if isinstance(before, list) else before)
        assert not _open_circuits(served)
        note(f"told after {told:.1f} s, ready again after {back:.0f} s, the same answer")

    def test_it_ends_with_its_keeper(self, served: Served, server: Server, note: Note) -> None:
        """kill -9 of what keeps the server: all of it ends, and is started again."""
        starts, port = served.starts(server.first), served.direct(server.first)
        family = served.family(server.first)
        os.kill(family[0], signal.SIGKILL)
        until(lambda: not set(family) & set(served.processes()), "nothing is left of it", 60)
        until(lambda: served.starts(server.first) > starts, "it is started again")
        self.answer(f"{served.url}/v1")
        assert served.direct(server.first) != port
        note(f"{len(family)} processes ended")


class ChatLives(Lives):
    """What holds for those that chat, too."""

    def test_a_client_that_leaves(self, served: Served, server: Server, note: Note) -> None:
        """A client that leaves in the middle of a stream ends the generation in the server."""
        endless = asked({"messages": HELLO, "stream": True, **server.endless})
        with sent(f"{served.url}/v1", "/chat/completions", endless) as response:
            for _, _ in zip(range(5), events(response), strict=False):
                pass
            until(lambda: server.is_busy(served), "it generates")
        left = time.monotonic()
        until(lambda: not server.is_busy(served), "it stops", 60)
        note(f"idle after {time.monotonic() - left:.1f} s")

    def test_a_stream_that_breaks_off(self, served: Served, server: Server, note: Note) -> None:
        """kill -9 in the middle of a stream: an error, no clean end; a route answers at once."""
        starts = served.starts(server.first)
        endless = asked({"messages": HELLO, "stream": True, **server.endless})
        last: Json = {}
        with sent(f"{served.url}/v1", "/chat/completions", endless) as response:
            replica = response.headers["x-inferc-replica"]
            victim = server.first.replace("/0", f"/{replica}")
            starts = served.starts(victim)
            for each in events(response):
                assert each != "[DONE]", (last, served.killed, served.starts(victim), starts, victim)
                last = json.loads(each)
                if last.get("choices") and served.starts(victim) == starts and not served.killed:
                    served.killed = True
                    os.kill(served.pid(victim), signal.SIGKILL)
        assert "error" in last, last
        assert "{port}" not in last["error"]["message"]
        began = time.monotonic()
        answer = post(f"{served.url}/v1", "/chat/completions", asked({"messages": HELLO, "model": "assured"}))
        took = time.monotonic() - began
        assert answer.status == 200, answer.body
        assert took < AT_ONCE
        by = answer.headers["x-inferc-deployment"]
        until(lambda: served.starts(victim) > starts, "it is started again")
        self.answer(f"{served.url}/v1")
        assert not _open_circuits(served)
        note(f"`{last['error']['code']}`; the route took {took:.1f} s, by `{by}`; all circuits closed after")


class Ends:
    """The last of all: how it ends."""

    def test_nothing_is_left(self, served: Served, note: Note) -> None:
        """kill -9 of inferc: nothing is left of any server."""
        processes = served.processes()
        assert len(processes) > 2
        served.process.kill()
        served.process.wait()
        until(lambda: not served.processes(), "nothing is left", 60)
        assert "{port}" not in served.log
        note(f"{len(processes)} processes before, none after")


def _open_circuits(served: Served) -> list[str]:
    text = get(served.url, "/metrics").body.decode()
    return re.findall(r"^inferc_circuit_open\{.*\} 1\.0$", text, re.MULTILINE)
