"""A draft as text. What came of a setting that changed or was lost stands as a comment beside."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from ...dsl.formatting import format_source
from ...dsl.source import Source
from ...dsl.units import Percent
from .draft import Block, Constant, Deployment, Draft, Field, Passage, Route
from .literals import literal, name, plain
from .report import Remark
from .strategy import Strategy

_WIDTH = 100
_SHORT = 76

Place = tuple[Block | Route | Passage | None, str]
"""Whose line it is: a block and the name of what is in it, empty for the block itself; or something else."""

Line = tuple[str, Place]

_NOBODY: Place = (None, "")


def write(draft: Draft) -> str:
    """The text, in the one style."""
    text = "\n".join(line for line, _ in lines(draft, short=True)) + "\n"
    return format_source(Source(draft.title, text, None)).text


def lines(draft: Draft, *, short: bool) -> list[Line]:
    """All lines. short: small blocks on one line; otherwise each field has one of its own."""
    out: list[Line] = [(f"# {plain(draft.title)}", _NOBODY)]
    for told in draft.told:
        out += _comment(told)
    rest = [*draft.remarks, *draft.report.rest]
    if rest:
        out.append(("#", _NOBODY))
        out += _remarks(rest)
    for constant in draft.constants:
        out += [("", _NOBODY), *_constant(constant)]
    for deployment in draft.deployments:
        out += [("", _NOBODY), *_deployment(deployment, short)]
    for route in draft.routes:
        out += [("", _NOBODY), *_route(route, short)]
    for passage in draft.passages:
        out += [("", _NOBODY), *_remarks(passage.remarks)]
        out += [(line, (passage, "")) for line in passage.text.splitlines()]
    for label, block in (("cluster", draft.cluster), ("gateway", draft.gateway)):
        if block.items or block.remarks:
            out += [("", _NOBODY), *_block(label, block, "", short, (block, ""))]
    return out


def _constant(constant: Constant) -> Iterator[Line]:
    yield from _remarks(constant.remarks)
    yield (f"let {constant.name} = {literal(constant.value)}", _NOBODY)


def _deployment(deployment: Deployment, short: bool) -> Iterator[Line]:
    if deployment.doc:
        yield (f"## {plain(deployment.doc)}", _NOBODY)
    head = f"deployment {name(deployment.name)}"
    yield from _block(head, deployment, "", short, (deployment, ""), may_be_short=False)


def _block(
    head: str, block: Block, indent: str, short: bool, place: Place, *, may_be_short: bool = True
) -> Iterator[Line]:
    if short and may_be_short:
        line = _on_one_line(head, block)
        if line is not None and len(indent) + len(line) <= _SHORT:
            yield (f"{indent}{line}", place)
            return
    yield (f"{indent}{head} {{", place)
    inner = indent + "  "
    for line, _ in _remarks(block.remarks, len(inner)):
        yield (f"{inner}{line}", _NOBODY)
    for key, item in _in_order(block):
        if isinstance(item, Block):
            yield from _block(_head(key, item), item, inner, short, (block, key))
        else:
            yield (f"{inner}{name(key)} = {literal(item.value)}", (block, key))
    yield (f"{indent}}}", place)


def _on_one_line(head: str, block: Block) -> str | None:
    """The block on one line, None where a comment or its size forbids that."""
    parts = []
    for key, item in _in_order(block):
        if isinstance(item, Field):
            parts.append(f"{name(key)} = {literal(item.value)}")
        elif (inner := _on_one_line(_head(key, item), item)) is not None:
            parts.append(inner)
        else:
            return None
    if block.remarks or len(parts) > 4:
        return None
    return f"{head} {{ {', '.join(parts)} }}" if parts else f"{head} {{ }}"


_ORDER = {
    name: place
    for place, name in enumerate(
        ("model", "gpus", "replicas", "runtime", "api_key", "endpoint", "request", "read", "total"), -9
    )
}
"""Fields that stand first in their block, in this order; the others follow as they were put."""


def _in_order(block: Block) -> list[tuple[str, Field | Block]]:
    return sorted(block.items.items(), key=lambda item: _ORDER.get(item[0], 0))


def _head(key: str, block: Block) -> str:
    head = block.head or name(key)
    return f"{head} {block.label}" if block.label else head


def _route(route: Route, short: bool) -> Iterator[Line]:
    yield from _remarks(route.remarks)
    text = f"route {name(route.name)} = {_strategy(route.strategy)}"
    if route.options.items:
        yield from _block(f"{text} with", route.options, "", short, (route, ""))
    else:
        yield (text, (route, ""))


def _strategy(strategy: Strategy | str) -> str:
    if isinstance(strategy, str):
        return name(strategy)
    if strategy.shares:
        shares = percentages(strategy.shares)
        inner = ", ".join(
            f"{_strategy(member)}: {share}" for member, share in zip(strategy.members, shares, strict=True)
        )
        written = f"{strategy.kind} {{ {inner} }}"
    else:
        written = f"{strategy.kind} [{', '.join(map(_strategy, strategy.members))}]"
    return f"{written} {strategy.option}" if strategy.option else written


def percentages(weights: Iterable[float]) -> list[Percent]:
    """Shares that are 100% together, in the proportion of `weights`, to the hundredth of a percent."""
    weights = list(weights)
    exact = [weight * 10_000 / sum(weights) for weight in weights]
    whole = [max(1, int(each)) for each in exact]
    for index in sorted(range(len(exact)), key=lambda i: int(exact[i]) - exact[i])[: 10_000 - sum(whole)]:
        whole[index] += 1
    whole[whole.index(max(whole))] += 10_000 - sum(whole)
    return [Percent(each / 10_000) for each in whole]


def _remarks(remarks: Iterable[Remark], indent: int = 0) -> Iterator[Line]:
    """Comments, one for all settings of which the same is said."""
    by_words: dict[tuple[str, str], list[Remark]] = {}
    for remark in remarks:
        by_words.setdefault((remark.outcome.value, remark.says), []).append(remark)
    for (outcome, says), alike in by_words.items():
        named = ", ".join(f"{remark.node.path} (line {remark.node.line})" for remark in alike)
        yield from _comment(f"{outcome}: {named}: {says}" if says else f"{outcome}: {named}", indent)


def _comment(text: str, indent: int = 0) -> Iterator[Line]:
    shown = plain(text)
    if len(shown) < _WIDTH - indent - 1:
        yield (f"# {shown}".rstrip(), _NOBODY)
        return
    wrapped = textwrap.wrap(
        shown,
        max(40, _WIDTH - indent),
        initial_indent="# ",
        subsequent_indent="#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in wrapped:
        yield (line, _NOBODY)
