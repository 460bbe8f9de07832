"""What providers say in the headers of an answer: how they call the request, what is left of their limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from multidict import istr

from ...compiler.plan.late_pattern import late_pattern
from ..requests.foreign_text import fits_header
from ..requests.upstream import Left, Remaining, Upstream
from ..secrets.secret import Secret
from .provider_times import seconds_to_wait

REQUEST_ID_HEADERS = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid")
"""Where providers put the id of a request: OpenAI and Azure, Anthropic, Azure's gateway, Amazon."""
_REQUEST_IDS = tuple(map(istr, REQUEST_ID_HEADERS))

_LIMITS = ("requests", "tokens")
_HEADERS = {
    what: tuple(
        tuple(istr(form.format(name, what)) for name in ("remaining", "limit", "reset"))
        for form in ("x-ratelimit-{0}-{1}", "anthropic-ratelimit-{1}-{0}")
    )
    for what in _LIMITS
}
"""Of each limit, in OpenAI's words and in Anthropic's: what is left, the limit, when it is whole again."""
_OPENAIS = tuple(name for what in _LIMITS for name in _HEADERS[what][0])
_LEFT = frozenset(words[0] for what in _LIMITS for words in _HEADERS[what])
_LINES = {
    what: "".join(
        f"{name}: {value}\r\n" for name, value in zip(_HEADERS[what][0], ("%d", "%d", "%b"), strict=True)
    ).encode()
    for what in _LIMITS
}
"""Of each limit, the lines of an answer that tell OpenAI's clients of it."""
_BOTH = b"".join(_LINES.values())
_PLAIN = late_pattern(r"[0-9][0-9hmnsuTZ:.+-]{0,39}")
"""A number, a duration or a moment."""
_MOST_DIGITS = 15
_LONGEST_RESET = 366 * 86400.0


def read_upstream(headers: Mapping[str, str], secret: Secret | None) -> Upstream:
    """What `headers` say beside an answer; the id does not hold `secret`, and fits into a header.

    headers: looked up in whatever case.
    """
    request_id = None
    for name in _REQUEST_IDS:
        if (request_id := headers.get(name)) is not None:
            break
    if request_id is not None and (
        not fits_header(request_id) or (secret is not None and secret.is_in(request_id))
    ):
        request_id = None
    return Upstream(request_id, headers) if tells_limits(headers) else Upstream(request_id)


def openai_limits(headers: Mapping[str, str]) -> dict[str, str]:
    """What is left of a provider's limits, by the headers of its answer, as OpenAI's clients read it.

    As it came, where the provider says it so; nothing that is no number or no duration.
    """
    if any(_HEADERS[what][0][0] in headers for what in _LIMITS):
        return {
            name: value
            for name in _OPENAIS
            if (value := headers.get(name)) is not None and _PLAIN.fullmatch(value)
        }
    return write_openai(_left(headers))


def write_openai(left: Mapping[str, Remaining]) -> dict[str, str]:
    """What is left, as OpenAI's clients read it."""
    found: dict[str, str] = {}
    for what, each in left.items():
        remaining, limit, reset = _HEADERS[what][0]
        found[limit], found[remaining] = str(each.limit), str(each.amount)
        found[reset] = "%.3fs" % (each.until if each.until < _LONGEST_RESET else _LONGEST_RESET)
    return found


def openai_lines(left: Left) -> bytes:
    """What is left of limits that are counted here, as lines of HTTP that OpenAI's clients read."""
    requests, most_requests, tokens, most_tokens, until = left
    reset = b"%.3fs" % until
    if most_requests and most_tokens:
        return _BOTH % (requests, most_requests, reset, tokens, most_tokens, reset)
    if most_requests:
        return _LINES["requests"] % (requests, most_requests, reset)
    return _LINES["tokens"] % (tokens, most_tokens, reset) if most_tokens else b""


def tells_limits(headers: Mapping[str, str]) -> bool:
    """Whether the headers of an answer to a client tell what is left of any limit."""
    for name in _LEFT:  # noqa: SIM110, a generator, or a look at all that are there, costs more
        if name in headers:
            return True
    return False


def anthropic_limits(headers: Mapping[str, str], now: float) -> dict[str, str]:
    """The same as Anthropic's clients read it. now: in Unix time."""
    return write_anthropic(_left(headers), now)


def write_anthropic(left: Mapping[str, Remaining], now: float) -> dict[str, str]:
    """What is left, as Anthropic's clients read it."""
    return {
        f"anthropic-ratelimit-{what}-{name}": value
        for what, each in left.items()
        for name, value in (
            ("limit", str(each.limit)),
            ("remaining", str(each.amount)),
            ("reset", _moment(now + min(each.until, _LONGEST_RESET))),
        )
    }


def tighter(left: Mapping[str, Remaining], told: Mapping[str, str]) -> dict[str, Remaining]:
    """Those of `left` of which there is less than the headers of an answer tell already."""
    found = {}
    for what, each in left.items():
        openais, anthropics = _HEADERS[what]
        said = told.get(openais[0]) or told.get(anthropics[0])
        if said is None or (amount := _whole(said)) is None or each.amount <= amount:
            found[what] = each
    return found


def _left(headers: Mapping[str, str]) -> dict[str, Remaining]:
    return {what: found for what in _LIMITS if (found := remaining(headers, what)) is not None}


def remaining(headers: Mapping[str, str], what: str) -> Remaining | None:
    """What is left of the limit on `what`, "requests" or "tokens"; None where no header says so.

    Answers without a sensible limit, remainder and reset say nothing: some providers send -1 or 0.
    """
    for its_left, its_limit, its_reset in _HEADERS[what]:
        left = headers.get(its_left)
        if left is None:
            continue
        amount, most = _whole(left), _whole(headers.get(its_limit))
        until = seconds_to_wait(headers.get(its_reset), headers.get("date"))
        if amount is None or not most or until is None or amount > most:
            return None
        return Remaining(amount, most, until / max(most - amount, 1), until)
    return None


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
