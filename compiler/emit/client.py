"""A typed client for what a plan serves, as one module in Python or TypeScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

from ...dsl.kinds import TaskKind
from ...dsl.record import frozen
from ..plan import DeploymentPlan, Plan, RemotePoolPlan
from ..plan.open_names import is_pattern
from ..plan.reach import members_of, names_of
from ..plan.tasks import ClassifySpec
from ..plan.types import TypeKind
from .client_names import PYTHON, TYPESCRIPT, Language, Taken, Types, methods
from .quoting import Verbatim, environment

_NAMES_OF_THE_MODULES = """
Client AsyncClient InfercError Text Step Result Bytes Json Base64 Any Annotated AsyncIterator
Iterator Sequence Mapping Generic Literal TypeVar T Final Message ChatModel EmbedModel Request
Response BaseModel Converter TypeAdapter ConfigDict Field BeforeValidator PlainSerializer Options
Event Array Record TextDecoder fetch Error Math JSON Object Number String AsyncGenerator Promise
Partial NAMES attrs aiohttp urllib codecs json override dataclass quote
"""
_CLASSES = frozenset(_NAMES_OF_THE_MODULES.split())
_PARAMETERS = frozenset({"self"})


@frozen
class Group:
    """What can be asked for by name in one way. methods: that ask. classes: which only they need."""

    methods: tuple[str, ...]
    model: str
    serves: Callable[[DeploymentPlan], bool]
    classes: tuple[str, ...] = ()


def _does(*tasks: TaskKind) -> Callable[[DeploymentPlan], bool]:
    return lambda deployment: deployment.task_kind in tasks


def _labels_parts(deployment: DeploymentPlan) -> bool:
    """Whether it labels parts of a text, and not texts as a whole."""
    task = getattr(deployment, "task", None)
    return isinstance(task, ClassifySpec) and task.aggregation is not None


GROUPS: dict[str, Group] = {
    "chats": Group(("chat", "stream_chat"), "ChatModel", _does(TaskKind.CHAT, TaskKind.GENERATE)),
    "embeds": Group(("embed",), "EmbedModel", _does(TaskKind.EMBED)),
    "reranks": Group(("rerank",), "RerankModel", _does(TaskKind.RERANK), ("RankedDocument",)),
    "classifies": Group(
        ("classify",),
        "ClassifyModel",
        lambda each: each.task_kind is TaskKind.CLASSIFY and not _labels_parts(each),
        ("ClassLabel", "Tensor"),
    ),
    "finds": Group(("find_spans",), "SpanModel", _labels_parts, ("TextSpan",)),
    "infers": Group(("infer",), "TensorModel", _does(TaskKind.TENSOR), ("Tensor",)),
}


class Models(StrEnum):
    """What the records of a client in Python are made with."""

    ATTRS = "attrs"
    PYDANTIC = "pydantic"


def python_client(source: str, plan: Plan, models: Models) -> str:
    """The module; source: the name of the file that the plan was made from."""
    return _rendered("client.py.j2", PYTHON, source, plan, pydantic=models is Models.PYDANTIC, models=models)


def typescript_client(source: str, plan: Plan) -> str:
    """The same in TypeScript, without dependencies."""
    return _rendered("client.ts.j2", TYPESCRIPT, source, plan)


def _rendered(template: str, language: Language, source: str, plan: Plan, **more: object) -> str:
    names = {group: list(_names(plan, each)) for group, each in GROUPS.items()}
    used = [GROUPS[group] for group, known in names.items() if known]
    classes = {name for each in used for name in (each.model, *each.classes)}
    types = Types(language, Taken({*_CLASSES, *classes}))
    taken = frozenset(method for each in used for method in each.methods)
    made = list(methods(plan.pipelines, types, taken, _PARAMETERS))
    models_of = {
        GROUPS[group].model: Verbatim(language.choice([language.literal(each) for each in known]))
        for group, known in names.items()
        if known
    }

    def literal(value: object) -> str:
        return value if isinstance(value, Verbatim) else language.literal(value)

    return (
        environment(literal)
        .get_template(template)
        .render(
            source=source,
            methods=made,
            records=(records := list(types.records.values())),
            renames=any(each.renamed for each in records),
            model_types=models_of,
            **names,
            **more,
        )
    )


def _names(plan: Plan, group: Group) -> Iterator[str]:
    """What can be asked for by name and is served so."""
    deployments = {each.deployment: each for each in plan.deployments}
    routes = {each.route: each for each in plan.routes}
    chatting = {
        each.pipeline
        for each in plan.pipelines
        if each.result.kind in (TypeKind.TEXT, TypeKind.CHOICE)
        and [part.type.kind for part in each.parameters] == [TypeKind.TEXT]
    }
    for name in names_of(plan):
        first = name
        while first in routes:
            first = members_of(routes[first])[0]
        deployment = deployments.get(first)
        if is_pattern(name) or (isinstance(deployment, RemotePoolPlan) and deployment.is_wildcard):
            continue
        if (deployment is not None and group.serves(deployment)) or (
            name in chatting and "chat" in group.methods
        ):
            yield name
