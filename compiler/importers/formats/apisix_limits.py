"""APISIX's plugin `ai-rate-limiting`, which stands beside `ai-proxy`: tokens in a time.

Source: the plugin's schema and docs in apache/apisix.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..draft import Block, Deployment, Draft
from ..foreign import Node
from ..tables import Lost, Table, Unfit, follow, positive

_TOKENS = "runtime.rate_limits.tokens_per_minute"
_MINUTE = 60

_TABLE: Table = {
    "limit_strategy": Lost("a limit of tokens counts those of requests and of answers"),
    "cost_expr": Lost("a limit of tokens counts those of requests and of answers"),
    "rules.**": Lost("what each client may ask is said by `gateway { key name { … } }`"),
    "rejected_code": Lost("what is too much is answered with 429"),
    "rejected_msg": Lost("what is too much is answered with 429, and when to come again"),
    "instances": Lost("no instance here is called so"),
    "*redis*": Lost("inferc shares limits and spend with `inferc run --state redis://…`"),
    "policy": Lost("inferc shares limits and spend with `inferc run --state redis://…`"),
}


def put_limits(limits: Node, made: Mapping[str, Deployment], draft: Draft) -> None:
    """Put the limits of instances into their deployments, and that of all into the others. made: by names."""
    strategy, listed = limits.get("limit_strategy"), limits.get("instances")
    if strategy is None or strategy.value == "total_tokens":
        draft.kept(strategy)
        for each in listed.items if listed is not None else ():
            if (deployment := made.get(each.text("name") or "")) is not None:
                _tokens(each, deployment, draft)
                draft.kept(each.get("name"))
        rest = [deployment for deployment in made.values() if not deployment.has(_TOKENS)]
        for deployment in reversed(rest if limits.get("limit") is not None else []):
            alone = draft if deployment is rest[0] else Draft("")
            _tokens(limits, deployment, alone, "; each instance has its own" if len(rest) > 1 else "")
    follow(_TABLE, limits, draft, next(iter(made.values()), Block(remarks=draft.remarks)))


def _tokens(said: Node, made: Deployment, draft: Draft, more: str = "") -> None:
    limit, window = said.get("limit"), said.get("time_window")
    if limit is None or window is None:
        return
    try:
        seconds = positive(window)
        tokens = max(1, positive(limit) * _MINUTE // seconds)
    except Unfit as unfit:
        draft.lost(limit, str(unfit), made.remarks)
        draft.lost(window, str(unfit), made.remarks)
        return
    made.put(_TOKENS, tokens, limit, window)
    if seconds == _MINUTE and not more:
        draft.kept(limit, window)
    else:
        says = f"a limit is of a minute here: {tokens} tokens{more}"
        draft.changed(limit, says, made.remarks)
        draft.changed(window, says, made.remarks)
