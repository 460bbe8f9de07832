"""What a provider's answer tells about an error: its class, whether to retry, and when."""

from __future__ import annotations

import json
import time
from email.utils import formatdate

import pytest

from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.provider_errors.codes import PHRASES
from inferc.runtime.dialects.provider_errors.retry_after import retry_after
from inferc.runtime.requests.errors import (
    BadRequest,
    ContentFiltered,
    ContextLengthExceeded,
    Forbidden,
    RateLimited,
    RequestError,
    RequestTimeout,
    RequestTooLarge,
    ServerError,
    Unauthorized,
)
from inferc.runtime.secrets.secret import Secret

from ..support.remote import remote_plan
from ..support.rows import each_row

KEY = "sk-very-secret"
CLASSIFIER = Classifier(remote_plan(), Secret(KEY, "the environment variable OPENAI_API_KEY"))


def http_error(status: int, code: str | None = None, message: str = "no", **headers: str) -> RequestError:
    body = json.dumps({"error": {"message": message, "type": "t", "param": None, "code": code}}).encode()
    return CLASSIFIER.http_error(status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


@pytest.mark.parametrize(
    "message",
    [
        "The model `gpt-1` does not exist or you do not have access to it.",  # OpenAI
        "model: claude-1",  # Anthropic
        "models/gemini-1 is not found for API version v1beta",  # Google
    ],
)
def test_a_model_that_has_ended_is_a_fault_of_its_provider_where_the_file_names_it(message: str) -> None:
    error = http_error(404, "model_not_found", message)
    assert (type(error), error.code, error.retryable) == (ServerError, "model_not_found", False)
    named_by_clients = Classifier(remote_plan(model="*"), None)
    body = json.dumps({"error": {"message": message, "code": "model_not_found"}}).encode()
    assert type(named_by_clients.http_error(404, {}, body)) is BadRequest
    assert type(http_error(404, "not_found_error", "File file_1 was not found.")) is BadRequest


@each_row(
    ("status", "said", "kind", "told"),
    [
        (
            410,
            {"title": "Gone", "detail": "The model 'a' has reached its end of life."},
            ServerError,
            "The model 'a' has",
        ),
        (
            404,
            {"title": "Not Found", "detail": "Function 'f': Not found for account 'a'"},
            ServerError,
            "Function 'f'",
        ),
        (404, {"title": "Not Found", "detail": "File 'f' not found"}, BadRequest, "File 'f' not found"),
        (429, {"status": 429, "title": "Too Many Requests"}, RateLimited, "Too Many Requests"),
        (422, {"detail": [{"loc": ["body", "top_k"], "msg": "too small"}]}, BadRequest, "top_k: too small"),
        (422, {"detail": [{"loc": [], "msg": "odd"}, "x", {"loc": {}}, {"msg": 1}]}, BadRequest, "odd"),
        (
            400,
            {"detail": "maximum context length is 8192 tokens"},
            ContextLengthExceeded,
            "maximum context length",
        ),
        (400, {"detail": "no", "message": "words"}, BadRequest, "words"),
    ],
)
def test_a_problem_says_what_it_is_in_its_detail(
    status: int, said: dict[str, object], kind: type[RequestError], told: str
) -> None:
    """NVIDIA writes RFC 9457, and servers made with FastAPI what pydantic lists."""
    error = CLASSIFIER.http_error(status, {}, json.dumps(said).encode())
    assert type(error) is kind
    assert f"answered {status}: {told}" in error.message
    assert (error.code == "model_not_found") is (status == 404 and kind is ServerError)


@each_row(
    ("status", "code", "kind", "retryable"),
    [
        (400, None, BadRequest, False),
        (400, "context_length_exceeded", ContextLengthExceeded, False),
        (400, "content_filter", ContentFiltered, False),
        (400, "model_decommissioned", ServerError, False),
        (400, "organization_restricted", Forbidden, False),
        (400, "Arrearage", Forbidden, False),
        (400, "moderation_blocked", ContentFiltered, False),
        (400, "InputTextSensitiveContentDetected", ContentFiltered, False),
        (400, "1261", ContextLengthExceeded, False),
        (400, "1301", ContentFiltered, False),
        (403, "insufficient_user_quota", Forbidden, False),
        (413, "tokens_limit_reached", ContextLengthExceeded, False),
        (413, None, RequestTooLarge, False),
        (429, "exceeded_current_quota_error", RateLimited, False),
        (429, "1113", RateLimited, False),
        (429, "1302", RateLimited, True),
        (429, "1308", RateLimited, False),
        (401, "invalid_api_key", Unauthorized, False),
        (402, None, Forbidden, False),
        (403, None, Forbidden, False),
        (404, "model_not_found", ServerError, False),
        (404, None, BadRequest, False),
        (405, None, ServerError, False),
        (408, None, RequestTimeout, True),
        (409, None, ServerError, True),
        (410, None, ServerError, False),
        (422, None, BadRequest, False),
        (421, None, ServerError, True),
        (424, None, ServerError, True),
        (426, None, ServerError, True),
        (498, None, ServerError, True),
        (451, None, Forbidden, False),
        (429, None, RateLimited, True),
        (429, "rate_limit_exceeded", RateLimited, True),
        (429, "slow_down", RateLimited, True),
        (429, "insufficient_quota", RateLimited, False),
        (429, "credit_balance_exhausted", RateLimited, False),
        (429, "monthly_spend_limit_exceeded", RateLimited, False),
        (500, None, ServerError, True),
        (503, "server_is_overloaded", ServerError, True),
        (504, None, RequestTimeout, True),
        (307, None, ServerError, False),
    ],
)
def test_status_and_code_decide_the_class_and_the_retry(
    status: int, code: str | None, kind: type[RequestError], retryable: bool
) -> None:
    error = http_error(status, code)
    assert type(error) is kind
    assert error.retryable is retryable


def test_the_message_names_provider_and_deployment_and_says_what_the_provider_said() -> None:
    error = http_error(400, message="temperature is too high", x_request_id="req_1")
    assert str(error) == "openai (deployment `gpt`) answered 400: temperature is too high"
    assert error.request_id == "req_1"


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"[1]", b'{"error": "down"}', b"\xff\xfe"])
def test_a_body_that_is_no_error_object_is_no_problem(body: bytes) -> None:
    assert type(CLASSIFIER.http_error(502, {}, body)) is ServerError


