"""What a provider, or who stands in its place, can do."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from urllib.parse import quote

from .processes import KEY, gateway, until
from .requesting import at_once, chat, others, packed_zeros, request
from .table import Seen, fault
from .upstream import (
    DONE,
    HALF_CLOSE,
    RESET,
    STREAM,
    Answer,
    Request,
    completion,
    deployment,
    event,
    good,
    provider,
    refused,
    whole,
)

_MB = 1 << 20
_NO_CIRCUIT = "circuit_breaker { failure_threshold = 100000 }"
_LIMITS = {"x-ratelimit-limit-requests": "5", "x-ratelimit-remaining-requests": "0"}
_HOLDS = {
    "a 429 with `Retry-After` of a year": refused(429, {"Retry-After": "31536000"}),
    "a date in 9999": refused(429, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}),
    "`retry-after-ms` of 1e15": refused(429, {"retry-after-ms": "1e15"}),
    "a 200 whose limit is back in 99999999 s": whole(
        200, completion(), _LIMITS | {"x-ratelimit-reset-requests": "99999999s"}
    ),
    "a reset in an hour, as Unix time": whole(
        200, completion(), _LIMITS | {"x-ratelimit-reset-requests": str(int(time.time()) + 3600)}
    ),
    "`nan`": refused(429, {"Retry-After": "nan"}),
    "`-5`": refused(429, {"Retry-After": "-5"}),
}


@fault(quick=True)
def silence_for_a_year(seen: Seen) -> None:
    """A provider that asks to wait is asked again after `rate_limits { max_hold = … }`, whatever it said.

    One answer is bad, all others are good; requests follow until one is answered. `max_hold` is 3 s.
    """
    names = {f"m{number}": kind for number, kind in enumerate(_HOLDS)}
    first = set(names)

    def answer(request: Request) -> Answer:
        name = request.head.split()[1].split("/")[2]
        if name in first:
            first.discard(name)
            return _HOLDS[names[name]]
        return good()

    with provider(answer) as upstream:
        hold = "rate_limits { max_hold = 3s }"
        text = "".join(deployment(upstream, name=name, path=f"/{name}", runtime=hold) for name in names)
        with gateway(text + "gateway { timeout = 1s }\n") as it:

            def silence(number: int) -> float:
                name = f"m{number}"
                chat(it, model=name)
                began = time.monotonic()
                until(lambda: chat(it, model=name).status == 200, 20)
                return time.monotonic() - began

            for kind, seconds in zip(names.values(), at_once(silence, len(names)), strict=True):
                seen.within(seconds, 5, f"after {kind}, answered again after")


def _one_of_two_keys(seen: Seen, answer: bytes) -> None:
    one, two = "sk-one-11111111", "sk-two-22222222"
    keys = 'api_key = [env("ONE"), env("TWO")]'
    with provider(lambda request: answer if request.key == one else good()) as upstream:
        text = deployment(upstream, runtime=keys, more="replicas = 2")
        with gateway(text, more={"ONE": one, "TWO": two}) as it:
            got = at_once(lambda _: chat(it), 40, threads=4)
        asked = sum(each.key == one for each in upstream.asked)
    answered = sum(each.status == 200 for each in got)
    seen(answered == 40, f"{answered} of 40 requests were answered")
    seen.within(max(each.seconds for each in got), 1, "the longest took")
    seen(asked <= 8, f"that key was tried {asked} times")


@fault(quick=True)
def one_key_of_two_is_limited(seen: Seen) -> None:
    """While one key of two has to wait, the other one answers, at once.

    The provider answers one of the two keys of a deployment with 429 and `Retry-After: 60`; 40 requests.
    """
    _one_of_two_keys(seen, refused(429, {"Retry-After": "60"}))


@fault(quick=True)
def one_key_of_two_is_revoked(seen: Seen) -> None:
    """A key that is refused is left out, and the other one answers.

    The provider answers one of the two keys of a deployment with 401; 40 requests.
    """
    _one_of_two_keys(seen, refused(401))


def _flooded(seen: Seen, flood: Answer, *, stream: bool, runtime: str = "", longest: float = 20) -> None:
    """The provider sends too much for one request; others ask meanwhile, of another deployment."""
    with provider(lambda request: flood if request.text == "flood" else good()) as upstream:
        text = deployment(upstream, runtime=runtime) + deployment(upstream, name="other", path="/other")
        with gateway(text) as it:
            chat(it)
            before, sent = it.memory(peak=True), upstream.sent
            with others(it, model="other") as them:
                got = chat(it, "flood", stream=stream, timeout=40)
            seen.grown(it.memory(peak=True) - before, 100)
            taken = (upstream.sent - sent) / _MB
            seen(taken < 300, f"{taken:.0f} MB were taken")
            _is_error(seen, got.status, got.text)
            seen.within(got.seconds, longest, "it ended after")
            seen(not them.failed, f"{len(them.failed)} of {len(them.waited)} other requests failed")
            seen.within(them.longest, 1, "the longest of them took")
            seen(chat(it).status == 200, "the next request was answered")


def _is_error(seen: Seen, status: int, text: str) -> None:
    """An error of the provider: as a status, or as the last event of a stream."""
    last = text.strip().rpartition("data: ")[2]
    code = str(json.loads(last)["error"]["code"]) if last.startswith('{"error"') else ""
    named = f"{status} `{code}`" if code else f"{status} without an error"
    seen((status in (502, 504) or status == 200) and code, f"the client got {named}")


@fault()
def body_of_a_gigabyte(seen: Seen) -> None:
    """An answer that is too large is not taken, costs no memory, and nobody else waits.

    The provider answers with a JSON text of 1 GB.
    """
    size = 1024 * _MB
    head, tail = json.dumps(completion("TEXT")).encode().split(b"TEXT")
    start = whole(200, b"", length=len(head) + size + len(tail)) + head
    _flooded(seen, _Repeated([start], b"x" * _MB, 1024, [tail]), stream=False)


@fault()
def endless_line(seen: Seen) -> None:
    """A line without an end is not collected without an end.

    A stream is one line of 1 GB.
    """
    _flooded(seen, _Repeated([STREAM, b"data: "], b"x" * _MB, 1024, []), stream=True)


@fault(quick=True)
def endless_headers(seen: Seen) -> None:
    """A head without an end is not collected without an end.

    The provider answers with a million header lines.
    """
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 50) for number in range(1000))
    _flooded(seen, _Repeated([b"HTTP/1.1 200 OK\r\n"], lines, 1000, []), stream=False)


@fault(quick=True)
def interim_answers_without_end(seen: Seen) -> None:
    """Interim answers (1xx) are no progress.

    The provider sends a million times `102 Processing`, and no answer.
    """
    lines = b"HTTP/1.1 102 Processing\r\n\r\n" * 1000
    _flooded(seen, _Repeated([], lines, 1000, []), stream=False)


class _Repeated:
    """Pieces, one of them many times; anew each time they are asked for."""

    def __init__(self, start: list[bytes], piece: bytes, times: int, end: list[bytes]) -> None:
        self.parts = (start, piece, times, end)

    def __iter__(self) -> Iterator[bytes]:
        start, piece, times, end = self.parts
        yield from start
        for _ in range(times):
            yield piece
        yield from end


class _Paced:
    """A piece, a pause, and so on for a minute, in different sizes of pieces."""

    def __init__(self, start: bytes, piece: bytes, pause: float) -> None:
        self.parts = (start, piece, pause)

    def __iter__(self) -> Iterator[object]:
        start, piece, pause = self.parts
        yield start
        for _ in range(int(60 / pause)):
            yield piece
            yield pause


_PATIENCE = "timeouts { request = 3s, read = 2s, total = 5s }"


def _slow(seen: Seen, answer: Answer, stream: bool) -> None:
    with provider(lambda _: answer) as upstream, gateway(deployment(upstream, runtime=_PATIENCE)) as it:
        got = chat(it, stream=stream, timeout=30)
        _is_error(seen, got.status, got.text)
        seen.within(got.seconds, 7, "it ended after")


@fault(quick=True)
def trickle(seen: Seen) -> None:
    """An answer that never ends is ended by `timeouts { total = … }`.

    The provider sends its answer with one byte a second; `total` is 5 s.
    """
    _slow(seen, _Paced(whole(200, b"{", length=1000), b" ", 1), stream=False)


@fault(quick=True)
def trickling_head(seen: Seen) -> None:
    """A head that never ends is ended by `timeouts { request = … }`.

    The provider sends the head of its answer with one byte a second; `request` is 3 s.
    """
    _slow(seen, _Paced(b"HTTP/1.1 200 OK\r\nX-Name: ", b"x", 1), stream=False)


@fault(quick=True)
def endless_comments(seen: Seen) -> None:
    """Comments are no progress: a stream of nothing else ends by `timeouts { read = … }`.

    A stream consists of comments, five a second; `read` is 2 s, `total` 5 s.
    """
    _slow(seen, _Paced(STREAM, b": still here\n\n", 0.2), stream=True)


@fault()
def stream_faster_than_it_is_read(seen: Seen) -> None:
    """A stream that comes faster than it is read keeps to its times, too.

    A stream consists of comments without a pause, then of blank lines; `read` is 2 s, `total` 5 s.
    """
    for flood in (b": still here\n\n" * 5000, b"\n" * 60_000):
        _slow(seen, _Repeated([STREAM], flood, 1 << 30, []), stream=True)


_STRANGE = {
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "an empty 200": whole(200, b""),
    "HTML": whole(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}),
    "a JSON list": whole(200, b"[1]"),
    "100 levels of JSON": whole(200, b"[" * 100_000),
    "a redirect": whole(302, b"", {"Location": "http://127.0.0.1:1/"}),
    "no HTTP": [b"220 mail.example.com ESMTP\r\n"],
    "status 999": b"HTTP/1.1 999 Strange\r\nContent-Length: 0\r\n\r\n",
    "a chunk size that is none": [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    ],
}


@fault(quick=True)
def answers_that_are_none(seen: Seen) -> None:
    """What is no answer of an API is the provider's fault: 502.

    A request for each of: 204, an empty 200, HTML, a JSON list, endless brackets, a redirect, the greeting of
    a mail server, status 999, a chunk size that is no number.
    """
    with (
        provider(lambda request: _STRANGE[request.text]) as upstream,
        gateway(deployment(upstream, runtime=_NO_CIRCUIT)) as it,
    ):
        got = {kind: chat(it, kind) for kind in _STRANGE}
        wrong = {kind: answer.status for kind, answer in got.items() if answer.status != 502}
        seen(not wrong, f"{len(got) - len(wrong)} of {len(got)} were a 502" + _listed(wrong))
        seen.no_traceback(it.log)


def _listed(wrong: object) -> str:
    return f", not {wrong}" if wrong else ""


@fault(quick=True)
def stream_cut_anywhere(seen: Seen) -> None:
    """A stream that is cut ends with an error, never as if it were whole, and never hangs.

    A stream of 3 events is cut after every second of its bytes, a request for each; closed, reset and
    half-closed in turn.
    """
    events = event("one") + event("two") + DONE
    ends: list[list[object]] = [[], [RESET], [HALF_CLOSE]]
    last = events.index(DONE) + len(event("", "stop")) - 2  # from there on, it has said that it stops

    def answer(request: Request) -> Answer:
        place = int(request.text)
        return [STREAM, events[:place], *ends[place % 3]]

    with provider(answer) as upstream:
        with gateway(deployment(upstream, runtime=_NO_CIRCUIT)) as it:
            places = range(0, last, 2)
            got = at_once(lambda number: chat(it, str(places[number]), stream=True), len(places), threads=8)
        wrong = [
            place
            for place, each in zip(places, got, strict=True)
            if "[DONE]" in each.text or '"error"' not in each.text
        ]
        seen(
            not wrong, f"{len(places) - len(wrong)} of {len(places)} ended with an error" + _listed(wrong[:5])
        )
        seen.within(max(each.seconds for each in got), 5, "the longest took")


@fault(quick=True)
def connection_reset(seen: Seen) -> None:
    """A connection that is reset is tried again, and then answered.

    The provider resets the connection of every other request, before and within its answer; 20 requests with
    one retry each.
    """
    tries: dict[str, int] = {}

    def answer(request: Request) -> Answer:
        tries[request.text] = tries.get(request.text, 0) + 1
        if tries[request.text] > 1:
            return good()
        return [RESET] if int(request.text) % 2 else [whole(200, b"{", length=100), RESET]

    retry = "retry { max_retries = 2, initial_backoff = 10ms }\n circuit_breaker { failure_threshold = 1000 }"
    with provider(answer) as upstream, gateway(deployment(upstream, runtime=retry)) as it:
        answered = sum(chat(it, str(number)).status == 200 for number in range(20))
    seen(answered == 20, f"{answered} of 20 requests were answered")


@fault(quick=True)
def packed_though_not_asked(seen: Seen) -> None:
    """Answers are bounded after they are unpacked, too.

    inferc asks for answers that are not packed. The provider sends 1 GB in 1 MB of gzip, and a good answer,
    packed.
    """
    bomb = packed_zeros(1024)
    packed = {"Content-Encoding": "gzip"}
    small = whole(200, gzip.compress(json.dumps(completion()).encode()), packed)
    with (
        provider(lambda request: whole(200, bomb, packed) if request.text == "bomb" else small) as upstream,
        gateway(deployment(upstream)) as it,
    ):
        mild = chat(it).status
        seen(mild in (200, 502), f"the good one gave {mild}")
        asked = "accept-encoding: identity" in upstream.asked[0].head.lower()
        seen(asked, "asked for `identity`" if asked else "did not ask for `identity`")
        before = it.memory(peak=True)
        got = chat(it, "bomb")
        _is_error(seen, got.status, got.text)
        seen.grown(it.memory(peak=True) - before, 100)


_ERRORS = {
    "message": refused(500, message=f"the key {KEY} is bad"),
    "a part of it": refused(401, message=f"Incorrect API key provided: {KEY[:-4]}."),
    "code": refused(500, code=f"key {KEY} is bad"),
    "code of a 401": refused(401, code=KEY),
    "param": refused(400, param=KEY),
    "type": refused(400, type=KEY),
    "percent-encoded": refused(500, message=f"at /v1?key={quote(KEY, safe='').replace('-', '%2D')}"),
    "base64": refused(500, message=base64.b64encode(f"user:{KEY}".encode()).decode()),
    "x-request-id": refused(500, {"x-request-id": KEY}),
    "plain text": whole(500, f"bad: {KEY}".encode(), {"Content-Type": "text/plain"}),
    "Retry-After": refused(429, {"Retry-After": KEY}),
}


@fault(quick=True)
def key_in_every_field(seen: Seen) -> None:
    """A key reaches no client and no log, wherever a provider repeats it.

    A request for each of: the key in the message, cut short, percent-encoded, in base64; in `code`, `param`
    and `type`; in headers; in plain text; in an error within a stream.
    """
    error = json.dumps({"error": {"message": KEY, "code": KEY}}).encode()
    answers: dict[str, Answer] = _ERRORS | {"stream": [STREAM, b"data: " + error + b"\n\n"]}
    signs = [
        KEY,
        KEY[:-4],
        quote(KEY, safe="").replace("-", "%2D"),
        base64.b64encode(f"user:{KEY}".encode()).decode(),
    ]
    with (
        provider(lambda request: answers[request.text]) as upstream,
        gateway(deployment(upstream, runtime=_NO_CIRCUIT)) as it,
    ):
        shown = []
        for kind in answers:
            before = len(it.log)
            got = chat(it, kind, stream=kind == "stream")
            time.sleep(0.1)
            places = {"answer": got.text, "headers": str(got.headers), "log": it.log[before:]}
            shown += [
                f"{kind} in the {place}"
                for place, text in places.items()
                if any(sign in text for sign in signs)
            ]
        more = request(it, "GET", "/healthz").text + request(it, "GET", "/metrics").text
        seen(not any(sign in more for sign in signs), "not in health and metrics")
    seen(
        not shown,
        f"shown in {len(shown)} of {len(answers)} cases" + (f": {', '.join(shown)}" if shown else ""),
    )


@fault(quick=True)
def forged_log_lines(seen: Seen) -> None:
    """What a provider says stays within its line of the log, and gives a terminal no orders.

    Errors with line ends, escape sequences and marks that turn the direction of text, in `message` and
    `code`.
    """
    forged = "11:11:11 ERROR   forged"
    texts = [f"x\n{forged}", f"x\r{forged}", f"x\u2028{forged}", "\x1b[2Jgone", "\u202egnirts"]
    errors = [refused(500, None, **{field: text}) for field in ("message", "code") for text in texts]
    with (
        provider(lambda request: errors[int(request.text)]) as upstream,
        gateway(deployment(upstream, runtime=_NO_CIRCUIT)) as it,
    ):
        for number in range(len(errors)):
            chat(it, str(number))
        time.sleep(0.3)
        log = it.log_file.read_bytes().decode()
    lines = sum(
        line.startswith(forged) for line in log.replace("\r", "\n").replace("\u2028", "\n").split("\n")
    )
    orders = sum(log.count(mark) for mark in ("\x1b", "\u202e", "\r"))
    seen(not lines, f"{lines} forged lines")
    seen(not orders, f"{orders} orders to a terminal")
