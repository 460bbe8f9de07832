"""What counts and is not written: the runtime, what templates give, the longest wait, the cost, types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lsprotocol import types as lsp

from ...compiler.capabilities import config_of
from ...compiler.checks.policies import worst_case_wait
from ...compiler.declare import Declared
from ...compiler.provenance import EffectiveValue, values_of
from ...dsl import syntax as s
from ...dsl.deployment import Deployment
from ...dsl.runtimes import RemoteConfig
from ..facts import ANSWER_TOKENS, PROMPT_TOKENS, dollars, thousand_requests
from ..places import block_of, field_of
from ..playing import Played
from ..view import View

MOST_DECLARATIONS = 500
"""Of larger files bounds are told when somebody points at a name, not beside each: findings come first."""


def inlay_hints(view: View, where: lsp.Range, played: Played | None = None) -> list[lsp.InlayHint]:
    """The hints for what `where` touches. played: the tests of this text that were played."""
    start, end = view.offset(where.start), view.offset(where.end)
    program = view.checked.program
    hints: list[lsp.InlayHint] = []
    for declared in program.declared if program is not None else ():
        node, deployment = declared.symbol.node, declared.deployment
        if declared.symbol.scope.module.source is not view.parsed.source or not declared.runtime_is_known:
            continue
        if deployment is not None and node.start <= end and node.end >= start:
            hints += _of_deployment(view, declared, deployment)
    if any(isinstance(node, s.PipelineDeclaration) for node in view.declarations):
        hints += _of_steps(view)
    if len(view.declarations) <= MOST_DECLARATIONS:
        hints += _of_proofs(view)
    if played is not None:
        hints += _of_tests(view, played)
    return [hint for hint in hints if start <= view.offset(hint.position) <= end]


def _of_proofs(view: View) -> Iterator[lsp.InlayHint]:
    """What a request to each name takes at most, and which kinds of data come there."""
    for node in view.declarations:
        if isinstance(node, s.DeploymentDeclaration | s.RouteDeclaration | s.PipelineDeclaration):
            name = node.name.text
            yield from _proved(view, node.name.end, view.proofs.short(name), view.proofs.of_name(name))
        elif isinstance(node, s.GatewayDeclaration):
            for item in node.body.items:
                if isinstance(item, s.Block) and item.name.text == "key" and item.label is not None:
                    name, short = item.label.text, view.proofs.short(item.label.text, is_key=True)
                    yield from _proved(view, item.label.end, short, view.proofs.of_key(name))


def _proved(view: View, end: int, short: str, sentences: Iterable[str]) -> Iterator[lsp.InlayHint]:
    if short:
        yield _hint(view, end, short, "\n\n".join(sentences))


def _of_tests(view: View, played: Played) -> Iterator[lsp.InlayHint]:
    for node in view.declarations:
        if isinstance(node, s.TestDeclaration) and (said := played.results.get(node.name.text)):
            yield _hint(view, node.name.end, said, "as it was played last")


def _of_steps(view: View) -> Iterator[lsp.InlayHint]:
    from ..types import step_types

    for offset, shown in step_types(view):
        position = view.document.lines.position(offset)
        yield lsp.InlayHint(position, f": {shown}", kind=lsp.InlayHintKind.Type)


def _of_deployment(view: View, declared: Declared, deployment: Deployment) -> Iterator[lsp.InlayHint]:
    node = declared.symbol.node
    assert isinstance(node, s.DeploymentDeclaration)
    model = field_of(node, "model")
    if model is not None and model.value.end > model.value.start:
        yield from _after_model(view, declared, deployment, model.value.end)
    if node.bases:
        yield from _from_templates(view, declared, deployment, node)
    yield from _wait(view, declared, deployment, node)


def _after_model(view: View, declared: Declared, deployment: Deployment, end: int) -> Iterator[lsp.InlayHint]:
    kind = deployment.effective_runtime
    if not declared.runtime_is_written:
        yield _hint(view, end, f"runtime {kind}", "inferred from the model's name")
    price = deployment.effective_price
    if price is not None:
        per = f"{PROMPT_TOKENS:,} tokens and {ANSWER_TOKENS} of answer each"
        given, answered = float(price.input), float(price.output)
        cost = dollars(thousand_requests(given, answered))
        about = f"1,000 requests of {per}, at ${given:g} and ${answered:g} per million tokens"
        yield _hint(view, end, f"≈ {cost} / 1k requests", about)


def _from_templates(
    view: View, declared: Declared, deployment: Deployment, node: s.DeploymentDeclaration
) -> Iterator[lsp.InlayHint]:
    """How many values the templates give, and in the tooltip which."""
    merged = [each for each in values_of(declared, deployment) if ", from `" in each.origin]
    if merged:
        count = "1 value" if len(merged) == 1 else f"{len(merged)} values"
        yield _hint(view, node.bases[-1].end, count, "\n".join(map(_line, merged)))


def _line(each: EffectiveValue) -> str:
    return f"- `{'.'.join(each.path)} = {each.value}` ({each.origin})"


def _wait(
    view: View, declared: Declared, deployment: Deployment, node: s.DeploymentDeclaration
) -> Iterator[lsp.InlayHint]:
    """The longest wait, at the block that says most about it."""
    config = config_of(declared, deployment)
    runtime = block_of(node, "runtime")
    if not isinstance(config, RemoteConfig) or runtime is None:
        return
    block = block_of(runtime, "retry") or block_of(runtime, "timeouts")
    end = block.name.end if block is not None else (runtime.label or runtime.name).end
    retries = config.retry.max_retries if deployment.idempotent else 0
    wait = worst_case_wait(config, retried=deployment.idempotent)
    yield _hint(
        view, end, f"waits ≤ {wait}", f"{retries + 1} × {config.timeouts.request}, and the waits between them"
    )


def _hint(view: View, offset: int, label: str, tooltip: str) -> lsp.InlayHint:
    return lsp.InlayHint(
        view.document.lines.position(offset),
        label,
        tooltip=lsp.MarkupContent(lsp.MarkupKind.Markdown, tooltip),
        padding_left=True,
    )
