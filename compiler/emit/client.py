"""A typed client for what a plan serves, as one module in Python or TypeScript."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from ...dsl.kinds import TaskKind
from ..plan import Plan, RemotePoolPlan
from ..plan.reach import members_of, names_of
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
_METHODS = frozenset({"chat", "stream_chat", "embed"})
_PARAMETERS = frozenset({"self"})


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
    types = Types(language, Taken(set(_CLASSES)))
    made = list(methods(plan.pipelines, types, _METHODS, _PARAMETERS))
    chats = list(_names(plan, (TaskKind.CHAT, TaskKind.GENERATE)))
    embeds = list(_names(plan, (TaskKind.EMBED,)))

    def literal(value: object) -> str:
        return value if isinstance(value, Verbatim) else language.literal(value)

    return (
        environment(literal)
        .get_template(template)
        .render(
            source=source,
            methods=made,
            records=list(types.records.values()),
            chats=chats,
            embeds=embeds,
            chat_model=Verbatim(language.choice([language.literal(each) for each in chats])),
            embed_model=Verbatim(language.choice([language.literal(each) for each in embeds])),
            **more,
        )
    )


def _names(plan: Plan, tasks: tuple[TaskKind, ...]) -> Iterator[str]:
    """What can be asked for by name and does one of `tasks`."""
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
        if isinstance(deployment, RemotePoolPlan) and deployment.is_wildcard:
            continue
        if (deployment is not None and deployment.task_kind in tasks) or (
            name in chatting and TaskKind.CHAT in tasks
        ):
            yield name
