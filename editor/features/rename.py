"""A new name for a thing, wherever it stands; refused where it would mean something else."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lsprotocol import types as lsp

from ...compiler.modules import key_of
from ...compiler.scope import Scope
from ...dsl import syntax as s
from ...dsl.parsing.tokens import KEYWORDS
from ...dsl.source import Source
from ...dsl.tree import walk
from ..new_names import BARE, RenameRefused, written
from ..occurrences import Occurrence, Role, Target
from ..unreadable_places import hidden_places, prompts
from ..view import View
from .references import LOCAL, may_name_a_field, places_in, scopes_of

_QUOTABLE = (s.TemplateDeclaration, s.DeploymentDeclaration, s.RouteDeclaration, s.PipelineDeclaration)


def prepare_rename(view: View, position: lsp.Position) -> lsp.PrepareRenamePlaceholder | None:
    """The name that would be changed, None when nothing at `position` can be."""
    offset = view.offset(position)
    found = view.occurrence_at(offset)
    if found is None:
        return _prepare_field(view, offset)
    start, end = _bare_range(view.text, found.start, found.end)
    return lsp.PrepareRenamePlaceholder(view.range(start, end), found.target.name.text)


def _prepare_field(view: View, offset: int) -> lsp.PrepareRenamePlaceholder | None:
    if not may_name_a_field(view, offset):
        return None
    from ..record_fields import field_at

    named = field_at(view, offset)
    if named is None:
        return None
    field, span = named
    start, end = _bare_range(view.text, span.start, span.end)
    return lsp.PrepareRenamePlaceholder(view.range(start, end), field.name)


def rename(
    view: View, position: lsp.Position, new: str, warn: Callable[[str], None] = lambda message: None
) -> lsp.WorkspaceEdit | None:
    """The edits, file by file. Raises RenameRefused. warn: told which files could not be looked through."""
    offset = view.offset(position)
    found = view.occurrence_at(offset)
    new = new.strip().strip('"')
    if found is None:
        return _rename_field(view, offset, new, warn)
    target = found.target
    scopes = scopes_of(view, target)
    places = list(places_in(scopes, target))
    _refuse(target, new, places)
    _refuse_blind(view, target, new, places, scopes)
    if target.kind not in LOCAL and view.workspace.unseen:
        warn(f"renamed, but not in what could not be looked through: {view.workspace.unseen}")
    return _edit(view, ((scope.module.source, each.start, each.end) for scope, each in places), new)


def _rename_field(view: View, offset: int, new: str, warn: Callable[[str], None]) -> lsp.WorkspaceEdit | None:
    """The same for a field of a record."""
    if not may_name_a_field(view, offset):
        return None
    from ..record_fields import field_at, places_of
    from .rename_field import refuse_field, unread_texts

    named = field_at(view, offset)
    if named is None:
        return None
    field, _ = named
    if new != field.name:
        _refuse_name(new)
    places = list(places_of(view, field))
    edit = _edit(view, ((each.source, each.start, each.end) for each in places), new)
    if new != field.name:
        refuse_field(view, field, new, places)
        for message in unread_texts(view, field):
            warn(message)
    return edit


def _edit(view: View, places: Iterable[tuple[Source, int, int]], new: str) -> lsp.WorkspaceEdit:
    """`new` at all places, file by file."""
    edits: dict[str, tuple[int | None, list[lsp.TextEdit]]] = {}
    for source, start, end in places:
        document = view.document_of(source)
        text = written(source.text, start, new)
        _, list_ = edits.setdefault(document.uri, (document.version, []))
        list_.append(lsp.TextEdit(document.lines.range(start, end), text))
    return lsp.WorkspaceEdit(
        document_changes=[
            lsp.TextDocumentEdit(lsp.OptionalVersionedTextDocumentIdentifier(uri, version), list(made))
            for uri, (version, made) in edits.items()
        ]
    )


def _bare_range(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the quotes of a quoted name."""
    return (start + 1, end - 1) if text[start : start + 1] == '"' else (start, end)


