"""TensorZero's `tensorzero.toml`, read from its models to its gateway."""

from __future__ import annotations

from ...draft import Block, Constant, Draft
from ...foreign import Node
from ...literals import Code
from ...origin import Origin
from ...tables import Lost, Table, Unfit, follow, milliseconds
from ..atomr import OPEN
from .functions import Functions
from .models import IN_ALL, Models

_WATCH = "inferc tells by metrics at `/metrics`, `inferc run --traces` and `--access-log json`"
_LIMITS = "`gateway { key name { rate_limits { … } } }` limits what each key may ask for"

_TOP: Table = {
    "gateway.observability.**": Lost(_WATCH),
    "gateway.export.**": Lost(_WATCH),
    "gateway.debug": Lost("`inferc run --log-level debug` says more"),
    "gateway.auth.**": Lost("`gateway { key name { secret = env(…) } }`: each key stands in the file"),
    "metrics.*": Lost("inferc takes no feedback: measure where answers are used"),
    "tools.*": Lost("tools come with requests"),
    "evaluations.*": Lost("inferc takes no feedback: measure where answers are used"),
    "rate_limiting.**": Lost(_LIMITS),
    "object_storage.**": Lost("inferc stores no files"),
    "clickhouse.**": Lost(_WATCH),
    "postgres.**": Lost(_WATCH),
    "provider_types.**": Lost("each deployment names its key"),
}


def recognises(root: Node) -> bool:
    """Whether this is a configuration of TensorZero."""
    models = root.get("models")
    routed = models is not None and any("routing" in each.entries for each in models.entries.values())
    functions = root.get("functions")
    has_functions = functions is not None and any(each.entries for each in functions.entries.values())
    return routed or (has_functions and "model_list" not in root.entries)


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put a whole file into the draft."""
    models = Models(draft)
    for section, task in (("models", ""), ("embedding_models", "embed")):
        found = root.get(section)
        for name, node in (found.entries if found is not None else {}).items():
            models.put(name, node, task)
    functions = root.get("functions")
    for name, node in (functions.entries if functions is not None else {}).items():
        Functions(draft, models).put(name, node)
    _gateway(root, draft)
    follow(_TOP, root, draft, Block(remarks=draft.remarks))


def _gateway(root: Node, draft: Draft) -> None:
    bind = root.get("gateway", "bind_address")
    if bind is not None:
        draft.gateway.put("bind", str(bind.value), bind)
        draft.gateway.put("auth", Code("none"))
        draft.told.append(OPEN)
        draft.kept(bind)
    whole_time = root.get("gateway", "global_outbound_http_timeout_ms")
    if whole_time is None:
        return
    try:
        value = milliseconds(whole_time)
    except Unfit as unfit:
        draft.lost(whole_time, str(unfit))
        return
    constant = Constant("default_timeout", value)
    for made in draft.deployments:
        for path in ("runtime.timeouts.total", "runtime.timeouts.request"):
            if not made.has(path):
                total = made.value("runtime.timeouts.total")
                given = total if path.endswith("request") and total is not None else Code(constant.name)
                made.put(path, given, whole_time)
    draft.constants.append(constant)
    draft.changed(whole_time, IN_ALL, constant.remarks)
