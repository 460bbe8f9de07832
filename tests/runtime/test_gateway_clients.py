"""What clients may not do: guess tokens, send too much, ask through somebody's browser."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from attrs import frozen

from inferc.compiler.plan import TEXT, ClientTimeouts, Cors, Duration, GatewayPlan, Isolation, SecretRef, Size
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import serve
from inferc.runtime.gateway.incoming.bodies import MAX_CONTAINERS, MAX_FIELDS, MAX_ITEMS
from inferc.runtime.gateway.incoming.unpacking import MAX_MEMBERS, BrokenPacking, Unpacker
from inferc.runtime.requests.errors import StartError
from inferc.runtime.secrets.secret import LiveSecret, Secret, read_secret

from ..support.pipelines import Graph, extern, plan_with
from ..support.remote import (
    Mock,
    eventually,
    executor_of,
    gateway_of,
    mock_provider,
    plan_of,
    remote_plan,
    running,
)

CHAT: dict[str, Any] = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
PATH = "/v1/chat/completions"
TOKEN = Secret("t0ken", "a test")


@frozen
class Gateway:
    """A gateway with one chat deployment."""

    url: str
    http: aiohttp.ClientSession
    executor: Executor
    mock: Mock

    async def post(self, body: object = CHAT, path: str = PATH, **headers: str) -> tuple[int, Any]:
        """The status and what the client gets. headers: with `_` for `-`."""
        data = body if isinstance(body, bytes | BytesIO) else json.dumps(body).encode()
        named = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        async with self.http.post(self.url + path, data=data, headers=named) as response:
            return response.status, await response.json()

    async def say(self, data: bytes) -> bytes:
        """The error that is answered to `data` on a connection of its own."""
        host, port = self.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(data)
        answer = await asyncio.wait_for(reader.readuntil(b"}}"), 20)
        writer.close()
        return answer


@asynccontextmanager
async def gateway(token: Secret | LiveSecret | None = None, **settings: Any) -> AsyncIterator[Gateway]:
    async with (
        mock_provider() as mock,
        executor_of(remote_plan("gpt", mock.endpoint, headers={"Authorization": "Bearer k"})) as executor,
        gateway_of(executor, token, **settings) as url,
        aiohttp.ClientSession() as http,
    ):
        yield Gateway(url, http, executor, mock)


def code_of(answer: tuple[int, Any]) -> tuple[int, str | None]:
    status, body = answer
    return status, body["error"]["code"] if "error" in body else None


# ---- tokens


@pytest.mark.parametrize("shown", ["Bearer t0ken", "bearer t0ken", "BEARER   t0ken", "Bearer t0ken "])
async def test_a_token_is_known_however_its_scheme_is_written(shown: str) -> None:
    async with gateway(TOKEN) as it:
        assert (await it.post(Authorization=shown))[0] == 200


@pytest.mark.parametrize("shown", ["Basic t0ken", "Bearer", "Bearer  ", "Bearert0ken", "Bearer t0ken t0ken"])
async def test_nothing_else_is_a_token(shown: str) -> None:
    async with gateway(TOKEN) as it:
        assert code_of(await it.post(Authorization=shown)) == (401, "invalid_api_key")


async def test_a_token_in_a_file_may_change_while_requests_are_answered(tmp_path: Path) -> None:
    file, ref = tmp_path / "token", SecretRef.file("token")
    file.write_text("old")
    token = LiveSecret(ref, tmp_path, lambda: read_secret(ref, tmp_path, "gateway"))
    async with gateway(token) as it:
        assert (await it.post(Authorization="Bearer old"))[0] == 200
        new = tmp_path / "new"
        new.write_text("newer")
        os.replace(new, file)
        for _ in range(100):
            status, _ = await it.post(Authorization="Bearer newer")
            if status == 200:
                break
            await asyncio.sleep(0.05)
        assert status == 200
        assert (await it.post(Authorization="Bearer old"))[0] == 401


async def test_who_has_no_token_is_refused_before_the_body_comes() -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n%b\r\n"
    async with gateway(TOKEN) as it:
        answer = await it.say(head % (PATH.encode(), b"Connection: close\r\n") + b"{")
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"100 Continue" not in answer


async def test_who_would_send_too_much_is_not_asked_for_it() -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
    async with gateway(max_body=Size(1000)) as it:
        assert (await it.say(head % PATH.encode())).startswith(b"HTTP/1.1 413 ")


async def test_who_waits_to_be_asked_for_the_body_is_asked() -> None:
    body = json.dumps(CHAT).encode()
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
    head += b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
    async with gateway() as it:
        host, port = it.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(head % (PATH.encode(), len(body)))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()


@pytest.mark.parametrize(("version", "is_chunked"), [("1.1", True), ("1.0", False)])
async def test_a_stream_of_who_sends_no_more_ends_with_its_connection(version: str, is_chunked: bool) -> None:
    body = json.dumps(CHAT | {"stream": True}).encode()
    head = (
        f"POST {PATH} HTTP/{version}\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    async with gateway() as it:
        host, port = it.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.encode() + body)
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
    told, _, said = answer.partition(b"\r\n\r\n")
    fields = [line.decode().partition(": ")[::2] for line in told.split(b"\r\n")[1:]]
    names = [name.lower() for name, _ in fields]
    assert told.startswith(b"HTTP/%b 200 OK\r\n" % version.encode())
    assert len(set(names)) == len(names)
    assert dict(fields)["Content-Type"] == "text/event-stream; charset=utf-8"
    assert {
        "date",
        "server",
        "cache-control",
        "x-accel-buffering",
        "x-request-id",
        "x-inferc-deployment",
    } <= set(names)
    assert ("transfer-encoding" in names) is is_chunked
    assert said.endswith(b"data: [DONE]\n\n" + (b"\r\n0\r\n\r\n" if is_chunked else b""))
    assert said.count(b"data: ") > 2


async def test_other_machines_are_served_with_a_token_or_where_that_is_meant(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.com"):
        with pytest.raises(StartError, match=r"reached from other machines.*`auth = none`"):
            await serve(Executor(plan_of(remote_plan()), tmp_path), GatewayPlan(host, 0))
    with pytest.raises(StartError, match="no address of this machine"):
        await serve(Executor(plan_of(remote_plan()), tmp_path), GatewayPlan("192.0.2.1", 0, open=True))


# ---- bodies


async def test_bodies_come_packed_too() -> None:
    plain = json.dumps(CHAT).encode()
    raw = zlib.compressobj(wbits=-15)
    async with gateway() as it:
        for encoding, packed in (
            ("gzip", gzip.compress(plain)),
            ("gzip", gzip.compress(plain[:9]) + gzip.compress(plain[9:])),
            ("x-gzip", gzip.compress(plain)),
            ("GZIP", gzip.compress(plain + b" " * 100_000, 0)),
            ("deflate", zlib.compress(plain)),
            ("deflate", raw.compress(plain) + raw.flush()),
            ("identity", plain),
        ):
            assert (await it.post(packed, Content_Encoding=encoding))[0] == 200


async def test_a_body_for_which_there_is_no_memory_is_no_mistake_of_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def loads(raw: bytes) -> Any:
        raise orjson.JSONDecodeError("Not enough memory to allocate buffer for parsing", "", 0)

    async with gateway() as it:
        monkeypatch.setattr("inferc.runtime.gateway.incoming.bodies.orjson.loads", loads)
        status, told = await it.post(json.dumps(CHAT).encode())
        monkeypatch.undo()
    assert (status, told["error"]["code"]) == (503, "gateway_full")


async def test_json_may_have_a_byte_order_mark_and_is_in_utf_8() -> None:
    said = json.dumps(CHAT | {"user": "\u00e9"}, ensure_ascii=False)
    async with gateway() as it:
        assert (await it.post(said.encode("utf-8-sig")))[0] == 200
        for encoding in ("latin-1", "utf-16", "utf-16-le", "utf-16-be"):
            status, told = await it.post(said.encode(encoding))
            assert (status, told["error"]["message"]) == (400, "the body is no JSON: it is not in UTF-8")


async def test_packings_that_are_not_known_are_named_as_such() -> None:
    async with gateway() as it:
        for encoding in ("br", "zstd", "gzip, gzip"):
            assert code_of(await it.post(Content_Encoding=encoding)) == (415, "unsupported_media_type")


async def test_what_unpacks_to_more_than_a_body_may_have_is_refused() -> None:
    bomb = gzip.compress(bytes(8 << 20))
    async with gateway(max_body=Size(1 << 20)) as it:
        assert code_of(await it.post(bomb, Content_Encoding="gzip")) == (413, "request_too_large")
        assert (await it.post())[0] == 200


async def test_a_body_that_is_too_large_is_refused_before_it_comes_also_where_its_head_came_before() -> None:
    small = json.dumps(CHAT).encode()
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    async with gateway(max_body=Size(1000)) as it:
        host, port = it.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for _ in range(2):
            writer.write(head % (PATH.encode(), len(small)) + small)
            answered = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            size = int(answered.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(size)
        writer.write(head % (PATH.encode(), 1001))
        refused = await asyncio.wait_for(reader.read(), 20)
        assert refused.startswith(b"HTTP/1.1 413 ")
        writer.close()


def test_a_packed_body_is_unpacked_in_steps_that_have_a_bound() -> None:
    unpacker, steps = Unpacker(gzip.compress(bytes(10_000_000)), "gzip"), 0
    while not unpacker.done:
        assert len(unpacker.next(1 << 20)) <= 1 << 20
        steps += 1
    assert steps >= 10


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"{}",
        gzip.compress(b"{}")[:-9],
        gzip.compress(b"{}") + b"more",
        gzip.compress(b"") * (MAX_MEMBERS + 1),
    ],
    ids=[
        "nothing",
        "plain",
        "cut off",
        "with more behind",
        "too many members",
    ],  # what gzip makes holds the time
)
def test_what_is_not_packed_so_is_no_body(packed: bytes) -> None:
    unpacker = Unpacker(packed, "gzip")

    def unpack() -> None:
        while not unpacker.done:
            unpacker.next(1000)

    with pytest.raises(BrokenPacking):
        unpack()


async def test_bodies_together_have_a_bound_and_leave_nothing_behind() -> None:
    async with gateway(max_body=Size(1000), max_body_memory=Size(1500)) as it:
        half = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n" % PATH.encode() + b" " * 800
        host, port = it.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(half)
        large = CHAT | {"user": "u" * 700}
        for _ in range(200):
            status, answer = await it.post(large)
            if status != 200:
                break
            await asyncio.sleep(0.01)
        assert code_of((status, answer)) == (503, "gateway_full")
        writer.close()
        for _ in range(200):
            status, _ = await it.post(large)
            if status == 200:
                break
            await asyncio.sleep(0.01)
        assert status == 200


async def test_half_a_body_is_waited_for_no_longer_than_it_may_take() -> None:
    timeouts = ClientTimeouts(body=Duration(0.1))
    async with gateway(timeouts=timeouts) as it:
        answer = await it.say(b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{" % PATH.encode())
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"body_timeout"' in answer


async def test_a_broken_body_that_nobody_reads_is_said_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    broken = b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nt0ken is no size\r\n"
    async with gateway(TOKEN) as it:
        assert (await it.say(broken % PATH.encode())).startswith((b"HTTP/1.0 4", b"HTTP/1.1 4"))
        assert (await it.say(broken % b"/v1/nothing")).startswith((b"HTTP/1.0 4", b"HTTP/1.1 4"))
    async with gateway() as it:
        answer = await it.say(broken % PATH.encode())
        assert b"broken_" in answer
        assert b"t0ken" not in answer
    assert caplog.text == ""


@pytest.mark.parametrize("levels", [100, 200, 250, 400, 500, 600, 1000, 10_000])
async def test_no_depth_of_a_body_is_a_defect(levels: int) -> None:
    deep = '{"a":' * levels + "1" + "}" * levels
    body = json.dumps(CHAT)[:-1] + f', "metadata": {deep}}}'
    async with gateway() as it:
        status, answer = await it.post(body.encode())
        assert code_of((status, answer)) in (
            [(200, None)] if levels <= 200 else [(400, "too_deep"), (400, "invalid_json")]
        )


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":[' + b"[]," * MAX_CONTAINERS + b"1]}",
        b'{"a":{' + b'"":0,' * MAX_FIELDS + b'"":0}}',
        b'{"a":[' + b'"",' * (MAX_ITEMS + 1) + b"1]}",
    ],
    ids=["lists", "members", "items"],
)
async def test_a_body_of_very_many_values_is_refused_before_they_are_made(body: bytes) -> None:
    async with gateway() as it:
        assert code_of(await it.post(BytesIO(body))) == (413, "request_too_large")


# ---- browsers


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ("application/vnd.api+json", 200),
        ("application/x-www-form-urlencoded", 200),  # as `curl -d` has it
        ("text/plain;charset=UTF-8", 415),
        ("multipart/form-data; boundary=x", 415),
        ("image/png", 415),
    ],
)
async def test_a_body_that_is_said_to_be_no_json_is_refused(kind: str, status: int) -> None:
    async with gateway() as it:
        answer = await it.post(Content_Type=kind)
        assert answer[0] == status
        assert status == 200 or "send the header `Content-Type: application/json`" in str(answer)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
async def test_a_web_page_may_not_call(headers: dict[str, str]) -> None:
    async with gateway() as it:
        for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
            assert code_of(await it.post(Content_Type=kind, **headers)) == (403, "forbidden_origin")
        async with it.http.options(it.url + PATH, headers=PREFLIGHT) as response:
            assert response.status == 403
            assert "Access-Control-Allow-Origin" not in response.headers
        assert it.mock.stats.requests == 0


PAGE = "https://chat.example.com"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
}


@pytest.mark.parametrize("origins", [(PAGE,), ("https://other.example", PAGE), ("*",)])
async def test_a_page_that_is_named_asks_calls_and_reads_the_answer(origins: tuple[str, ...]) -> None:
    async with gateway(TOKEN, cors=Cors(origins)) as it:
        async with it.http.options(it.url + PATH, headers=PREFLIGHT) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == PAGE
            assert "POST" in response.headers["Access-Control-Allow-Methods"]
            assert (
                response.headers["Access-Control-Allow-Headers"]
                == PREFLIGHT["Access-Control-Request-Headers"]
            )
            assert response.headers["Vary"] == "Origin"
        for stream in (False, True):
            body = CHAT | {"stream": stream}
            sent = {"Origin": PAGE, "Authorization": "Bearer t0ken"}
            async with it.http.post(it.url + PATH, json=body, headers=sent) as response:
                assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
                assert response.headers["Vary"] == "Origin"
        async with it.http.post(it.url + PATH, json=CHAT, headers={"Origin": PAGE}) as response:
            assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (401, PAGE)
        async with it.http.get(it.url + "/v1/models", headers={"Authorization": "Bearer t0ken"}) as response:
            assert (response.status, response.headers["Vary"]) == (200, "Origin")
            assert "Access-Control-Allow-Origin" not in response.headers
    if origins != ("*",):
        async with gateway(cors=Cors(origins)) as it:
            assert code_of(await it.post(Origin="https://evil.example")) == (403, "forbidden_origin")


async def test_a_page_of_this_server_itself_may_call() -> None:
    async with gateway() as it:
        assert (await it.post(Origin=it.url, Sec_Fetch_Site="same-origin"))[0] == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("app.localhost", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        ("192.168.0.7:80", 200),
        ("gateway", 200),
        ("evil.example:8080", 403),
        ("127.0.0.1.evil.example", 403),
        ("evil.example.", 403),
    ],
)
async def test_a_name_that_was_made_to_mean_this_machine_is_no_way_in(host: str, status: int) -> None:
    async with gateway() as it:
        assert (await it.post(Host=host))[0] == status
        async with it.http.get(f"{it.url}/v1/models", headers={"Host": host}) as response:
            assert response.status == status
    async with gateway(TOKEN) as it:  # who has the token may use any name
        assert (await it.post(Host=host, Authorization="Bearer t0ken"))[0] == 200
    async with gateway(open=True) as it:
        assert (await it.post(Host=host))[0] == 200


# ---- probes


async def test_head_is_answered_wherever_get_is() -> None:
    async with gateway() as it:
        for path in (
            "/healthz",
            "/livez",
            "/v1/models",
            "/v1/models/gpt",
            "/metrics",
            "/v2",
            "/v2/health/ready",
        ):
            async with it.http.get(it.url + path) as get, it.http.head(it.url + path) as head:
                assert (head.status, head.content_type) == (200, get.content_type), path
                assert await head.read() == b""


@pytest.mark.parametrize(
    ("limits", "part"),
    [({"isolation": Isolation.THREAD}, "externs"), ({"workers": 1}, "extern `wait`")],
    ids=["threads", "processes"],
)
async def test_a_file_with_code_of_the_users_only_is_ready_and_says_which_calls_do_not_come_back(
    limits: dict[str, Any], part: str, tmp_path: Path
) -> None:
    begun, go_on = tmp_path / "begun", tmp_path / "go_on"
    waits = f"open({str(begun)!r}, 'w').close()\n  while not os.path.exists({str(go_on)!r}): time.sleep(0.01)"
    (tmp_path / "code_that_waits.py").write_text(f"import os, time\ndef wait(x):\n  {waits}\n  return x\n")
    steps = Graph()
    steps.extern("own", "wait", x="message")
    plan = plan_with(
        extern("wait", "code_that_waits:wait", limits=limits, x=TEXT), steps.pipeline("own", name="p")
    )
    async with (
        running(plan, tmp_path) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
    ):

        async def health() -> tuple[int, dict[str, Any]]:
            async with http.get(f"{url}/healthz") as response:
                return response.status, await response.json()

        status, answer = await health()
        assert (status, answer["status"], answer["findings"]) == (200, "ok", [])

        async def ask() -> int:
            async with http.post(f"{url}/v1/pipelines/p", json={"message": "a"}) as response:
                return response.status

        leaving = asyncio.create_task(ask())
        await eventually(begun.exists)
        leaving.cancel()
        asking = [asyncio.create_task(ask()) for _ in range(2)]
        for _ in range(200):
            status, answer = await health()
            if answer["status"] != "ok":
                break
            await asyncio.sleep(0.01)
        assert (status, answer["status"]) == (200, "degraded")
        assert [each["part"] for each in answer["findings"]] == [part]
        go_on.touch()
        assert await asyncio.gather(*asking) == [200, 200]


def test_what_has_not_started_is_alive_and_not_ready(tmp_path: Path) -> None:
    async def scenario() -> list[int]:
        executor = Executor(plan_of(remote_plan()), tmp_path)
        async with gateway_of(executor) as url, aiohttp.ClientSession() as http:
            paths = ("/livez", "/v2/health/live", "/healthz", "/v2/health/ready")
            return [(await http.get(url + path)).status for path in paths]

    assert asyncio.run(scenario()) == [200, 200, 503, 503]
