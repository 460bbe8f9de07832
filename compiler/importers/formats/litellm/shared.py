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
        switch = self._files.setting("litellm_settings", "cache")
        lasts = self._files.setting("litellm_settings", "cache_params", "ttl")
        if switch is None or switch.value is not True:
            self._draft.kept(switch)
            return
        try:
            time = seconds(lasts) if lasts is not None else _KEPT_FOR
        except Unfit as unfit:
            self._draft.lost(lasts, str(unfit))
            return
        for made in self._files.deployments():
            kind = made.label_of("task")
            if kind in ("", "embed"):
                cache(made, time, *((switch, lasts) if lasts is not None else (switch,)))
        self._draft.kept(switch, lasts)
