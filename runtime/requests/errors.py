"""Everything that can go wrong with a request, as one typed hierarchy.

Each error knows the HTTP status and the OpenAI error type and code that a client sees.
"""

from __future__ import annotations

from math import inf
from typing import ClassVar

from ...compiler.plan.record import frozen
from .foreign_text import fits_header
from .upstream import Upstream
from .usage import Usage


@frozen
class StepAt:
    """A step in its file; line and column count from 1."""

    pipeline: str
    step: str
    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"step `{self.step}` of pipeline `{self.pipeline}` ({self.file}:{self.line}:{self.column})"


class RequestError(Exception):
    """A request that could not be answered. `message` is safe to show: it never holds a secret."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: str = "internal"
    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        deployment: str | None = None,
        provider: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        attempts: int = 1,
        retry_after: float | None = None,
        code: str | None = None,
        retryable: bool | None = None,
        upstream_status: int | None = None,
    ) -> None:
        """code, retryable: where the provider knows better than the class; None is as the class says.

        retry_after: seconds; what is no time counts as unknown, and so does a request_id that fits no header.
        upstream_status: the HTTP status that the provider answered with. Of a step of a pipeline, `steps`
        says where it is: the step that calls before the step that is called; `innermost` is the message
        without these places. `upstream`: what the provider says beside it. `usage`: of an answer that came,
        and is not given to the client. `is_logged`: the operator has been told already.
        """
        super().__init__(message)
        self.message = message
        self.deployment = deployment
        self.provider = provider
        self.param = param
        self.request_id = request_id if request_id is not None and fits_header(request_id) else None
        self.attempts = attempts
        self.retry_after = retry_after if retry_after is not None and 0 <= retry_after < inf else None
        self.upstream_status = upstream_status
        self.innermost = message
        self.steps: tuple[StepAt, ...] = ()
        self.upstream: Upstream | None = None
        self.usage: Usage | None = None
        self.is_logged = False
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        return self.message


class BadRequest(RequestError):
    """The request itself is wrong; sending it again cannot help."""

    status, type, code = 400, "invalid_request_error", "bad_request"


class Incapable(BadRequest):
    """The model cannot do what the request asks: nothing was sent."""

    code = "unsupported_parameter"


class ContextLengthExceeded(BadRequest):
    """Prompt and answer do not fit into the model's context window."""

    code = "context_length_exceeded"


class ContentFiltered(BadRequest):
    """The provider refuses the content."""

    code = "content_filter"


class RequestTooLarge(BadRequest):
    """The body is larger than the gateway reads."""

    status, code = 413, "request_too_large"


class UnknownModel(RequestError):
    """No deployment has this name."""

    status, type, code = 404, "invalid_request_error", "model_not_found"


class Unsupported(RequestError):
    """The deployment, or this executor, cannot do what was asked."""

    status, type, code = 501, "invalid_request_error", "unsupported"


class Unauthorized(RequestError):
    """The key was not accepted."""

    status, type, code = 401, "authentication_error", "unauthorized"


class Forbidden(RequestError):
    """The key was accepted, but may not do this."""

    status, type, code = 403, "permission_error", "forbidden"


class GatewayFull(RequestError):
    """There is no memory for another body, or none that all bodies together may have."""

    status, type, code, retryable = 503, "server_error", "gateway_full", True


class Backpressure(RequestError):
    """The deployment is full, or this machine has no connection left for it."""

    status, type, code, retryable = 429, "rate_limit_error", "backpressure", True


class RateLimited(RequestError):
    """The provider's rate limit is reached."""

    status, type, code, retryable = 429, "rate_limit_error", "rate_limited", True


class ServerError(RequestError):
    """The provider failed."""

    status, type, code, retryable = 502, "server_error", "server_error", True


class NetworkError(RequestError):
    """The provider could not be reached, or broke off."""

    status, type, code, retryable = 502, "server_error", "network_error", True


class StaleConnection(NetworkError):
    """A connection that had answered before was closed when the request came: a new one is asked at once."""


class RequestTimeout(RequestError):
    """The provider, or the deadline, took too long.

    at_work: the provider had begun to answer when our own clock cut it off, and is paid for it.
    """

    status, type, code, retryable = 504, "server_error", "timeout", True
    at_work = False


class CircuitOpen(RequestError):
    """The provider's endpoint keeps failing and is left alone for a while."""

    status, type, code, retryable = 503, "server_error", "circuit_open", True


class ServerDown(RequestError):
    """The server that was started for the deployment does not run right now."""

    status, type, code, retryable = 503, "server_error", "server_down", True


class BudgetExceeded(RequestError):
    """What the deployment may spend is spent; OpenAI clients know this as a quota that is used up."""

    status, type, code = 429, "insufficient_quota", "budget_exceeded"


class StoreUnavailable(RequestError):
    """What several processes share cannot be reached, and without it nothing may be sent."""

    status, type, code, retryable = 503, "server_error", "store_unavailable", True


class Drained(RequestError):
    """The operator lets no requests come to the deployment."""

    status, type, code, retryable = 503, "server_error", "drained", True


class ShuttingDown(RequestError):
    """The executor is stopping and takes no new requests."""

    status, type, code, retryable = 503, "server_error", "shutting_down", True


class InvalidAnswer(RequestError):
    """A model answered, but not as it was asked to, or as its file says: no JSON of a type, another shape."""

    status, type, code, retryable = 502, "server_error", "invalid_answer", True


class StepFailed(RequestError):
    """A step of a pipeline cannot be done with the values that it was given."""

    status, type, code = 422, "invalid_request_error", "step_failed"


class ExternFailed(RequestError):
    """Code of the user's raised an exception, gave what it does not declare, or does not come back."""

    status, type, code = 500, "server_error", "extern_failed"


class GuardRefused(RequestError):
    """A guard of the gateway lets the request, or its answer, not pass, and says why."""

    status, type, code = 400, "invalid_request_error", "guard_refused"


class GuardFailed(RequestError):
    """A guard of the gateway could not be asked, and nothing may pass without it."""

    status, type, code, retryable = 503, "server_error", "guard_failed", True


def forget_frames(error: BaseException) -> None:
    """Let go of the frames that `error`, and what it came from, was raised in: somebody has dealt with it.

    A frame often knows the error that it raised, which knows the frame: what it held, tensors above all,
    would then stay until the garbage collector comes.
    """
    seen: set[int] = set()
    left = [error]
    while left:
        one = left.pop()
        seen.add(id(one))
        one.__traceback__ = None
        around = (one.__cause__, one.__context__, *getattr(one, "exceptions", ()))
        left += (each for each in around if each is not None and id(each) not in seen)


class StartError(Exception):
    """A plan that cannot be started: which deployment, why, and what to do.

    problems: everything that was found, one sentence each; `str()` gives one a line.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)