def test_a_refused_key_is_named_by_where_it_came_from() -> None:
    error = http_error(401, "invalid_api_key", f"Incorrect API key provided: {KEY[:5]}***")
    assert "the environment variable OPENAI_API_KEY" in error.message
    assert KEY[:5] not in error.message


@pytest.mark.parametrize("padding", [0, 480, 495])
def test_a_key_that_the_provider_quotes_is_not_passed_on(padding: int) -> None:
    message = http_error(400, message="x" * padding + f" bad header {KEY}").message
    assert "very" not in message
    assert "sk-" not in message


@pytest.mark.parametrize(("value", "retryable"), [("true", True), ("false", False)])
def test_x_should_retry_decides_where_it_is_present(value: str, retryable: bool) -> None:
    assert http_error(400, x_should_retry=value).retryable is retryable
    assert http_error(500, x_should_retry=value).retryable is retryable


@each_row(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"x-ms-retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "oops", "retry-after": "9"}, 9),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": "1792567710", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        ({"retry-after-ms": "1792567710000", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        ({}, None),
    ],
)
def test_the_time_to_wait_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, {}) == seconds


def test_a_moment_counts_from_now_where_the_answer_has_no_date() -> None:
    moment = formatdate(time.time() + 60, usegmt=True)
    assert retry_after({"retry-after": moment}, {}) == pytest.approx(59, abs=30)


def test_the_reset_that_openrouter_quotes_in_its_error_is_a_time_to_wait() -> None:
    error = {"code": 429, "metadata": {"headers": {"X-RateLimit-Reset": "1792567710000"}}}
    assert retry_after({"date": "Wed, 21 Oct 2026 07:28:00 GMT"}, error) == 30


def test_cloudflare_says_in_its_error_alone_when_an_origin_may_be_asked_again() -> None:
    assert retry_after({}, {"title": "A timeout occurred", "status": 524, "retry_after": 120}) == 120


@pytest.mark.parametrize(("quota", "wait"), [("RequestsPerDay", None), ("RequestsPerMinute", 45.5)])
def test_a_quota_of_the_day_is_not_there_again_when_google_says_so(quota: str, wait: float | None) -> None:
    details = [{"violations": [{"quotaId": quota}]}, {"retryDelay": "45.5s"}]
    said = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Try again in 45.5s.", "details": details}
    assert CLASSIFIER.http_error(429, {}, json.dumps({"error": said}).encode()).retry_after == wait


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("Rate limit reached for gpt-4o in organization org-1. Please try again in 1.2s. Visit …", 1.2),
        ("Rate limit reached on tokens per day. Please try again in 7m12.5s.", 432.5),
        ("… Please try again in 20ms.", 0.02),
        ("You have exceeded the call rate limit. Please retry after 33 seconds.", 33),
        ("Please retry in 1.5 minutes", 90),
        ("Please try again later.", None),
        ("Please try again in 3 sheep.", None),
    ],
)
def test_the_words_of_a_rate_limit_say_how_long_to_wait_where_nothing_else_does(
    told: str, seconds: float | None
) -> None:
    assert http_error(429, "rate_limit_exceeded", told).retry_after == seconds
    assert http_error(429, "rate_limit_exceeded", told, retry_after="9").retry_after == 9
    assert CLASSIFIER.in_band({"code": "rate_limit_exceeded", "message": told}).retry_after == seconds
    assert http_error(400, message=told).retry_after is None


