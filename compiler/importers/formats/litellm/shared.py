"""What a LiteLLM file says once for all its models: a `let` for each, which the deployments name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .....dsl.units import Duration
from ...draft import Constant, Deployment, Draft
from ...foreign import Node
from ...literals import Code
from ...requests import cache
from ...tables import Unfit, positive, seconds, whole
from .groups import Files
from .parameters import IN_ALL

_KEPT_FOR = Duration(600)
"""How long LiteLLM keeps an answer in memory where the file does not say."""
_KEPT_IN_REDIS = Duration(60)
_REDIS = "redis"


class Shared:
    """Puts the settings of the router and of the library into all deployments that say nothing else."""

    def __init__(self, draft: Draft, files: Files) -> None:
        self._draft = draft
        self._files = files

    def put(self) -> None:
        draft = self._draft
        timeout = self._one_of(("router_settings", "timeout"), ("litellm_settings", "request_timeout"))
        self._everywhere("default_timeout", timeout, seconds, ("timeouts.total", "timeouts.request"), IN_ALL)
        streamed = self._files.setting("router_settings", "stream_timeout")
        self._everywhere(
            "default_pause", streamed, seconds, ("timeouts.read",), "here between two pieces of any answer"
        )
        retries = self._one_of(("router_settings", "num_retries"), ("litellm_settings", "num_retries"))
        self._everywhere("default_retries", retries, whole, ("retry.max_retries",))
        wait = self._files.setting("router_settings", "retry_after")
        self._everywhere("default_backoff", wait, seconds, ("retry.initial_backoff",))
        fails = self._one_of(("router_settings", "allowed_fails"), ("litellm_settings", "allowed_fails"))
        self._everywhere(
            "default_failures",
            fails,
            lambda node: whole(node) + 1,
            ("circuit_breaker.failure_threshold",),
            "here failures in a row; in LiteLLM more than these in a minute",
        )
        rest = self._one_of(("router_settings", "cooldown_time"), ("litellm_settings", "cooldown_time"))
        self._everywhere("default_cooldown", rest, seconds, ("circuit_breaker.open_duration",))
        most = self._files.setting("general_settings", "max_parallel_requests")
        self._everywhere("default_concurrent", most, positive, ("serving.max_concurrent",))
        drop = self._files.setting("litellm_settings", "drop_params")
        if drop is not None:
            for made in self._chats() if drop.value is True else ():
                if not made.has("request.unsupported"):
                    made.put("request.unsupported", Code("drop"), drop)
            draft.kept(drop)
        self._cache()

    def _one_of(self, *paths: tuple[str, str]) -> Node | None:
        """The first of several settings that is there; the others count for nothing."""
        found = [node for path in paths if (node := self._files.setting(*path)) is not None]
        for other in found[1:]:
            self._draft.lost(other, f"{found[0].path} goes first")
        return found[0] if found else None

    def _everywhere(
        self,
        name: str,
        node: Node | None,
        read: Callable[[Node], object],
        paths: Iterable[str],
        changed: str = "",
    ) -> None:
        """A setting of all deployments that say nothing else: a `let`, and its name where it counts."""
        if node is None:
            return
        draft = self._draft
        try:
            value = read(node)
        except Unfit as unfit:
            draft.lost(node, str(unfit))
            return
        constant = Constant(name, value)
        is_used = False
        for made in self._files.deployments():
            for path in paths:
                full = path if path.startswith("serving") else f"runtime.{path}"
                if not made.has(full):
                    made.put(full, Code(name), node)
                    is_used = True
        if not is_used:
            draft.lost(node, "every model says its own")
            return
        if changed:
            draft.changed(node, changed, constant.remarks)
        else:
            draft.kept(node)
        draft.constants.append(constant)

    def _chats(self) -> list[Deployment]:
        return [made for made in self._files.deployments() if "task" not in made.items]

    def _cache(self) -> None:
        """Source: LiteLLM's `Cache`: opt-in by request where `mode` says so, and only for some calls."""
        draft, switch, params = self._draft, self._setting("cache"), self._setting("cache_params")
        if switch is None or switch.value is not True:
            draft.kept(switch)
            return
        if params is not None and not params.entries:
            draft.kept(params)
            params = None
        calls = params.get("supported_call_types") if params is not None else None
        if params is not None and (mode := params.get("mode")) is not None:
            if mode.value == "default_off":
                for node in (switch, mode):
                    draft.lost(node, "LiteLLM caches where a request asks for it: here, write `cache { … }`")
                return
            draft.kept(mode)
        try:
            time, lasts = _kept_for(params)
        except Unfit as unfit:
            draft.lost(switch, f"how long answers are kept cannot be read: {unfit}")
            return
        cached = [made for made in self._files.deployments() if _is_cached(made, calls)]
        for made in cached:
            cache(made, time, *(each for each in (switch, lasts) if each is not None))
        if not cached and calls is not None:
            draft.lost(switch, "LiteLLM caches no calls of these models, and shares limits in Redis alone")
        draft.kept(switch, lasts, calls)

    def _setting(self, name: str) -> Node | None:
        return self._files.setting("litellm_settings", name)


def _kept_for(params: Node | None) -> tuple[Duration, Node | None]:
    """How long answers are kept, and what says so; in Redis a minute where nothing does. Raises Unfit."""
    kind = (params.text("type") or "local") if params is not None else _REDIS
    own = "default_in_redis_ttl" if kind.startswith(_REDIS) else "default_in_memory_ttl"
    named = (own, "ttl", "default_redis_ttl") if kind.startswith(_REDIS) else (own, "ttl")
    said = (params.get(name) for name in named) if params is not None else ()
    lasts = next((each for each in said if each is not None), None)
    usual = _KEPT_IN_REDIS if kind.startswith(_REDIS) else _KEPT_FOR
    return seconds(lasts) if lasts is not None else usual, lasts


_CALLS = {"": ("completion", "responses", "messages"), "embed": ("embedding",)}
"""Parts of the names of LiteLLM's calls, by the task of what they ask."""


def _is_cached(made: Deployment, calls: Node | None) -> bool:
    """Whether answers of a deployment are cached. calls: the only ones that are; None: all."""
    words = _CALLS.get(made.label_of("task"), ())
    listed = None if calls is None else [str(each.value) for each in calls.items]
    return bool(words) and (listed is None or any(word in each for word in words for each in listed))
