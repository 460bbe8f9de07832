"""How a deployment may be used: capacity, rate limits, retries, timeouts, circuit breaker, budget."""

from __future__ import annotations

from attrs import field

from .fields import MOST_TOKENS, above, at_least, doc
from .kinds import AdaptiveKind, AffinityKind, BudgetAction, CapacityKind, JitterKind, UnavailableAction
from .record import frozen
from .units import Duration, Money, Size


@frozen
class CapacityPolicy:
    """What a full deployment does: `reject`, `queue`, or `fallback(name)`."""

    kind: CapacityKind = CapacityKind.QUEUE
    target: str | None = doc("the deployment that takes over; only with `fallback`", default=None)

    @classmethod
    def fallback(cls, target: str) -> CapacityPolicy:
        return cls(CapacityKind.FALLBACK, target)


@frozen
class Serving:
    """How many requests a deployment takes at once."""

    max_concurrent: int = at_least(1, "requests that each replica answers at the same time", default=32)
    on_capacity_exhausted: CapacityPolicy = doc("what a full deployment does", factory=CapacityPolicy)
    queue_timeout: Duration = above(
        0,
        "longest that a request waits for a slot; one that would wait longer is refused at once",
        default=Duration(60),
        rare=True,
    )
    adaptive: AdaptiveKind | None = field(
        default=None,
        metadata={
            "doc": "fewer at once than `max_concurrent` while more would only take longer: by `aimd` or "
            "`gradient`; unset: always as many",
            "rare": True,
        },
    )
    affinity: AffinityKind | None = field(
        default=None,
        metadata={
            "doc": "what goes to the same replica, as long as that has room: the requests of a "
            "`conversation`, or of a `user`; unset: each to the one with the least to do",
            "rare": True,
        },
    )


@frozen(slots=False)
class Scaling:
    """How the number of replicas follows the load, between the two numbers of `replicas`."""

    target: int | None = at_least(
        1,
        "requests for each replica, those that wait included, above which there are more; unset: 70 % of "
        "`max_concurrent`",
        default=None,
    )
    upscale_delay: Duration = above(
        0, "how long there is more to do before there are more", default=Duration(10)
    )
    downscale_delay: Duration = above(
        0, "how long there is less to do before there are fewer", default=Duration(300)
    )


@frozen
class RateLimits:
    """Ceilings that the provider's account sets; None is no ceiling."""

    requests_per_minute: int | None = at_least(1, "requests per minute", at_most=100_000_000, default=None)
    tokens_per_minute: int | None = at_least(
        1, "tokens per minute, prompt and answer", at_most=500_000_000, default=None
    )
    concurrent_requests: int | None = at_least(1, "requests in flight at the provider", default=None)
    strict: bool = doc("exact across every process that shares the key", default=False)
    max_hold: Duration = above(
        0, "longest that nothing is sent because the provider asks to wait", default=Duration(300)
    )


@frozen
class RetryPolicy:
    """When and how a failed request is sent again."""

    max_retries: int = at_least(0, "attempts after the first", at_most=1000, default=3)
    initial_backoff: Duration = above(0, "wait before the first retry", default=Duration(1))
    max_backoff: Duration = above(0, "longest wait", default=Duration(60))
    backoff_multiplier: float = at_least(1, "growth of the wait from retry to retry", default=2.0)
    jitter: JitterKind = doc("how much of a wait is random", default=JitterKind.EQUAL)
    respect_retry_after: bool = doc("wait as long as the provider asks", default=True)


@frozen
class Timeouts:
    """How long the executor waits for a provider."""

    request: Duration = above(0, "from sending to the first byte", default=Duration(30))
    read: Duration = above(0, "between two pieces of an answer", default=Duration(10))
    total: Duration = above(0, "from sending to the last byte of the answer", default=Duration(1800))


@frozen
class CircuitBreakerConfig:
    """When a failing endpoint is left alone, and how it is tried again."""

    failure_threshold: int = at_least(1, "consecutive failures that open the circuit", default=10)
    open_duration: Duration = above(0, "how long an open circuit fails fast", default=Duration(30))
    half_open_max_probes: int = at_least(1, "requests that may try a half-open circuit", default=1)


BUDGET_WINDOWS = ("hour", "day", "week", "month")