def test_openrouter_says_when_a_model_has_room_again() -> None:
    assert retry_after({}, {"availability": {"code": "capacity_exhausted", "retry_after": 40}}) == 40


@each_row(
    ("status", "metadata", "kind"),
    [
        (400, {"error_type": "context_length_exceeded"}, ContextLengthExceeded),
        (400, {"error_type": "content_policy_violation"}, ContentFiltered),
        (402, {"error_type": "payment_required"}, Forbidden),
        (403, {"reasons": ["violence"], "flagged_input": "..."}, ContentFiltered),
        (403, {"patterns": ["ignore all"]}, Forbidden),
        (429, {"error_type": "rate_limit_exceeded"}, RateLimited),
        (500, {"error_type": "server"}, ServerError),
        (504, {"error_type": "timeout"}, RequestTimeout),
        (400, {"error_type": "of tomorrow"}, BadRequest),
    ],
)
def test_openrouter_says_beside_the_message_what_kind_of_error_it_is(
    status: int, metadata: dict[str, object], kind: type[RequestError]
) -> None:
    error = {"message": "m", "code": status, "metadata": metadata}
    body = json.dumps({"error": error, "user_id": "user_1"}).encode()
    assert type(CLASSIFIER.http_error(status, {}, body)) is kind
    assert type(CLASSIFIER.in_band(error)) is kind


def test_what_the_provider_behind_openrouter_said_is_told_and_understood() -> None:
    raw = json.dumps({"type": "error", "error": {"message": "prompt is too long: 9 tokens > 8 maximum"}})
    metadata = {"raw": raw, "provider_name": "Anthropic"}
    error = {"message": "Provider returned error", "code": 400, "metadata": metadata}
    found = CLASSIFIER.http_error(400, {}, json.dumps({"error": error}).encode())
    assert type(found) is ContextLengthExceeded
    assert found.message.endswith(
        "Provider returned error (Anthropic): prompt is too long: 9 tokens > 8 maximum"
    )
    hidden = {**error, "metadata": {"raw": f"no {KEY}", "provider_name": KEY}}
    assert KEY not in shown(CLASSIFIER.in_band(hidden))


@each_row(
    ("param", "kind"),
    [
        (None, ContextLengthExceeded),
        ("messages[17].content", ContextLengthExceeded),
        ("messages[1].content[0].text", ContextLengthExceeded),
        ("messages[2].tool_calls[0].function.arguments", ContextLengthExceeded),
        ("input[3]", ContextLengthExceeded),
        ("input[3].output", ContextLengthExceeded),
        ("instructions", ContextLengthExceeded),
        ("tools[0].function.name", BadRequest),
        ("tools[0].function.description", BadRequest),
        ("input[3].call_id", BadRequest),
        ("metadata.text_of", BadRequest),
        ("prompt_cache_key", BadRequest),
        ("user", BadRequest),
    ],
)
def test_a_name_that_is_too_long_is_no_conversation_that_is(
    param: str | None, kind: type[RequestError]
) -> None:
    """OpenAI has one code for both; a client that is told of the other shortens what it has said."""
    told = {"message": "string too long", "param": param, "code": "string_above_max_length"}
    error = CLASSIFIER.http_error(400, {}, json.dumps({"error": told}).encode())
    assert (type(error), error.param) == (kind, param)


@pytest.mark.parametrize(
    "inner",
    [
        {"error": {"message": "it is too long", "code": "context_length_exceeded", "param": "messages"}},
        {"message": "it is too long", "code": "context_length_exceeded", "param": "messages"},
    ],
)
def test_an_error_that_is_the_message_of_another_is_understood(inner: dict[str, object]) -> None:
    """As servers in between put what they got: https://github.com/caozhiyuan/copilot-api/issues/54."""
    told = {"error": {"message": json.dumps(inner) + "\n", "type": "error"}}
    error = CLASSIFIER.http_error(400, {}, json.dumps(told).encode())
    assert (type(error), error.param) == (ContextLengthExceeded, "messages")
    assert error.message.endswith("answered 400: it is too long")
    assert type(CLASSIFIER.in_band(told["error"])) is ContextLengthExceeded


