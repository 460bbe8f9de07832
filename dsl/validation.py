"""What can be said about one deployment without looking at any other: ranges and plain sense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from operator import attrgetter
from types import NoneType
from typing import Any

from .catalogues.models import find_tier
from .catalogues.presets import PRESETS
from .fields import MOST
from .kinds import ProviderKind
from .problems import Problem
from .ranges import Range
from .record import fields, is_record
from .runtimes import OpenAIConfig, RemoteConfig, RuntimeConfig
from .units import NUMBER_SUFFIXES
from .values import show

_PROVIDER_NAMES = {ProviderKind.ANTHROPIC: "Anthropic", ProviderKind.OPENAI: "OpenAI"} | {
    ProviderKind(kind.value): preset.title for kind, preset in PRESETS.items()
}


def emptiness(name: str, model: str, sent: str) -> Iterator[Problem]:
    """A name or a model that says nothing. sent: the model without what only says who serves it."""
    if not name.strip():
        yield Problem("E0305", ("name",), "a deployment needs a name", "requests and routes use it")
    if not model.strip():
        yield Problem("E0305", ("model",), "`model` is empty", "name a model, or the path of an `.onnx` file")
    elif not sent.strip():
        what = f"`{model}` says who serves the model, and not which one it is"
        yield Problem("E0305", ("model",), what, f'write the name behind it: `"{model}…"`')


def ranges(value: Any, path: tuple[str, ...] = ()) -> Iterator[Problem]:
    """Walk the attrs values below `value` and compare each number with its field's metadata."""
    cls: Any = type(value)
    values = _values_of(cls)(value)
    for index, kind, looked_into, (name, minimum, bound, at_most) in _numbers(cls, tuple(map(type, values))):
        inner = values[index]
        if looked_into:
            if kind is Range:
                yield from _ends(inner, minimum, at_most, (*path, name))
            elif kind is not dict:
                yield from ranges(inner, (*path, name))
            else:
                for key, each in inner.items():
                    if is_record(type(each)):
                        yield from ranges(each, (*path, name, key))
            continue
        if minimum is not None and inner < minimum:
            wrong = f"at least {minimum}"
        elif bound is not None and inner <= bound:
            wrong = f"more than {bound}"
        elif at_most is not None and inner > at_most:
            wrong = f"at most {at_most}"
        else:
            continue
        yield Problem("E0304", (*path, name), f"`{name}` must be {wrong}, not {show(inner)}")


def _ends(value: Range, minimum: int, at_most: int, path: tuple[str, ...]) -> Iterator[Problem]:
    """A range that goes the wrong way, or past what its field takes."""
    name = path[-1]
    if value.least > value.most:
        wrong = f"`{name}` must go from the smaller number to the larger one, not {value}"
        yield Problem("E0304", path, wrong, f"write `{Range(value.most, value.least)}`")
    elif value.least < minimum:
        yield Problem("E0304", path, f"`{name}` must be at least {minimum}, not {value}")
    elif value.most > at_most:
        yield Problem("E0304", path, f"`{name}` must be at most {at_most}, not {value}")


@cache
def _is_looked_into(kind: type) -> bool | None:
    """Whether values of this kind hold numbers; False of numbers themselves, None of what has no range."""
    if issubclass(kind, str | bool | NoneType) or kind is tuple:
        return None
    return kind in (Range, dict) or is_record(kind)


_Bounds = tuple[str, Any, Any, Any]
"""The name of a field, and its bounds: at least, more than, at most."""


@cache
def _bounds(cls: Any) -> tuple[_Bounds, ...]:
    return tuple(
        (name, each.metadata.get("min"), each.metadata.get("above"), each.metadata.get("max"))
        for name, each in fields(cls).items()
    )


@cache
def _values_of(cls: Any) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the values of all fields of a class."""
    names = tuple(fields(cls))
    return attrgetter(*names) if len(names) > 1 else lambda value: tuple(getattr(value, n) for n in names)


@lru_cache(maxsize=4096)
def _numbers(cls: Any, kinds: tuple[type, ...]) -> tuple[tuple[int, type, bool, _Bounds], ...]:
    """Which fields hold numbers, or what is looked into for them, where all hold values of these kinds."""
    found = []
    for index, (kind, (name, minimum, bound, at_most)) in enumerate(zip(kinds, _bounds(cls), strict=True)):
        looked_into = _is_looked_into(kind)
        if looked_into is False and at_most is None:
            at_most = MOST.get(kind)
        if looked_into is not None:
            found.append((index, kind, looked_into, (name, minimum, bound, at_most)))
    return tuple(found)


def above_highest_tier(
    provider: ProviderKind | None, model: str, config: RuntimeConfig | None
) -> Iterator[Problem]:
    """Rate limits that no account reaches by itself at the provider's own endpoint."""
    if provider is None or not isinstance(config, RemoteConfig) or _is_elsewhere(config):
        return
    for name in ("requests_per_minute", "tokens_per_minute"):
        limit = getattr(config.rate_limits, name)
        if limit is None or (tier := find_tier(provider, model)) is None:
            continue
        highest = getattr(tier, name)
        if highest is not None and limit > highest:
            who, what = _PROVIDER_NAMES[provider], name.replace("_", " ")
            yield Problem(
                "W0410",
                ("runtime_config", "rate_limits", name),
                f"{_short(limit)} {what} is more than {who}'s highest tier allows "
                f"for {model} ({_short(highest)})",
                f"the highest tier is {tier.name}: {tier.source}, as of {tier.as_of}",
            )


def _is_elsewhere(config: RemoteConfig) -> bool:
    """Whether the model is reached at an endpoint with limits of its own."""
    return config.endpoint is not None or (
        isinstance(config, OpenAIConfig) and (config.azure_resource or config.azure_deployment) is not None
    )


def _short(count: int) -> str:
    """`count` with a suffix where that is exact to a tenth: 1.5M, 30k, 123456."""
    for suffix in ("G", "M", "k"):
        tenth = NUMBER_SUFFIXES[suffix] // 10
        if count >= NUMBER_SUFFIXES[suffix] and count % tenth == 0:
            return f"{count // tenth // 10}.{count // tenth % 10}".removesuffix(".0") + suffix
    return str(count)