@frozen(slots=False)
class Budget:
    """Spend ceilings in US dollars, and what happens at them."""

    on_exceeded: BudgetAction = field(metadata={"doc": "what a spent budget does"})
    max_spend_per_hour: Money | None = above(0, "ceiling of any hour", default=None)
    max_spend_per_day: Money | None = above(0, "ceiling of any day", default=None)
    max_spend_per_week: Money | None = above(0, "ceiling of any 7 days", default=None, rare=True)
    max_spend_per_month: Money | None = above(
        0, "ceiling of any 31 days, and so of each month", default=None, rare=True
    )

    def ceilings(self) -> dict[str, Money]:
        """The ceilings that it has, by the name of their window, the shortest first."""
        windows = {each: getattr(self, f"max_spend_per_{each}") for each in BUDGET_WINDOWS}
        return {window: ceiling for window, ceiling in windows.items() if ceiling is not None}


@frozen(slots=False)
class State:
    """How spend and shared limits are kept for all processes that serve a file."""

    name: str | None = doc(
        "whose spend it is: all who say the same share it; unset: the name of the file", default=None
    )
    on_unavailable: UnavailableAction = doc(
        "while it cannot be reached: refuse requests whose budget or strict limits need it, or serve them by "
        "what each process knows",
        default=UnavailableAction.REFUSE,
    )


@frozen(slots=False)
class Cache:
    """Equal requests, answered again from the memory of the process."""

    ttl: Duration = field(metadata={"doc": "how long an answer is given again", "above": 0})
    max_size: Size = above(
        0, "memory for answers; those that nobody asked for longest go first", default=Size(64 << 20)
    )
    shared: bool = doc("clients with different keys may get each other's answers", default=False)
    sampled: bool = doc(
        "chats whose answers are drawn by chance, too: all but those with `temperature = 0`", default=False
    )


@frozen
class Price:
    """What a model costs, in US dollars per million tokens; takes precedence over the catalogue."""

    input: Money = field(metadata={"doc": "per million tokens of the prompt", "min": 0})
    output: Money = field(metadata={"doc": "per million tokens of the answer", "min": 0})
    cached_input: Money | None = at_least(0, "per million tokens that the provider had cached", default=None)
    cache_write: Money | None = at_least(
        0, "per million tokens that the provider wrote to its cache; as `input` unless said", default=None
    )
    cache_write_1h: Money | None = at_least(
        0,
        "the same for those that are kept for an hour, or at OpenAI for 12; as `cache_write` unless said",
        default=None,
    )
    audio_input: Money | None = at_least(
        0, "per million tokens of sound in the prompt; as `input` unless said", default=None, rare=True
    )
    audio_output: Money | None = at_least(
        0, "per million tokens of sound in the answer; as `output` unless said", default=None, rare=True
    )
    image_input: Money | None = at_least(
        0, "per million tokens of pictures in the prompt; as `input` unless said", default=None, rare=True
    )
    image_output: Money | None = at_least(
        0, "per million tokens of pictures in the answer; as `output` unless said", default=None, rare=True
    )
    per_second: Money | None = at_least(
        0, "per second of sound, of models that are paid by its length", default=None, rare=True
    )
    per_search: Money | None = at_least(
        0, "per search of the web, and per ranking of up to 100 documents", default=None, rare=True
    )
    per_image: Money | None = at_least(
        0, "per picture that is made, of models that are paid by their number", default=None, rare=True
    )
    per_character: Money | None = at_least(
        0, "per character that is spoken, of models that are paid by their number", default=None, rare=True
    )
    fast: float | None = at_least(
        1, "how many times as much tokens cost in Anthropic's fast mode", default=None, rare=True
    )
    flex: float | None = at_least(
        0, "how many times as much tokens cost in the tier `flex`", at_most=100, default=None, rare=True
    )
    flex_cached: float | None = at_least(
        0,
        "the same of those that the provider had cached; as `flex` unless said",
        at_most=100,
        default=None,
        rare=True,
    )
    priority: float | None = at_least(
        0,
        "how many times as much tokens cost in the tier `priority`, which OpenAI calls `fast`, too",
        at_most=100,
        default=None,
        rare=True,
    )
    ultrafast: float | None = at_least(
        0, "how many times as much tokens cost in the tier `ultrafast`", at_most=100, default=None, rare=True
    )


@frozen(slots=False)
class ModelFacts:
    """What is known about a model that the catalogue does not know, or knows differently."""

    context_window: int | None = at_least(
        1, "tokens of prompt and answer together", at_most=MOST_TOKENS, default=None
    )
    max_output: int | None = at_least(1, "tokens of the answer", at_most=MOST_TOKENS, default=None)
    base_model: str | None = field(
        default=None,
        metadata={
            "doc": "which model it is, such as `gpt-4o`, where `model` is a name of one's own, as at Azure: "
            "what the catalogue knows of it holds",
            "rare": True,
        },
    )