@each_row(
    ("told", "kind"),
    [
        ("litellm.BadRequestError: AnthropicException - {}. Received Model Group=claude", Forbidden),
        ("litellm.BadRequestError: AnthropicException - b'{}' LiteLLM Retried: 2 times", Forbidden),
        ("litellm.BadRequestError: VertexAIException BadRequestError - {}", Forbidden),
        ("Invalid input: litellm.BadRequestError: AnthropicException - {}", BadRequest),
    ],
)
def test_an_error_behind_the_words_of_litellm_is_understood(told: str, kind: type[RequestError]) -> None:
    """https://github.com/BerriAI/litellm/issues/20575; a client cannot choose how a message begins."""
    inner = {"type": "invalid_request_error", "message": "Your credit balance is too low"}
    body = json.dumps({"type": "error", "error": inner})
    error = http_error(400, message=told.replace("{}", body), code="400")
    assert type(error) is kind
    assert ("litellm" in error.message) == (kind is BadRequest)


@pytest.mark.parametrize(
    "message", ["{", "{}", '{"error": 5}', '{"a": {"message": "m"}}', '{"error": {"code": "c"}}']
)
def test_a_message_that_only_looks_so_is_told_as_it_is(message: str) -> None:
    told = json.dumps({"error": {"message": message}}).encode()
    assert CLASSIFIER.http_error(400, {}, told).message.endswith(f"answered 400: {message}")


def test_a_message_that_is_nested_too_deep_is_told_as_it_is() -> None:
    assert '{"a":{"a":' in http_error(400, message='{"a":' * 800).message


@each_row(
    ("error", "kind"),
    [
        ({"message": "m", "code": "rate_limit_exceeded"}, RateLimited),
        ({"message": "m", "code": 429}, RateLimited),
        ({"message": "m", "code": "503"}, ServerError),
        ({"message": "m", "type": "server_error"}, ServerError),
        ("just text", ServerError),
        (True, ServerError),
    ],
)
def test_an_error_inside_an_answer_is_classified_too(error: object, kind: type[RequestError]) -> None:
    assert type(CLASSIFIER.in_band(error)) is kind


def shown(error: RequestError) -> str:
    """All that a client or a log could get of `error`."""
    return f"{error.message} {error.code} {error.param} {error.request_id}"


PLACES = ["message", "code", "type", "param", "status", "request_id", "x-request-id"]


@each_row("status", [400, 401, 404, 429, 500])
@each_row("place", PLACES)
def test_the_key_is_not_passed_on_wherever_the_provider_puts_it(status: int, place: str) -> None:
    headers = {place: KEY} if place == "x-request-id" else {}
    body = {"error": {"message": "no", place: f"{KEY}"}, "request_id": KEY}
    assert KEY not in shown(CLASSIFIER.http_error(status, headers, json.dumps(body).encode()))
    assert KEY not in shown(CLASSIFIER.http_error(status, headers, f"the key is {KEY}".encode()))
    assert KEY not in shown(CLASSIFIER.in_band(body["error"]))


@each_row("code", ["x\ny", "x\x1b[2J", "x" * 65, "x y", "é", "\u202ex"])
def test_a_code_that_is_none_is_not_passed_on(code: str) -> None:
    assert http_error(500, code).code == "server_error"
    assert CLASSIFIER.in_band({"message": "m", "code": code}).code == "server_error"


def test_a_code_that_is_known_is_passed_on_though_a_short_key_is_a_part_of_it() -> None:
    classifier = Classifier(remote_plan(), Secret("key", "x"))
    assert classifier.in_band({"message": "m", "code": "invalid_api_key"}).code == "invalid_api_key"


def test_a_code_of_ordinary_characters_is_passed_on() -> None:
    assert http_error(400, "models/not-found.v2").code == "models/not-found.v2"


@each_row("code", ["9" * 5000, "\u0664\u0662\u0669", 10**30, -1, 4.29, True, [], {}])
def test_a_number_that_is_no_status_says_nothing(code: object) -> None:
    assert type(CLASSIFIER.in_band({"message": "m", "code": code})) is ServerError


@pytest.mark.parametrize("status", [101, 202, 204, 206])
def test_an_answer_without_content_is_the_providers_fault(status: int) -> None:
    assert type(CLASSIFIER.http_error(status, {}, b"")) is ServerError


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, ServerError), (404, ServerError), (403, Forbidden), (429, RateLimited), (502, ServerError)],
)
def test_a_page_did_not_come_from_the_api(status: int, kind: type[RequestError]) -> None:
    error = CLASSIFIER.http_error(status, {}, b"\n<!doctype html><html><script>x</script></html>")
    assert type(error) is kind
    assert "script" not in error.message
    assert "a wrong `endpoint`" in error.message


