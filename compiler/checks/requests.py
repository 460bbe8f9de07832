"""Parameters that a deployment adds to requests: what its task has, and what its model takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.kinds import RuntimeKind, TaskKind, TransportKind, UnsupportedAction, VerbosityLevel
from ...dsl.record import fields
from ...dsl.requests import RequestParameters
from ...dsl.suggest import either, every
from ..capabilities import facts_of, facts_with_protocol
from ..declare import Declared

OF_EMBED = ("dimensions", "extra_body")
OF_CHAT = tuple(name for name in fields(RequestParameters) if name != "dimensions")
PARAMETERS: dict[TaskKind, tuple[str, ...]] = {
    TaskKind.CHAT: OF_CHAT,
    TaskKind.GENERATE: ("max_tokens", "temperature", "top_p", "top_k", "seed", "stop"),
    TaskKind.EMBED: OF_EMBED,
}
"""The parameters that requests of each task have; those of other tasks have none."""


def check(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """What is added to requests must be something that they take."""
    if deployment.request is None:
        return
    known = _known(deployment)
    if known is None:
        found.error(
            "E0423",
            f"requests of the task `{deployment.effective_task}` have no parameters",
            declared.span("request"),
            "nothing can be added to them",
            help=f"remove it: {every(f'`{each}`' for each in PARAMETERS)} have some",
        )
        return
    for name in ("defaults", "force"):
        given: RequestParameters | None = getattr(deployment.request, name)
        if given is not None:
            _parameters(declared, deployment, name, given, known, found)
    _never_counts(declared, deployment, found)
    if declared.setting("request", "unsupported") is not None and not _adapts(deployment):
        found.warning(
            "W0424",
            "`unsupported` never counts here",
            declared.span("request", "unsupported"),
            "nothing is left out",
            help="remove it: it is for chats and embeddings of models behind HTTP",
        )


def _adapts(deployment: Deployment) -> bool:
    """Whether its requests are made to fit what the model takes."""
    runtime = deployment.effective_runtime
    is_remote = runtime.transport is TransportKind.REMOTE and runtime is not RuntimeKind.CUSTOM
    return is_remote and deployment.effective_task in (TaskKind.CHAT, TaskKind.EMBED)


def _known(deployment: Deployment) -> tuple[str, ...] | None:
    known = PARAMETERS.get(deployment.effective_task)
    local = deployment.effective_runtime.transport is TransportKind.LOCAL
    if known is None or not (local or deployment.effective_runtime is RuntimeKind.CUSTOM):
        return known
    return tuple(name for name in known if name != "extra_body")


def _parameters(
    declared: Declared,
    deployment: Deployment,
    block: str,
    given: RequestParameters,
    known: tuple[str, ...],
    found: Diagnostics,
) -> None:
    assert deployment.request is not None
    known_facts = facts_of(deployment)
    facts = facts_with_protocol(deployment, known_facts.values)
    perhaps = {name: value for name, (value, _) in known_facts.inferred.items()}
    drops = deployment.request.unsupported is UnsupportedAction.DROP
    if not facts.get("thinks_unasked") or any(
        each is not None
        and (each.reasoning_effort is not None or facts.get("rests_by") in (each.extra_body or ()))
        for each in (deployment.request.defaults, deployment.request.force)
    ):
        unless_at_rest: Collection[str] = ()
        unheeded: Collection[str] = ()
    else:
        unless_at_rest = facts.get("refused_with_thoughts", ())
        unheeded = facts.get("ignored_with_thoughts", ())
    for name, other in _together(given, facts):
        if name in facts.get("refused_sampling", ()):
            continue  # which is said below
        say = found.warning if drops else found.error
        say(
            "W0424" if drops else "E0423",
            f"`{deployment.model}` does not take `{name}` together with `{other}`",
            declared.span("request", block, name),
            "is left out of every request" if drops else "refused beside it",
            secondary=[Label(declared.span("request", block, other), "the other one")],
            help=f"remove `{name}` or `{other}`",
        )
    for name in fields(RequestParameters):
        value = getattr(given, name)
        if value is None:
            continue
        path = ("request", block, name)
        if name not in known:
            task = deployment.effective_task
            has_body = name == "extra_body"
            found.error(
                "E0423",
                f"no body goes out for `{deployment.name}`"
                if has_body
                else f"requests of the task `{task}` have no `{name}`",
                declared.span(*path),
                "nothing reads it" if has_body else "not a parameter of this task",
                help="`extra_body` is for models behind HTTP"
                if has_body
                else f"parameters here are {every(f'`{each}`' for each in known)}",
            )
        elif name == "extra_body":
            from . import extra_bodies  # few files have any

            extra_bodies.check(declared, deployment, path, value, found)
        elif (why := _refused(name, value, facts) or _while_it_thinks(name, unless_at_rest)) is not None:
            say = found.warning if drops else found.error
            say(
                "W0424" if drops else "E0423",
                f"`{deployment.model}` {why[0]}",
                declared.span(*path),
                "is left out of every request" if drops else why[1],
                help="remove it" if drops else why[2],
            )
        elif (never := name in facts.get("ignored_sampling", ())) or name in unheeded:
            found.warning(
                "W0424",
                f"`{deployment.model}` heeds no `{name}`" + " while it thinks" * (not never),
                declared.span(*path),
                "is left out of every request"
                if never
                else "is left out while it thinks, as it does unasked",
                help="remove it" if never else "remove it, or write `reasoning_effort = none`",
            )
        elif perhaps and (why := _refused(name, value, {**facts, **perhaps})) is not None:
            from_what = "; ".join(dict.fromkeys(each for _, each in known_facts.inferred.values()))
            found.note(
                "N0434",
                f"perhaps `{deployment.model}` {why[0]}",
                declared.span(*path),
                "goes out as it is",
                help=f"that is inferred from {from_what}; if requests are refused, {why[2]}",
            )


def _refused(name: str, value: Any, facts: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Why the model does not take `value`, in short, and what to do; None where it may."""
    if name in facts.get("refused_sampling", ()):
        return f"takes no `{name}`", "refused by its provider", "remove it"
    if name == "verbosity" and value != VerbosityLevel.MEDIUM and _lacks(name, facts):
        return f"takes no `{name}`", "its provider has no such field", "remove it"
    if name == "temperature" and value > facts.get("greatest_temperature", value):
        most = f"{facts['greatest_temperature']:g}"
        return f"takes a `temperature` of {most} at most", f"more than {most}", f"write {most} or less"
    if name == "max_tokens" and value > facts.get("greatest_output", value):
        most = f"{facts['greatest_output']}"
        return f"writes {most} tokens at most", f"more than {most}", f"write {most} or less"
    if name == "top_logprobs" and value > facts.get("most_top_logprobs", value):
        return _at_most(name, facts["most_top_logprobs"])
    if name == "n" and value > facts.get("most_choices", value):
        return _at_most(name, facts["most_choices"])
    if name == "stop" and len(value) > facts.get("most_stop", len(value)):
        most = facts["most_stop"]
        return f"takes {most} texts to `stop` at most", f"these are {len(value)}", "remove some"
    if name == "dimensions" and value > facts.get("greatest_dimensions", value):
        most = facts["greatest_dimensions"]
        if most == 0:
            return "gives vectors of one length", "it cannot be chosen", "remove it"
        return f"gives vectors of {most} numbers at most", f"more than {most}", f"write {most} or less"
    if name == "dimensions" and value not in facts.get("dimensions", (value,)):
        *others, last = map(str, facts["dimensions"])
        lengths = f"{', '.join(others)} or {last}"
        return f"gives vectors of {lengths} numbers", "none of these", f"write {lengths}"
    if name == "dimensions" and value < facts.get("least_dimensions", value):
        least = facts["least_dimensions"]
        return f"gives vectors of {least} numbers at least", f"fewer than {least}", f"write {least} or more"
    if name == "reasoning_effort":
        return _effort(value, facts)
    return None