def _refuse_name(new: str) -> None:
    if not new or new != new.strip() or "\n" in new or "${" in new:
        raise RenameRefused("a name is a word, or a text of one line")
    if new in KEYWORDS:
        raise RenameRefused(f"`{new}` is a word of the language")


def _refuse(target: Target, new: str, places: list[tuple[Scope, Occurrence]]) -> None:
    if new == target.name.text:
        return
    _refuse_name(new)
    if not BARE.match(new) and not isinstance(target.node, _QUOTABLE):
        raise RenameRefused(f"the name of a {target.kind} must be a word: letters, digits and `_`")
    for scope, each in places if not BARE.match(new) else ():
        if each.role is Role.IMPORTS or scope.module.source.text[each.start - 1 : each.start] == ".":
            raise RenameRefused(
                f"`{scope.module.source.name}` imports it, and can do so only by a plain word"
            )
    if target.owner is not None:
        _refuse_inside(target, new)
    for scope in (
        dict.fromkeys([target.scope, *(scope for scope, _ in places)]) if target.owner is None else ()
    ):
        taken = scope.own.get(new) or scope.imported.get(new)
        if taken is not None or new in scope.aliases:
            what = taken.kind if taken is not None else "import"
            raise RenameRefused(f"`{scope.module.source.name}` has a {what} called `{new}` already")
        _refuse_shadowed(target, new, scope)


def _refuse_blind(
    view: View, target: Target, new: str, places: list[tuple[Scope, Occurrence]], scopes: tuple[Scope, ...]
) -> None:
    """Where the name may stand and cannot be followed, or where the new one means something in a prompt."""
    old = target.name.text
    home = target.source.path.name if target.source.path is not None else target.source.name
    for scope in scopes if new != old else ():
        source = scope.module.source
        if old not in source.text or (key_of(source) != target.key[0] and home not in source.text):
            continue
        known = [each.start + (source.text[each.start] == '"') for of, each in places if of is scope]
        for place in hidden_places(view.workspace.parse(source), target, known):
            where = f"line {source.line_of(place)} of `{source.name}`"
            raise RenameRefused(f"{where} has `{old}` beside a mistake: put that right first")
        for prompt, names in prompts(scope, target):
            where = f"the prompt in line {source.line_of(prompt.start)} of `{source.name}`"
            if names is None:
                raise RenameRefused(f"{where} cannot be read: put it right first")
            if old in names.unclear:
                raise RenameRefused(f"{where} has a `{old}` of its own, too")
            if new in names.own and old in names.places:
                raise RenameRefused(f"{where} has a `{new}` of its own")


def _refuse_inside(target: Target, new: str) -> None:
    """Refuse a name that the pipeline has already, or that the file declares."""
    owner = target.owner
    assert owner is not None
    if isinstance(owner, s.PipelineDeclaration):
        if new in _names_in(owner):
            raise RenameRefused(f"the pipeline `{owner.name.text}` has a `{new}` already")
    elif isinstance(owner, s.ExternDeclaration) and new in [each.name.text for each in owner.parameters]:
        raise RenameRefused(f"`{owner.name.text}` has a parameter `{new}` already")
    scope = target.scope
    if new in scope.own or new in scope.imported or new in scope.aliases:
        raise RenameRefused(f"`{new}` is declared in this file already, and would be hidden")
    if any(isinstance(each, s.Reference) and each.name == new for each in walk([owner])):
        raise RenameRefused(f"`{new}` means something else here already, and would be hidden")


def _refuse_shadowed(target: Target, new: str, scope: Scope) -> None:
    """Refuse a name that a pipeline of the file has inside: there it would hide what is renamed."""
    for node in scope.module.declarations:
        if isinstance(node, s.PipelineDeclaration) and new in _names_in(node):
            raise RenameRefused(f"the pipeline `{node.name.text}` calls something of its own `{new}`")


def _names_in(pipeline: s.PipelineDeclaration) -> set[str]:
    """The names of its parameters and steps, and of what its loops go through."""
    steps = {each.name.text for each in pipeline.steps if each.name is not None}
    loops = {each.variable.text for each in walk([pipeline]) if isinstance(each, s.Comprehension)}
    return steps | loops | {each.name.text for each in pipeline.parameters}
