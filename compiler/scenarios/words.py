"""The words of tests, with their types and what they mean: checked by, completed and shown from here."""

from __future__ import annotations

from enum import StrEnum

from ...dsl.record import frozen


class Of(StrEnum):
    """What a measure is about."""

    REQUEST = "request"
    LOAD = "load"
    BOTH = "both"


class Kind(StrEnum):
    """The type of a value, in the user's words."""

    TEXT = "text"
    NAME = "name"
    BOOL = "true or false"
    NUMBER = "number"
    SECONDS = "number or duration"
    DURATION = "duration"
    MONEY = "amount of money"
    PERCENT = "percentage"
    CIRCUIT = "state of a circuit"


class Takes(StrEnum):
    """What stands between the parentheses of a measure."""

    NOTHING = ""
    DEPLOYMENT = "a deployment"
    MODEL = "a deployment, route or pipeline"
    PAYER = "a deployment, a route, a key or `gateway`"
    TEXT = "a text"


@frozen
class Word:
    """kind: of its value. of: whether it is known of one request, or of many. takes: its argument."""

    kind: Kind
    of: Of
    doc: str
    takes: Takes = Takes.NOTHING


MEASURES: dict[str, Word] = {
    "answer": Word(Kind.TEXT, Of.REQUEST, "the text of the answer"),
    "contains": Word(Kind.BOOL, Of.REQUEST, "whether the answer holds a text", Takes.TEXT),
    "answered_by": Word(Kind.NAME, Of.REQUEST, "the deployment that answered"),
    "ok": Word(Kind.BOOL, Of.REQUEST, "whether the request was answered"),
    "error": Word(Kind.TEXT, Of.REQUEST, "the code of the error that the client gets, or an empty text"),
    "status": Word(Kind.NUMBER, Of.REQUEST, "the HTTP status that the client gets"),
    "seconds": Word(Kind.SECONDS, Of.REQUEST, "how long the client waited for all of the answer"),
    "first_token": Word(Kind.DURATION, Of.REQUEST, "how long it waited for the beginning of the answer"),
    "attempts": Word(Kind.NUMBER, Of.REQUEST, "attempts at all deployments together"),
    "cached": Word(Kind.BOOL, Of.REQUEST, "whether the answer was given before"),
    "header": Word(Kind.TEXT, Of.REQUEST, "a header of the answer, or an empty text", Takes.TEXT),
    "cost": Word(Kind.MONEY, Of.BOTH, "what it costs: one request, or the whole load"),
    "tokens": Word(Kind.NUMBER, Of.BOTH, "tokens of prompts and answers"),
    "calls": Word(Kind.NUMBER, Of.BOTH, "requests that its provider got", Takes.DEPLOYMENT),
    "circuit": Word(
        Kind.CIRCUIT, Of.BOTH, "`open`, `closed` or `half_open`, at this moment", Takes.DEPLOYMENT
    ),
    "held": Word(
        Kind.DURATION,
        Of.BOTH,
        "for how long nothing is sent, because the provider asked for that",
        Takes.DEPLOYMENT,
    ),
    "spent": Word(Kind.MONEY, Of.BOTH, "what of its budget is spent, in the longest window", Takes.PAYER),
    "requests": Word(Kind.NUMBER, Of.LOAD, "requests of the load"),
    "success": Word(Kind.PERCENT, Of.LOAD, "the share of requests that were answered"),
    "failures": Word(Kind.NUMBER, Of.LOAD, "requests that were not"),
    "errors": Word(Kind.NUMBER, Of.LOAD, "requests that ended with this code", Takes.TEXT),
    "answers": Word(Kind.PERCENT, Of.LOAD, "the share of answers that a deployment gave", Takes.DEPLOYMENT),
    "slowest": Word(Kind.DURATION, Of.LOAD, "the longest that an answered client waited"),
    "p50": Word(Kind.DURATION, Of.LOAD, "half of the answered clients waited no longer"),
    "p90": Word(Kind.DURATION, Of.LOAD, "nine of ten waited no longer"),
    "p95": Word(Kind.DURATION, Of.LOAD, "95 of 100 waited no longer"),
    "p99": Word(Kind.DURATION, Of.LOAD, "99 of 100 waited no longer"),
}
"""What `expect` can look at."""

CIRCUITS = ("open", "closed", "half_open")

STATEMENTS: dict[str, str] = {
    "world": "how providers behave: `world { gpt fails 503 for 10m }`",
    "ask": 'sends a request: `ask assistant "hello"`, or `ask pipeline(name = "value")`',
    "load": "sends many: `load { assistant = 20 per second for 1h }`",
    "wait": "lets time pass: `wait 30s`",
    "expect": "what must hold of the request, or of the load, before it",
}

SETTINGS: dict[str, str] = {
    "first_token": "until an answer begins: `300ms`, or the median and what 1 of 100 exceeds: `300ms ~ 2s`",
    "rate": "tokens of an answer after that: `80 per second`",
    "answer": "tokens of each answer: `200 tokens`",
    "requests_per_minute": "what the provider lets through, for each key",
    "tokens_per_minute": "what the provider lets through, for each key",
    "service": "how long a model on this machine takes: `12ms`, or `12ms ~ 40ms`",
}
"""What a world says of a deployment, in braces."""

VERBS: dict[str, str] = {
    "fails": "`fails 503` or `fails cut`; `for 10m`, `at 2h`, `5%`, `3 times`, `retry_after 20s`, `after 2`",
    "answers": '`answers "text"`, and perhaps `2 times`',
    "with": "`with real`: the model runs on this machine, and its time is measured",
}

LOAD_SETTINGS: dict[str, str] = {
    "prompt": "tokens of each prompt: `500 tokens`",
    "answer": "tokens of each answer: `200 tokens`",
    "searches": "searches of the web for each answer: `searches = 2`",
    "stream": "whether clients want streams: `true` or `false`",
    "shape": "`steady`, or `day`: the rate is the peak of a working day",
    "key": "whose key the clients show",
}

ASK_OPTIONS: dict[str, str] = {
    "stream": "whether the client wants a stream",
    "key": "whose key it shows",
    "count": "how many requests",
    "every": "how long after each other they come; unset: all at once",
}

FAULTS: dict[str, str] = {
    "unreachable": "nobody answers at its address",
    "slow": "the answer begins a minute late",
    "stall": "a stream stops for a minute in the middle",
    "cut": "the connection ends in the middle of the answer",
    "split": "the answer comes in pieces of one byte",
    "malformed": "a piece of a stream is no JSON",
    "error": "an error stands in the answer, whose status is 200",
    "no_done": "a stream ends without its end marker",
    "failed_choice": "a choice of the answer has failed",
    "no_choices": "the answer has no choices",
}
"""What may stand after `fails` in place of a status."""
