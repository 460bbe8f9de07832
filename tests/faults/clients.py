"""What clients, and who pretends to be one, can do."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Iterator

from attrs import frozen

from .processes import KEY, TOKEN, Gateway, gateway, until
from .requesting import (
    Answer,
    at_once,
    chat,
    chat_body,
    connect,
    ended,
    metric,
    others,
    packed_zeros,
    post,
    raw,
    raw_chat,
    request,
)
from .table import Seen, fault
from .upstream import (
    DONE,
    STREAM,
    Answer as Sent,
    Request,
    completion,
    deployment,
    event,
    good,
    provider,
    whole,
)

_AUTH = 'gateway { auth = bearer(env("TOKEN")) }\n'
_BEARER = {"Authorization": f"Bearer {TOKEN}"}


@frozen
class _Endless:
    """A stream that does not end, as fast as it is taken, but for the seconds of a pause."""

    pause: float = 0

    def __iter__(self) -> Iterator[object]:
        yield STREAM
        block = event("x" * 2000) * 20
        while True:
            yield block
            yield self.pause


def _upstream(request: Request) -> Sent:
    """`endless`: a stream without an end, `steady`: one with pauses; a number: one of so many events, two a
    second.
    """
    if request.text in ("endless", "steady"):
        return _Endless(0.02 if request.text == "steady" else 0)
    if request.text.isdigit():
        pieces = [piece for _ in range(int(request.text)) for piece in (event("word "), 0.5)]
        return [STREAM, *pieces, DONE]
    if request.text == "late":
        return [1.0, whole(200, completion(), {"Connection": "close"})]
    return good()


def _deaf(seen: Seen, number: int, most: float) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard := resource.getrlimit(resource.RLIMIT_NOFILE)[1], hard))
    serving = f"serving {{ max_concurrent = {number} }}"
    with provider(_upstream) as upstream:
        text = deployment(upstream, more=serving) + "gateway { timeouts { write = 3s } }\n"
        with gateway(text) as it, contextlib.ExitStack() as stack:
            chat(it)
            before = it.memory()
            for connection in at_once(lambda _: connect(it, raw_chat("endless", stream=True)), number):
                stack.callback(connection.close)
            grown = 0.0
            all_here = until(lambda: (metric(it, "inferc_requests_running") or 0) > number * 0.6, 20)
            seen(bool(all_here), f"{number * 6 // 10} of them were served at once")
            began = time.monotonic()
            while time.monotonic() < began + 60 and metric(it, "inferc_requests_running") != 0:
                grown = max(grown, it.memory() - before)
                time.sleep(0.2)
            free = time.monotonic() - began
            seen.grown(grown, most)
            seen.within(free, 30, "all places were free again after")
            statuses = {got.status for got in at_once(lambda _: chat(it), 20)}
            seen(statuses == {200}, f"20 honest requests then got {sorted(statuses)}")


@fault(quick=True)
def thirty_that_do_not_read(seen: Seen) -> None:
    """Who does not read is given up after `timeouts { write = … }`, and costs little until then.

    30 clients ask for an endless stream and read nothing; `write` is 3 s, and the deployment has 30 places.
    """
    _deaf(seen, 30, 60)


@fault()
def thousand_that_do_not_read(seen: Seen) -> None:
    """A thousand clients that do not read cost less than 100 MB, and their places are free again.

    1,000 clients ask for an endless stream and read nothing; `write` is 3 s.
    """
    _deaf(seen, 1000, 100)


_HALVES = {
    "nothing at all": (b"", 0),
    "half a header": (b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-", 0),
    "a header, a byte a second": (b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-: ", 1),
    "half a body": (post(1000) + b'{"model"', 0),
    "a body, a byte a second": (post(1000) + b'{"model"', 1),
    "a chunked body without an end": (
        post(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"4\r\n{   \r\n",
        0,
    ),
}


@fault(quick=True)
def half_sent_requests(seen: Seen) -> None:
    """A request that does not arrive in full ends by `timeouts { header = …, body = … }`.

    20 clients for each of: nothing, half a header, a header by a byte a second, half a body, a body by a byte
    a second, a chunked body without an end. Both times are 2 s; then a client has 3 s to read that it was too
    late.
    """
    text = "gateway { timeouts { header = 2s, body = 2s } }\n"
    with provider(_upstream) as upstream, gateway(deployment(upstream) + text) as it:

        def one(number: int) -> float | None:
            data, pause = list(_HALVES.values())[number % len(_HALVES)]
            with connect(it, data) as connection:
                if pause:
                    threading.Thread(target=_trickle, args=[connection, pause], daemon=True).start()
                return ended(connection, 15)[1]

        times = at_once(one, 20 * len(_HALVES), threads=20 * len(_HALVES))
        open_still = sum(each is None for each in times)
        seen(not open_still, f"{open_still} of {len(times)} were still open after 15 s")
        seen.within(
            max((each for each in times if each is not None), default=0), 6, "the last one was closed after"
        )
        seen(chat(it).status == 200, "the next request was answered")


def _trickle(connection: socket.socket, pause: float) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(b"x")
            time.sleep(pause)


@fault(quick=True)
def bombs_without_a_token(seen: Seen) -> None:
    """Who has no token has nothing unpacked.

    20 bodies of 250 kB, which unpack to 250 MB each, without a token.
    """
    bomb = packed_zeros(250)
    with provider(_upstream) as upstream, gateway(deployment(upstream) + _AUTH) as it:
        chat(it, headers=_BEARER)
        cpu, memory = it.cpu(), it.memory(peak=True)
        data = post(len(bomb), "Content-Encoding: gzip\r\n") + bomb
        got = [raw(it, data, 3)[0][9:12] for _ in range(20)]
        time.sleep(1)
        spent = it.cpu() - cpu
        seen(set(got) <= {b"401", b""}, f"{got.count(b'401')} got 401, {got.count(b'')} a closed connection")
        seen(spent < 1, f"{spent:.2f} s of processor time for all 20")
        seen.grown(it.memory(peak=True) - memory, 30)


@fault(quick=True)
def bombs_with_a_token(seen: Seen) -> None:
    """Bodies are bounded after they are unpacked: each one, and all together.

    20 clients with a token send bodies of 250 kB at the same time, which unpack to 250 MB each.
    `max_body` and `max_body_memory` are the defaults, 32 and 256 MiB.
    """
    bomb = packed_zeros(250)
    with provider(_upstream) as upstream, gateway(deployment(upstream) + _AUTH) as it:
        chat(it, headers=_BEARER)
        memory = it.memory(peak=True)
        packed = _BEARER | {"Content-Encoding": "gzip"}
        with others(it, headers=_BEARER) as them:
            got = at_once(lambda _: request(it, "POST", "/v1/chat/completions", bomb, packed), 20, threads=20)
        statuses = sorted({each.status for each in got})
        seen(set(statuses) <= {413, 503, 0}, f"they got {statuses}")
        seen.grown(it.memory(peak=True) - memory, 400)
        seen.within(them.longest, 1, "the longest of other requests took")


_P, _B = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n",
    b"Authorization: Bearer " + TOKEN.encode(),
)
_MALFORMED = {
    "a NUL in a header": _P + _B + b"\0\r\n\r\n",
    "a NUL in the path": b"GET /v1/models\0 HTTP/1.1\r\nHost: x\r\n" + _B + b"\r\n\r\n",
    "a lone CR": _P + _B + b"\rX: y\r\n\r\n",
    "line feeds alone": (_P + _B + b"\r\nContent-Length: 2\r\n\r\n{}").replace(b"\r\n", b"\n"),
    "a folded header": _P + _B + b"\r\n folded\r\n\r\n",
    "a header of 100 kB": _P + _B + b"a" * 100_000 + b"\r\n\r\n",
    "10,000 headers": _P + _B + b"\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    "a path of 100 kB": b"GET /" + TOKEN.encode() * 4000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space before the colon": _P + _B.replace(b":", b" :") + b"\r\n\r\n",
    "no colon": _P + _B.replace(b":", b"") + b"\r\n\r\n",
    "an empty name": _P + b": x\r\n" + _B + b"\r\n\r\n",
    "a length that is none": _P + _B + b"\r\nContent-Length: many\r\n\r\n",
    "a negative length": _P + _B + b"\r\nContent-Length: -1\r\n\r\n",
    "two lengths": _P + _B + b"\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length and chunks": _P + _B + b"\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk size that is none": _P + _B + b"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a huge chunk size": _P + _B + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n{}",
    "an unknown encoding": _P + _B + b"\r\nTransfer-Encoding: magic\r\n\r\n",
    "an unknown version": b"GET /v1/models HTTP/9.9\r\nHost: x\r\n" + _B + b"\r\n\r\n",
    "a version that is none": b"GET /v1/models?key=" + TOKEN.encode() + b" HTTP/1.1 x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _B,
    "TLS": bytes.fromhex("16030100a5010000a1030300") + _B + b"\0" * 100,
    "a mail": b"EHLO " + TOKEN.encode() + b"\r\n\r\n",
    "bytes": bytes(range(256)) * 4 + _B + b"\r\n\r\n",
}


@fault(quick=True)
def malformed_http(seen: Seen) -> None:
    """What is no HTTP gets a 4xx or a closed connection; the log shows neither its bytes nor a traceback.

    24 kinds of malformed requests, each with a token in it, and two good ones in the end.
    """
    with provider(_upstream) as upstream, gateway(deployment(upstream) + _AUTH) as it:
        wrong = []
        for kind, data in _MALFORMED.items():
            answer = raw(it, data, 1.5)[0]
            if (answer and not answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))) or TOKEN.encode() in answer:
                wrong.append(f"{kind}: {answer[:40]!r}")
        seen(
            not wrong,
            f"{len(wrong)} of {len(_MALFORMED)} got something else" + "".join(f", {w}" for w in wrong),
        )
        seen(TOKEN not in it.log, f"the token is {'' if TOKEN in it.log else 'not '}in the log")
        seen.no_traceback(it.log)
        good_ones = {chat(it, headers=_BEARER).status, request(it, "GET", "/healthz").status}
        seen(good_ones == {200}, f"good requests then got {sorted(good_ones)}")


@fault(quick=True)
def no_token(seen: Seen) -> None:
    """Nothing is answered, and no provider is asked, without the token; it is in no log.

    Eight wrong ways to show a token, on six paths; and two right ones.
    """
    wrong = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer \xff\xfe"},
    ]
    paths = [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/embeddings"),
        ("GET", "/v1/models"),
        ("GET", "/metrics"),
        ("GET", f"/v1/models?token={TOKEN}"),
        ("POST", "/v2/models/m/infer"),
    ]
    with provider(_upstream) as upstream, gateway(deployment(upstream) + _AUTH) as it:
        asked = [
            request(it, method, path, chat_body() if method == "POST" else None, headers).status
            for headers in wrong
            for method, path in paths
        ]
        seen(set(asked) == {401}, f"{asked.count(401)} of {len(asked)} got 401")
        seen(not upstream.asked, f"the provider was asked {len(upstream.asked)} times")
        right = [
            chat(it, headers={"Authorization": f"{word} {TOKEN}"}).status for word in ("Bearer", "BEARER ")
        ]
        seen(right == [200, 200], f"the right ones got {right}")
        seen(
            TOKEN not in it.log and KEY not in it.log,
            "no token in the log" if TOKEN not in it.log else "a token in the log",
        )


@fault(quick=True)
def web_pages(seen: Seen) -> None:
    """A web page that somebody on this machine looks at cannot use the gateway.

    Requests as browsers send them for a page elsewhere: with a foreign `Origin`, as `text/plain`, from a
    sandbox, cross-site without an origin, and with a name in `Host` that was bound to 127.0.0.1. Then one of
    curl.
    """
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    pages: list[dict[str, str]] = [
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Content-Type": "text/plain"},
        {"Origin": "null", **form},
        {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
        {"Host": "evil.example"},
    ]
    with provider(_upstream) as upstream, gateway(deployment(upstream)) as it:
        got = [chat(it, headers=headers).status for headers in pages]
        seen(all(400 <= status < 500 for status in got), f"they got {got}")
        seen(not upstream.asked, f"the provider was asked {len(upstream.asked)} times")
        curl = chat(it, headers=form).status
        seen(curl == 200, f"curl got {curl}")


@fault(quick=True)
def deep_json(seen: Seen) -> None:
    """A body that is nested without an end is a mistake of its client.

    Bodies with 10,000 and 5 million brackets, open and closed, as the body and as a message.
    """
    with provider(_upstream) as upstream, gateway(deployment(upstream)) as it:
        statuses = []
        for depth in (10_000, 5_000_000):
            for data in (b"[" * depth, b"[" * depth + b"]" * depth):
                message = b'{"model":"m","messages":[{"role":"user","content":' + data + b"}]}"
                statuses += [
                    request(it, "POST", "/v1/chat/completions", body).status for body in (data, message)
                ]
        seen(all(400 <= status < 500 for status in statuses), f"they got {sorted(set(statuses))}")
        seen(chat(it).status == 200, "the next request was answered")


def _stopped(seen: Seen, it: Gateway, promised: float) -> None:
    took = it.stop(60)
    seen.within(took, promised, "ended after")
    seen(it.status == 0, f"exit status {it.status}")
    seen.no_traceback(it.log)


@fault()
def stop_with_one_that_does_not_read(seen: Seen) -> None:
    """SIGTERM does not wait for who does not read.

    A client asks for an endless stream and does not read it; then SIGTERM. All settings are the defaults.
    """
    with (
        provider(_upstream) as upstream,
        gateway(deployment(upstream)) as it,
        connect(it, raw_chat("endless", stream=True)),
    ):
        time.sleep(1)
        _stopped(seen, it, 31)


@fault()
def stop_with_an_endless_stream(seen: Seen) -> None:
    """SIGTERM waits 30 s for what is in flight, and no longer.

    A client reads an endless stream; then SIGTERM.
    """
    with (
        provider(_upstream) as upstream,
        gateway(deployment(upstream)) as it,
        connect(it, raw_chat("endless", stream=True)) as connection,
    ):
        threading.Thread(target=ended, args=[connection, 60], daemon=True).start()
        time.sleep(1)
        _stopped(seen, it, 33)


@fault(quick=True)
def stop_with_streams_and_a_queue(seen: Seen) -> None:
    """SIGTERM lets streams and what waits in queues end as they should.

    Two streams of two seconds; four requests of a second for a deployment with one place, in a queue; then
    SIGTERM.
    """
    with provider(_upstream) as upstream:
        queue = "serving { max_concurrent = 1 }"
        text = deployment(upstream) + deployment(upstream, name="queue", more=queue, path="/queue")
        with gateway(text) as it:
            got: list[Answer] = []

            def ask(number: int) -> None:
                stream = number < 2
                got.append(chat(it, "4" if stream else "late", "m" if stream else "queue", stream=stream))

            threads = [threading.Thread(target=ask, args=[number]) for number in range(6)]
            for thread in threads:
                thread.start()
            until(lambda: len(upstream.asked) >= 3, 10)
            time.sleep(0.5)
            _stopped(seen, it, 12)
            for thread in threads:
                thread.join(10)
            streams = sum("[DONE]" in each.text for each in got)
            rest = sum(each.status == 200 and "Hello." in each.text for each in got)
            seen(streams == 2, f"{streams} of 2 streams were whole")
            seen(rest == 4, f"{rest} of 4 in the queue were answered")


@fault(quick=True)
def second_signal(seen: Seen) -> None:
    """A second signal ends at once, cleanly.

    A stream without an end is read; SIGTERM, and again after a second.
    """
    with (
        provider(_upstream) as upstream,
        gateway(deployment(upstream)) as it,
        connect(it, raw_chat("steady", stream=True)) as connection,
    ):
        threading.Thread(target=ended, args=[connection, 60], daemon=True).start()
        time.sleep(0.5)
        it.process.terminate()
        time.sleep(1)
        seen(
            it.status is None,
            "the first one waits for the stream" if it.status is None else "ended by the first",
        )
        took = it.stop(20)
        seen.within(took, 2, "the second one ended it after")
        seen.no_traceback(it.log)


@fault(quick=True)
def open_to_everyone(seen: Seen) -> None:
    """Nobody opens a gateway to the network without saying so.

    `bind = "0.0.0.0:0"` without `auth`, in the file and by `--host`; and with `auth = none`.
    """
    with provider(_upstream) as upstream:
        text = deployment(upstream)
        for kind, bind, arguments in (
            ("in the file", 'gateway { bind = "0.0.0.0:0" }\n', ()),
            ("by `--host`", "", ("--host", "0.0.0.0")),
        ):
            with gateway(text + bind, arguments=arguments, must_start=False, wait=20) as it:
                seen(it.status == 1, f"{kind}: " + ("refused" if it.status == 1 else "started"))
        with gateway(text + 'gateway { bind = "0.0.0.0:0", auth = none }\n', must_start=False, wait=20) as it:
            seen(it.port, "with `auth = none` it " + ("starts" if it.port else "does not start"))
