"""One entry of LiteLLM's `model_list` as a deployment."""

from __future__ import annotations

from .....dsl.catalogues.models import find_model
from .....dsl.catalogues.other_providers import find_other
from .....dsl.kinds import ProviderKind
from .....dsl.units import Money
from ....checks.remote_tasks import TASKS
from ...budgets import budget
from ...draft import Block, Deployment, Draft
from ...foreign import Node
from ...providers import known_task
from ...report import Outcome
from ...tables import Unfit, follow
from .parameters import INFO, PARAMETERS
from .surroundings import Surroundings
from .targets import aim
from .tiers import tiers

_ELSEWHERE = "inferc has no runtime for it: leave it to a LiteLLM proxy, `runtime litellm { endpoint = … }`"
_NO_TASK = (
    "inferc serves chats, vectors, rankings, classes, pictures, sounds and moderations: leave this model to "
    "a LiteLLM proxy"
)

_BY_UNIT = ("per_search", "per_second", "per_image", "per_character")
"""Prices beside which there may be none of tokens."""

_TASKS: dict[str, str] = {
    "chat": "chat",
    "completion": "chat",
    "responses": "chat",
    "embedding": "embed",
    "rerank": "rerank",
}
_AS_THEY_ARE = frozenset(
    {"audio_speech", "audio_transcription", "image_edit", "image_generation", "moderation"}
)
"""Modes whose requests go on to who speaks OpenAI's protocol."""
_NOT_HERE = frozenset({"batch", "ocr", "realtime", "search", "vector_store", "video_generation"})
_LIMITS = ("rpm", "tpm")
"""What an entry may say beside its parameters, too: LiteLLM's router looks at both places."""
_OWN_PROTOCOL = frozenset({"anthropic", "bedrock", "gemini"})
_DRAWS = ("imagen-", "veo-", "lyria-")
"""How Google's models are called that make pictures, films and music, and hold no chats."""


def deployment_of(entry: Node, group: str, around: Surroundings, draft: Draft) -> Deployment:
    """The deployment for one entry, without its name. Raises Unfit when there is no such thing here."""
    made = Deployment(nodes=(entry,))
    params, info = entry.get("litellm_params"), entry.get("model_info")
    mode = info.text("mode") if info is not None else None
    task = None if mode in _NOT_HERE else _TASKS.get(mode or "chat", "chat")
    model = params.get("model") if params is not None else None
    if params is None or model is None or not isinstance(model.value, str):
        raise Unfit("it names no model")
    if task is None:
        raise Unfit(_NO_TASK)
    given = {name: node for name, node in params.entries.items() if node.value is not None}
    if (named := given.pop("litellm_credential_name", None)) is not None:
        values = around.credentials.get(str(named.value))
        if values is None:
            draft.lost(named, "there are no such credentials in this file", made.remarks)
        else:
            draft.kept(named)
            given = {**values.entries, **given}
    try:
        is_here = aim(made, model, given, task, group, around, draft)
    except Unfit as unfit:
        raise Unfit(f"it is not clear what is asked: {unfit}") from None
    if not is_here:
        other = find_other(str(model.value))
        raise Unfit(other.advice(str(model.value)) if other and not other.endpoint else _ELSEWHERE)
    draws = str(made.value("model")).startswith(_DRAWS) and mode is None
    if (draws or mode in _AS_THEY_ARE) and made.block("runtime").label in _OWN_PROTOCOL:
        raise Unfit(_ELSEWHERE)
    draft.kept(entry.get("model_name"), model, given.get("custom_llm_provider"))
    if mode is not None and mode not in _TASKS and mode not in _AS_THEY_ARE:
        draft.lost(entry.get("model_info", "mode"), "LiteLLM has no such mode", made.remarks)
    elif mode is None:
        task = known_task(made) or _named_task(made, model, draft)
    if task != "chat":
        made.block("task").label = task
    _facts(made, given.get("base_model") or entry.get("model_info", "base_model"), draft)
    tiers(made, {**(info.entries if info is not None else {}), **given}, draft)
    budget(made, given.get("max_budget"), given.get("budget_duration"), draft)
    for name in _LIMITS:
        if name not in given and (limit := entry.get(name)) is not None:
            given[name] = limit
    follow(PARAMETERS, Node(params.path, params.line, given), draft, made)
    if info is not None:
        follow(INFO, info, draft, made)
    if any(made.has(f"price.{each}") for each in _BY_UNIT):
        for each in ("price.input", "price.output"):
            if not made.has(each):
                made.put(each, Money(0))
    _price(made, draft)
    if made.has("runtime.timeouts.total") and not made.has("runtime.timeouts.request"):
        made.put("runtime.timeouts.request", made.value("runtime.timeouts.total"))
    return made


def _named_task(made: Deployment, model: Node, draft: Draft) -> str:
    """What a model does whose name says so, such as Ollama's `nomic-embed-text`, which no catalogue knows."""
    name, runtime = str(made.value("model")).lower(), ProviderKind(made.label_of("runtime"))
    for task, does in (("rerank", "ranks"), ("embed", "makes vectors")):
        if task in name and task in TASKS.get(runtime, ()):
            says = f"its name says that it {does}, so it is `task {task}`"
            draft.overrule(Outcome.CHANGED, model, says, made.remarks)
            return task
    return "chat"


def _facts(made: Deployment, base: Node | None, draft: Draft) -> None:
    """What is known of the model that stands behind a name of the user's own."""
    if base is None or not isinstance(base.value, str):
        return
    model = base.value.rpartition("/")[2]
    if made.value("runtime.azure_deployment") is not None:
        made.put("model", model, base)
        draft.kept(base)
        return
    if made.label_of("runtime") == "azure":
        made.put("model_info.base_model", model, base)
        draft.kept(base)
        return
    known = find_model(model)
    if known is None:
        draft.lost(base, "the catalogue does not know it: write `price { … }`", made.remarks)
        return
    for path, value in (
        ("model_info.context_window", known.context_window),
        ("model_info.max_output", known.max_output),
        ("price.input", known.input_price),
        ("price.output", known.output_price if known.output_price is not None else Money(0)),
        ("price.cached_input", known.cached_input_price),
        ("price.flex", known.flex),
        ("price.flex_cached", known.flex_cached),
        ("price.priority", known.priority),
        ("price.ultrafast", known.ultrafast),
    ):
        if value is not None and (known.input_price is not None or not path.startswith("price")):
            made.put(path, value, base)
    draft.changed(
        base, "its price and its sizes are written out, as the catalogue has them today", made.remarks
    )


def _price(made: Deployment, draft: Draft) -> None:
    """A price has two sides: the one that is not named is nothing, as in LiteLLM."""
    price = made.items.get("price")
    if isinstance(price, Block):
        for side in ("input", "output"):
            if side not in price.items:
                price.put(side, Money(0))