@each_row(("phrase", "kind", "code"), [each[:3] for each in PHRASES])
def test_documented_words_say_what_a_400_without_a_code_means(
    phrase: str, kind: type[RequestError], code: str | None
) -> None:
    error = http_error(400, message=f"Your {phrase.capitalize()} here.")
    assert type(error) is kind
    assert error.code == (code or kind.code)
    assert type(http_error(413, message=phrase)) is kind
    assert type(http_error(500, message=phrase)) is ServerError


@each_row(
    ("told", "code", "retryable"),
    [
        ("Your account is suspended due to insufficient balance", "insufficient_quota", False),
        ("Your team t has either used all available credits or", "insufficient_quota", False),
        ("余额不足或无可用资源包,请充值。", "insufficient_quota", False),
        ("Too many tokens, please wait before trying again.", "rate_limited", True),
    ],
)
def test_a_limit_that_is_money_is_not_waited_for(told: str, code: str, retryable: bool) -> None:
    error = http_error(429, message=told)
    assert (type(error), error.code, error.retryable) == (RateLimited, code, retryable)
    if not retryable:
        for status in (401, 403):
            error = http_error(status, message=told)
            assert (type(error), error.code, error.retryable) == (Forbidden, code, False)
            assert told in error.message


def test_a_500_that_begins_with_money_that_is_spent_is_no_failure_of_the_server() -> None:
    error = http_error(500, message="insufficient balance (1008)")
    assert (type(error), error.code, error.retryable) == (Forbidden, "insufficient_quota", False)


@each_row(
    ("status", "message", "kind"),
    [
        (500, "Failed to parse input at pos 0: insufficient balance", ServerError),
        (400, "Invalid value: 'credit balance is too low'. Supported values are: 'low'.", BadRequest),
        (400, "[{'loc': ('body', 'min_p'), 'input': 'user location is not supported'}]", BadRequest),
        (403, 'You may not say "insufficient balance"', Forbidden),
        (400, "Invalid 'user': it exceeds the maximum allowed length of 64.", BadRequest),
    ],
)
def test_words_of_a_request_that_a_provider_repeats_say_nothing_of_the_account(
    status: int, message: str, kind: type[RequestError]
) -> None:
    error = http_error(status, message=message)
    assert (type(error), error.code) == (kind, kind.code)


def test_a_used_up_plan_of_chatgpt_is_asked_again_when_it_says() -> None:
    said = {"type": "usage_limit_reached", "message": "The usage limit has been reached"}
    body = json.dumps({"error": {**said, "resets_in_seconds": 529498}}).encode()
    error = CLASSIFIER.http_error(429, {}, body)
    assert (type(error), error.code, error.retryable) == (RateLimited, "usage_limit_exceeded", False)
    assert error.retry_after == 529498


def test_an_azure_filter_says_what_it_found() -> None:
    result = {
        "jailbreak": {"filtered": True, "detected": True},
        "hate": {"filtered": False},
        "\n": {},
        "x": 1,
    }
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": result}
    body = {"error": {"message": "The prompt was filtered.", "code": "content_filter", "innererror": inner}}
    error = CLASSIFIER.http_error(400, {}, json.dumps(body).encode())
    assert isinstance(error, ContentFiltered)
    assert "answered 400 (filtered: jailbreak): The prompt was filtered." in error.message


@pytest.mark.parametrize(
    ("status", "type", "detail", "kind", "retryable"),
    [
        (429, "rate_limit_error", "contract_spend_limit_reached", RateLimited, False),
        (429, "rate_limit_error", "enforced_spend_limit_reached", RateLimited, False),
        (429, "rate_limit_error", "ramp_limit_exceeded", RateLimited, True),
        (400, "invalid_request_error", "organization_on_hold", Forbidden, False),
        (400, "invalid_request_error", "image_dimensions_too_large", BadRequest, False),
    ],
)
def test_what_anthropic_says_in_details_decides_too(
    status: int, type: str, detail: str, kind: type[RequestError], retryable: bool
) -> None:
    said = {"type": type, "message": "no", "details": {"error_code": detail}}
    error = CLASSIFIER.http_error(status, {}, json.dumps({"type": "error", "error": said}).encode())
    assert (error.__class__, error.retryable, error.code) == (kind, retryable, detail)
