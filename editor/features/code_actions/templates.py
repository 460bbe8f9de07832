"""A block becomes a template that deployments can share, and a template becomes part of one again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count

from lsprotocol import types as lsp

from ....compiler.scope import Symbol
from ....dsl import syntax as s
from ...occurrences import occurrences
from ...view import View
from .edits import here
from .missing import inserted

_LONG = '"""'


def extract_template(view: View, start: int, end: int) -> Iterator[lsp.CodeAction]:
    """Moves the block at the cursor into a template of its own, which the deployment is then built on.

    The deployment says the same as before: the new template is the last of those it is built on.
    """
    path = view.path_to(start)
    if len(path) < 3 or not isinstance(path[0], s.DeploymentDeclaration) or path[0].end < end:
        return
    deployment, body, block = path[0], path[1], path[2]
    if not isinstance(body, s.Body) or not isinstance(block, s.Block) or body.unclosed or block.body.unclosed:
        return
    if _LONG in view.text[block.start : block.end]:
        return  # its indentation counts
    name = _fresh(view, f"{_plain(deployment.name.text)}_{block.name.text}")
    template = f"template {name} {{\n  {_moved(view.text, block)}\n}}\n\n"
    above = _with_comments(view.text, deployment.start)
    bases = f", {name}" if deployment.bases else f" from {name}"
    after = deployment.bases[-1].end if deployment.bases else deployment.name.end
    first, last = _whole_item(view.text, body, block)
    yield lsp.CodeAction(
        f"Extract `{block.name.text}` into a template",
        lsp.CodeActionKind.RefactorExtract,
        edit=here(view, (above, above, template), (after, after, bases), (first, last, "")),
    )


def inline_template(view: View, start: int, end: int) -> Iterator[lsp.CodeAction]:
    """Writes what the template at the cursor gives into the deployment, which is no longer built on it.

    Only the last template can be: those after it would win over what is written into the deployment. And only
    one of this file, since its names mean what they mean here.
    """
    path = view.path_to(start)
    node = path[0] if path else None
    if not isinstance(node, s.DeploymentDeclaration | s.TemplateDeclaration) or not node.bases:
        return
    last = node.bases[-1]
    symbol = view.scope.find_reference(last)
    if not last.start <= start <= end <= last.end or symbol is None or node.body.unclosed:
        return
    template = symbol.node
    if not isinstance(template, s.TemplateDeclaration) or not _is_movable(view, symbol) or template is node:
        return
    edits = list(_merged(view, symbol, template.body, node.body))
    bases = [view.scope.span(each).text for each in node.bases[:-1]]
    bases += [symbol.scope.span(each).text for each in template.bases]
    head = f" from {', '.join(bases)}" if bases else ""
    edits.append((node.name.end, node.bases[-1].end, head))
    yield lsp.CodeAction(
        f"Inline the template `{template.name.text}`",
        lsp.CodeActionKind.RefactorInline,
        edit=here(view, *edits),
    )


def _is_movable(view: View, symbol: Symbol) -> bool:
    """Whether the template may be written elsewhere in this file and mean the same."""
    if _LONG in symbol.scope.span(symbol.node).text:
        return False
    if symbol.scope is view.scope:
        return True
    node = symbol.node
    return not any(
        node.start <= each.start and each.end <= node.end and each.target.node is not node
        for each in occurrences(symbol.scope)
    )


def _merged(view: View, symbol: Symbol, source: s.Body, target: s.Body) -> Iterator[tuple[int, int, str]]:
    """Edits that put what `source` has and `target` lacks into `target`, block by block."""
    texts = symbol.scope.module.source.text
    own = {_key(item): item for item in target.items}
    missing = []
    for item in source.items:
        there = own.get(_key(item))
        if there is None:
            missing.append(_moved(texts, item, 0))
        elif isinstance(there, s.Block) and isinstance(item, s.Block) and _label(there) == _label(item):
            yield from _merged(view, symbol, item.body, there.body)
    if missing:
        separator = "\n" if "\n" in view.text[target.start : target.end] or not target.items else ", "
        yield inserted(view, target, separator.join(missing), first=True)


def _key(item: s.Field | s.Block) -> tuple[bool, str]:
    return isinstance(item, s.Block), item.name.text


def _label(block: s.Block) -> str | None:
    return block.label.text if block.label is not None else None


def _moved(text: str, item: s.Node, indent: int = 2) -> str:
    """The text of an item, its lines indented as in a body of its own."""
    line = text.rfind("\n", 0, item.start) + 1
    margin = len(text[line : item.start]) - len(text[line : item.start].lstrip(" \t"))
    first, *rest = text[item.start : item.end].split("\n")
    return "\n".join(
        [first, *(" " * indent + (row[margin:] if not row[:margin].strip() else row) for row in rest)]
    )


def _whole_item(text: str, body: s.Body, item: s.Node) -> tuple[int, int]:
    """An item with the line it stands on, or with the comma and the blanks around it."""
    start, end = item.start, item.end
    if text[end : end + 1] == ",":
        end += 1
    line = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    if (
        line > body.start
        and not text[line:start].strip()
        and line_end >= 0
        and not text[end:line_end].strip()
    ):
        return line, line_end + 1
    while text[start - 1 : start] in (" ", "\t") and start - 1 > body.start:
        start -= 1
    if text[start - 1 : start] == "," and start - 1 > body.start:
        start -= 1
        end = item.end
    return start, end


def _with_comments(text: str, start: int) -> int:
    """Where the comments directly above a declaration begin."""
    start = text.rfind("\n", 0, start) + 1
    while start > 0:
        above = text.rfind("\n", 0, start - 1) + 1
        if not text[above:start].lstrip(" \t").startswith("#"):
            break
        start = above
    return start


def _fresh(view: View, wanted: str) -> str:
    taken = {*view.scope.own, *view.scope.imported, *view.scope.aliases}
    names = chain([wanted], (f"{wanted}_{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


def _plain(name: str) -> str:
    """A name as a word."""
    word = "".join(letter if letter.isalnum() else "_" for letter in name).strip("_")
    return word if word.isidentifier() else "shared"
