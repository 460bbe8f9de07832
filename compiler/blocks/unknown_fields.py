"""Fields and blocks that do not exist: what may be meant, and what others call so.

Imported with the first of them: what other tools call things is as much code as all that shapes a file.
"""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics, Edit, Fix, write_instead
from ...dsl.kinds import RuntimeKind
from ...dsl.record import fields
from ...dsl.runtimes import OrtConfig, RemoteConfig
from ...dsl.source import Span
from ...dsl.suggest import near, offer, within
from ...dsl.word_enum import by_word
from .field_forms import is_written_as_block, labelled_class, where_instead
from .foreign import Enclosing, foreign_block, foreign_field, in_snake_case
from .merge import Section, Setting


def report_field(setting: Setting, around: Enclosing, found: Diagnostics) -> None:
    """Report a field that the block around it does not have."""
    section, names, cls = around.section, around.names, around.cls
    name = setting.node.name.text
    if _is_misplaced(name, cls, setting.name_span, found):
        return
    foreign = foreign_field(setting, around)
    if foreign is not None and not foreign.text:
        return
    snake = in_snake_case(name)
    meant = [snake] if snake in names else near(name, names)
    is_longer = not meant and foreign is None
    if is_longer:
        meant = within(snake, names)
    helps = [offer(meant) or where_instead(snake, cls, names)]
    fixes: list[Fix] = []
    if foreign is not None and (foreign.sure or not meant):
        helps, fixes = [foreign.text], foreign.fixes
    elif len(meant) == 1 and is_written_as_block(cls, meant[0]):
        label = " a_name" if labelled_class(cls, meant[0]) is not None else ""
        helps = [f"did you mean the block `{meant[0]}{label} {{ … }}`?"]
    elif len(meant) == 1 and meant[0] not in section.settings and meant[0] not in section.sections:
        fixes = [Fix(f"write `{meant[0]}`", (Edit(setting.name_span, meant[0]),), safe=not is_longer)]
    written = [fix.title.removeprefix("write `") for fix in fixes]
    section.meant.update(n for n in names if any(each.startswith((f"{n}`", f"{n} ")) for each in written))
    if foreign is not None:
        section.meant.update(n for n in names if f"its `{n}`" in foreign.text)
    if foreign is not None and foreign.sure and not fixes and around.path:
        section.damaged = True  # it may say what now seems to be missing
    found.error(
        "E0204",
        f"{_written_in(setting.origin, around)} has no field `{name}`",
        setting.name_span,
        "unknown field",
        help=() if fixes else helps,
        fixes=fixes,
    )


def report_block(section: Section, name: str, around: Enclosing, found: Diagnostics) -> None:
    """The same of a block, which begins with `name`."""
    outer, names, cls = around.section, around.names, around.cls
    if _is_misplaced(name, cls, section.name_span, found):
        return
    foreign = foreign_block(section, around)
    outer.damaged = True  # it may be meant for a block that now seems to be missing
    meant = near(name, names)
    hint = offer(meant)
    fixes: list[Fix] = []
    named = next((each for each in names if labelled_class(cls, each) is not None), None)
    if cls is Deployment and name in by_word(RuntimeKind) and "runtime" not in outer.sections:
        fixes = _behind_word("runtime", section)
    elif named is not None and len(names) == 1 and section.label is None:  # `cluster { a { … } }`
        hint = f"write a block for each: `{named} a_name {{ … }}`"
        fixes = _behind_word(named, section) if not meant else []
    elif len(meant) == 1 and meant[0] not in outer.settings and meant[0] not in outer.sections:
        fixes = write_instead(section.name_span, meant)
    if foreign is not None and (foreign.sure or hint is None):
        hint, fixes = foreign.text, foreign.fixes
    hint = hint or where_instead(name, cls, names)
    found.error(
        "E0204",
        f"{_written_in(section.origin, around)} has no block `{name}`",
        section.name_span,
        "unknown block",
        help=None if fixes else hint,
        fixes=fixes,
    )


def _is_misplaced(name: str, cls: type, span: Span, found: Diagnostics) -> bool:
    """A setting of remote runtimes in the block of a local one."""
    if cls is not OrtConfig or name not in fields(RemoteConfig):
        return False
    found.error(
        "E0404",
        f"`{name}` is for remote runtimes: a local model has no provider to ask",
        span,
        "means nothing here",
        help="remove it"
        if name != "rate_limits"
        else "remove it, and limit `serving { max_concurrent = … }`",
    )
    return True


def _written_in(origin: s.Identifier | None, around: Enclosing) -> str:
    """The declaration that holds a field of a deployment: a template's mistake is the template's."""
    if around.cls is not Deployment or origin is None or around.what.endswith(f" `{origin.text}`"):
        return around.what
    return f"the template `{origin.text}`"


def _behind_word(word: str, section: Section) -> list[Fix]:
    """The name of a block is that of a runtime or of one of several, before which a word has to stand."""
    start = section.name_span.start
    edit = Edit(Span(section.name_span.source, start, start), f"{word} ")
    return [Fix(f"write `{word} {section.name_span.text} {{ … }}`", (edit,))]
