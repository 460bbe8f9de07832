"""What is known about the thing under the cursor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from ...compiler.capabilities import config_of
from ...compiler.checks.policies import worst_case_wait
from ...compiler.declare import written_path
from ...compiler.evaluation.evaluate import Evaluator
from ...compiler.evaluation.functions import FUNCTIONS
from ...compiler.evaluation.unknown import UNKNOWN
from ...compiler.incremental.memory import Memory
from ...compiler.plan.open_names import is_pattern
from ...compiler.provenance import EffectiveValue, values_of
from ...compiler.scope import VALUES, Named, Symbol
from ...compiler.shared_circuits import shared_circuits
from ...dsl import syntax as s
from ...dsl.catalogues.capabilities import Facts, find_facts
from ...dsl.catalogues.inference import match_runtime
from ...dsl.catalogues.models import find_model
from ...dsl.catalogues.retirements import find_retirement
from ...dsl.comments import doc_comment
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import RuntimeKind, TransportKind
from ...dsl.runtimes import RemoteConfig
from ...dsl.secrets.names import holds_secret
from ...dsl.secrets.texts import veiled
from ...dsl.values import show
from ...dsl.wording import shorten
from ..facts import facts_lines, model_text, signature_text
from ..fields import class_doc, field_info
from ..occurrences import Occurrence
from ..places import place_in
from ..view import View

if TYPE_CHECKING:
    from ..types import Known

_CALLS = {
    "env": "an environment variable; it is read when a plan starts, never earlier. Texts may have a default: "
    '`env("NAME", "default")`',
    "file": "a file, relative to this one; it is read when a plan starts, never earlier",
    "fallback": "the deployment that takes what this one has no room for",
    "bearer": "clients show this token in their `Authorization` header",
    "python": "your own code; it is opened when a plan runs, never earlier",
    "custom": "an installed plugin",
}

_MOST_NAMES = 12
_TYPED = (s.PipelineDeclaration, s.RouteDeclaration)
"""What holds expressions with types."""


def hover(view: View, position: lsp.Position) -> lsp.Hover | None:
    """What to show at `position`, None when there is nothing to say."""
    offset = view.offset(position)
    found = view.occurrence_at(offset)
    if found is not None:
        return _shown(view, found.start, found.end, _name(view, found))
    path = view.path_to(offset)
    for index in range(len(path) - 1, 0, -1):
        node, parent = path[index], path[index - 1]
        text = _node(view, path[: index + 1], node, parent)
        if text is not None:
            return _shown(view, node.start, node.end, text)
    in_test = bool(path) and isinstance(path[0], s.TestDeclaration)
    return (_in_test(view, path) if in_test else _value(view, path, offset)) or _word(view, path, offset)


def _word(view: View, path: list[s.Node], offset: int) -> lsp.Hover | None:
    """A word that begins a declaration, or says how a route chooses."""
    from .completion.code import DECLARATION_WORDS, ROUTE_WORDS

    token = next((each for each in view.tokens if each.start <= offset < each.end), None)
    if not path or token is None:
        return None
    told = None
    if token.start == path[0].start:
        told = DECLARATION_WORDS.get(token.text)
    elif isinstance(path[0], s.RouteDeclaration):
        told = ROUTE_WORDS.get(token.text)
    return _shown(view, token.start, token.end, f"**{token.text}**: {told}") if told is not None else None


def _in_test(view: View, path: list[s.Node]) -> lsp.Hover | None:
    """A word of a test, and what it means."""
    from ...compiler.scenarios.words import FAULTS, LOAD_SETTINGS, MEASURES, SETTINGS, STATEMENTS, VERBS

    node = path[-1]
    if (
        isinstance(node, s.Identifier)
        and len(path) > 1
        and isinstance(path[-2], s.Statement | s.Ask | s.Scene)
    ):
        told = STATEMENTS.get(node.text)
    elif not isinstance(node, s.Reference):
        return None
    elif any(isinstance(each, s.Statement) for each in path):
        measure = MEASURES.get(node.name)
        told = f"{measure.doc}: {measure.kind}" if measure is not None else None
    else:
        told = {**LOAD_SETTINGS, **SETTINGS, **FAULTS, **VERBS}.get(node.name)
    return None if told is None else _shown(view, node.start, node.end, told)


def _shown(view: View, start: int, end: int, text: str) -> lsp.Hover:
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, veiled(text)), view.range(start, end))


def _node(view: View, path: list[s.Node], node: s.Node, parent: s.Node) -> str | None:
    match node, parent:
        case s.Text(), s.ImportAs() | s.ImportNames():
            return _imported_file(view, parent)
        case s.Identifier(), s.Field() if node is parent.name:
            return _field(view, path, parent)
        case s.Identifier(), s.Block():
            return _block(view, path, parent, node is parent.label)
        case s.Text(parts=(str(text),)), s.Field():
            return _text(view, path, parent, text) or _field(view, path, parent)
        case s.Expression(), s.Field() if not isinstance(node, s.CallExpression):
            return _field(view, path, parent)
        case s.Reference(), s.CallExpression() if node is parent.function and node.name in FUNCTIONS:
            return f"```infer\n{FUNCTIONS[node.name][1]}\n```\n{_CALLS.get(node.name, '')}"
        case s.Reference(), s.CallExpression() if node is parent.function and isinstance(path[0], _TYPED):
            return _builtin(node.name)
    return None


def _imported_file(view: View, node: s.ImportAs | s.ImportNames) -> str | None:
    """What an imported file declares."""
    module = view.scope.module.imports.get(node.start)
    if module is None:
        return None
    names = [
        f"- `{type(each).__name__.removesuffix('Declaration').lower()} {each.name.text}`"
        for each in module.declarations
        if isinstance(each, Named)
    ]
    more = [f"- and {len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return "\n".join([f"**{module.source.name}** declares", "", *names[:_MOST_NAMES], *more])


def _builtin(name: str) -> str | None:
    from ...compiler.pipelines.builtins.table import BUILTINS

    known = BUILTINS.get(name)
    return f"```infer\n{known.form}\n```\n{known.told}" if known is not None else None


# ---- values in pipelines and conditions


def _value(view: View, path: list[s.Node], offset: int) -> lsp.Hover | None:
    """A part of an expression, and its type."""
    if not path or not isinstance(path[0], _TYPED):
        return None
    from ..types import value_at

    found = value_at(view, offset)
    if found is None:
        return None
    node, known = found
    written = shorten(" ".join(view.text[node.start : node.end].split()), 60)
    return _shown(view, node.start, node.end, _typed(written, known))


def _typed(written: str, known: Known, kind: str = "") -> str:
    """A value as it is written with its type, and where that comes from."""
    spelled = f"\n{known.spelled}" if known.spelled else ""
    block = f"```infer\n{written}: {known.type}{spelled}\n```\n{kind}".rstrip("\n")
    return "\n\n".join((block, *known.because))


# ---- names


def _name(view: View, found: Occurrence) -> str:
    target = found.target
    symbol = target.scope.own.get(target.name.text)
    if symbol is not None and symbol.node is target.node:
        return "\n\n".join([_symbol(view, symbol), *_call(view, found)])
    if target.kind == "import":
        module = target.scope.aliases[target.name.text].module
        return f"```infer\nimport … as {target.name.text}\n```\n{module.source.name}"
    from ..types import type_of

    known = type_of(view, target)
    if known is None:
        return f"```infer\n{target.name.text}\n```\n{target.kind}"
    return _typed(target.name.text, known, target.kind)


def _call(view: View, found: Occurrence) -> list[str]:
    """What a call gives, when `found` is the name that it calls."""
    path = view.path_to(found.start)
    if not path or not isinstance(path[0], s.PipelineDeclaration) or path[0] is found.target.node:
        return []
    from ..types import call_at

    known = call_at(view, found.start, found.target.node)
    return [f"this call gives `{known.type}`", *known.because] if known is not None else []


def _symbol(view: View, symbol: Symbol) -> str:
    source = symbol.scope.module.source
    parts = [f"```infer\n{_head(symbol)}\n```", doc_comment(source.text, symbol.node.start)]
    if isinstance(symbol.node, VALUES):
        value = Evaluator(Diagnostics(), {}, Memory()).value_of(symbol)
        if value is not UNKNOWN and not (isinstance(value, str) and holds_secret(symbol.name.text)):
            parts.append(f"= `{shorten(show(value))}`")
    elif isinstance(symbol.node, s.DeploymentDeclaration):
        parts += _deployment(view, symbol)
    elif isinstance(symbol.node, s.TypeDeclaration):
        parts += _alias(view, symbol)
    if isinstance(symbol.node, s.DeploymentDeclaration | s.RouteDeclaration | s.PipelineDeclaration):
        if is_pattern(symbol.name.text):
            parts.append("answers for names that fit, if none is declared so and no longer one fits")
        parts += view.proofs.of_name(symbol.name.text)
    if symbol.scope is not view.scope:
        parts.append(f"in {source.name}")
    return "\n\n".join(part for part in parts if part)


def _head(symbol: Symbol) -> str:
    """A declaration up to its body."""
    node = symbol.node
    end = node.end
    if isinstance(node, s.DeploymentDeclaration | s.TemplateDeclaration):
        end = node.body.start
    elif isinstance(node, s.PipelineDeclaration):
        end = node.result.end
    return symbol.scope.module.span(node.start, end).text.strip()[:400]


def _alias(view: View, symbol: Symbol) -> list[str]:
    """What a type stands for, where its declaration names other types."""
    from ..types import alias

    spelled = alias(view, symbol)
    written = "".join(_head(symbol).partition("=")[2].split())
    return [f"= `{spelled}`"] if spelled and "".join(spelled.split()) != written else []


def _deployment(view: View, symbol: Symbol) -> list[str]:
    declared = view.declared(symbol.node)
    if declared is None or declared.deployment is None or not declared.runtime_is_known:
        return []
    deployment = declared.deployment
    kind = deployment.effective_runtime
    inferred = "" if declared.runtime_is_written else ", inferred from the model's name"
    parts = [f"runtime `{kind}`{inferred}"]
    model = _model(deployment.model, kind, declared.span("model").source.path)
    config = config_of(declared, deployment)
    if isinstance(config, RemoteConfig):
        wait = worst_case_wait(config, retried=deployment.idempotent)
        parts.append(f"a caller waits {wait} at worst, for the first byte of the last attempt")
    return [*parts, *([model] if model else [])]


# ---- fields


def _field(view: View, path: list[s.Node], field: s.Field) -> str | None:
    place = place_in(path)
    info = field_info(place, field.name.text) if place is not None else None
    if place is None or info is None:
        return None
    text = f"**{info.name}**: {info.told}"
    effective = _effective(view, path, (*place.path, info.name))
    return f"{text}\n\n{effective}" if effective else text


def _effective(view: View, path: list[s.Node], where: tuple[str, ...]) -> str | None:
    """The value that counts, and the place it came from."""
    found = [each for each in _values(view, path) if each.path == written_path(where)]
    return f"effective: `{shorten(found[0].value)}` ({found[0].origin})" if found else None


def _all_effective(view: View, path: list[s.Node], where: tuple[str, ...]) -> str:
    """The values that count in a block, without those of the blocks in it."""
    wanted = written_path(where)
    return "\n".join(
        f"- `{each.path[-1]} = {shorten(each.value)}` ({each.origin})"
        for each in _values(view, path)
        if each.path[:-1] == wanted
    )


def _values(view: View, path: list[s.Node]) -> list[EffectiveValue]:
    """The values of the deployment that `path` begins with; none where there is no such thing."""
    declared = view.declared(path[0])
    if declared is None or declared.deployment is None or not declared.runtime_is_known:
        return []
    program = view.checked.program
    shared = shared_circuits(program.deployments) if program is not None else {}
    return values_of(declared, declared.deployment, shared.get(declared.deployment.name))


def _block(view: View, path: list[s.Node], block: s.Block, on_label: bool) -> str | None:
    place = place_in([*path[:-1], block.body])
    outer = place_in(path[:-2])
    info = field_info(outer, block.name.text) if outer is not None else None
    if place is None and info is None:
        return None
    title = f"{block.name.text} {block.label.text}" if block.label is not None else block.name.text
    meaning = info.meaning if info is not None and not on_label else ""
    about = class_doc(place.cls) if place is not None and place.cls is not None else ""
    values = _all_effective(view, path, place.path) if place is not None and not on_label else ""
    head = f"**{title}**" + (f": {meaning}" if meaning else "")
    is_key = block.label is not None and block.name.text == "key" and len(path) == 4
    proved = view.proofs.of_key(block.label.text) if is_key and block.label is not None else ()
    return "\n\n".join(part for part in (head, about, values, *proved) if part)


def _text(view: View, path: list[s.Node], field: s.Field, text: str) -> str | None:
    """A model by its name or its file."""
    if field.name.text != "model" or not isinstance(path[0], s.DeploymentDeclaration | s.TemplateDeclaration):
        return None
    declared = view.declared(path[0])
    deployment: Deployment | None = declared.deployment if declared is not None else None
    kind = deployment.effective_runtime if deployment is not None and deployment.model else None
    return _model(text, kind, view.document.path)


def _model(name: str, kind: RuntimeKind | None, file: Path | None) -> str | None:
    """A model by its name, or by its path from `file`."""
    is_local = kind is not None and kind.transport is TransportKind.LOCAL
    if (is_local or name.endswith(".onnx")) and file is not None:
        return signature_text(file.parent / name)
    info = find_model(name, kind.provider if kind is not None else None)
    kind = kind if kind is not None else match_runtime(name)
    facts = find_facts(name, kind) if kind is not None else Facts()
    parts = [model_text(info)] if info is not None else []
    end = find_retirement(name, kind) if kind is not None else None
    if end is not None:
        then = f"; its provider says to use `{end.successor}` then" if end.successor else ""
        parts.append(f"- switched off on {end.day}{then}")
    return "\n".join([*parts, *facts_lines(facts)]) or None