def _lacks(name: str, facts: Mapping[str, Any]) -> bool:
    """Whether the provider has no such field in its requests."""
    taken = facts.get("extra_fields")
    return name not in taken if taken is not None else name in facts.get("lacking_fields", ())


def _while_it_thinks(name: str, refused: Collection[str]) -> tuple[str, str, str] | None:
    if name not in refused:
        return None
    return (
        f"takes no `{name}` while it thinks",
        "refused, because it thinks unless it is told not to",
        "remove it, or write `reasoning_effort = none` beside it",
    )


def _together(given: RequestParameters, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Parameters that the model does not take beside another one of the block, and the other."""
    wrote = [name for name in fields(RequestParameters) if getattr(given, name) is not None]
    for group in facts.get("one_of_sampling", ()):
        both = [name for name in group if name in wrote]
        yield from ((name, both[0]) for name in both[1:])
    if given.reasoning_effort not in (None, "none"):
        beside = facts.get("refused_with_thoughts", ())
        yield from ((name, "reasoning_effort") for name in beside if name in wrote)


def _at_most(name: str, most: int) -> tuple[str, str, str]:
    return f"takes {most} as `{name}` at most", f"more than {most}", f"write {most} or less"


def _effort(value: str, facts: Mapping[str, Any]) -> tuple[str, str, str] | None:
    thinks, efforts = facts.get("thinks"), facts.get("efforts")
    if thinks == "no":
        return None if value == "none" else ("does not think", "it has no effort to choose", "remove it")
    if value == "none":
        if facts.get("can_rest") is False:
            return "cannot be told not to think", "it always thinks", "remove it"
        return None
    if thinks in ("effort", "level", "adaptive") and efforts and value not in efforts:
        listed = either(f"`{each}`" for each in efforts)
        return f"knows no effort `{value}`", "not one of its efforts", f"write {listed}"
    return None


def _never_counts(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """A default that is overridden whatever the client says."""
    assert deployment.request is not None
    defaults, force = deployment.request.defaults, deployment.request.force
    if defaults is None or force is None:
        return
    for name in fields(RequestParameters):
        if name == "extra_body" or getattr(defaults, name) is None or getattr(force, name) is None:
            continue
        found.warning(
            "W0424",
            f"the default of `{name}` never counts",
            declared.span("request", "defaults", name),
            secondary=[Label(declared.span("request", "force", name), "always sent")],
            help="remove one of them",
        )
