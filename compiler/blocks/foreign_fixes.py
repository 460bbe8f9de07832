"""The changes to words of other tools: the same said in the place, and in the form, that it has here."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.diagnostics import Edit, Fix
from ...dsl.foreign_words import ForeignWord
from ...dsl.kinds import RuntimeKind
from ...dsl.source import Span
from ...dsl.units import Duration
from .merge import LABELLED_BY_KIND, Section, Setting

_SMALL = {"us": 1e-6, "ms": 1e-3}
"""Units of plain numbers that are written as the duration that they make."""


def nested(place: tuple[str, ...], value: str | None, kind: RuntimeKind) -> str:
    """`runtime openai { timeouts { request = … } }`; without a value, the last step is a block, too."""
    *blocks, last = place
    inner = f"{last} {{ … }}" if value is None else f"{last} = {value}"
    for block in reversed(blocks):
        inner = f"{_head(block, kind)} {{ {inner} }}"
    return inner


def nested_in(place: tuple[str, ...], kind: RuntimeKind) -> str:
    """`runtime ort { batching`: what stands before the `{` of a block."""
    return "".join(f"{_head(block, kind)} {{ " for block in place[:-1]) + place[-1]


def _head(block: str, kind: RuntimeKind) -> str:
    return f"{block} {kind if block == 'runtime' else 'embed'}" if block in LABELLED_BY_KIND else block


def in_place(
    title: str, setting: Setting, rest: tuple[str, ...], told: ForeignWord, kind: RuntimeKind
) -> Fix:
    node, span = setting.node, setting.scope.module.span
    before, behind = unit(node, told)
    opening = nested_in(rest, kind)
    if len(rest) == 1 and not (before or behind):
        return Fix(title, (Edit(span(node.name.start, node.name.end), opening),), safe=False)
    edits = [Edit(span(node.name.start, node.value.start), f"{opening} = {before}")]
    if rest[0] == "budget" and rest[-1] != "on_exceeded" and len(rest) == 2:
        behind += ", on_exceeded = reject"
    if closing := behind + " }" * (len(rest) - 1):
        edits.append(Edit(span(node.end, node.end), closing))
    return Fix(title, tuple(edits), safe=False)


def moved(title: str, item: Span, inner: Section, written: str, rest: tuple[str, ...]) -> Fix:
    """Out of the place where it stands, and into a block that is there."""
    assert inner.body is not None
    text = item.source.text
    opening = inner.body.start + 1
    following = text[opening : inner.body.end - 1]
    written += " }" * (len(rest) - 1)
    if following.lstrip(" \t").startswith("\n"):
        written = following[: len(following) - len(following.lstrip())] + written
    else:
        written = f" {written}" + ("," if following.strip() and not written.endswith("}") else "")
    here = Span(item.source, opening, opening)
    return Fix(title, (Edit(whole(item), ""), Edit(here, written)), safe=False)


def begun_with(setting: Setting) -> list[Fix]:
    """`extends = base`: a template stands behind the name of what begins with it."""
    node, place, origin = setting.node, setting.scope.module.span, setting.origin
    bases = node.value.items if isinstance(node.value, s.ListExpression) else (node.value,)
    if not bases or not all(isinstance(each, s.Reference | s.Text) for each in bases):
        return []
    behind = place(origin.end, origin.end).source.text[origin.end :].lstrip(" \t")
    if not behind.startswith("{"):  # it has one already
        return []
    names = ", ".join(place(each.start, each.end).text.strip('"') for each in bases)
    edits = (
        Edit(place(origin.end, origin.end), f" from {names}"),
        Edit(whole(place(node.start, node.end)), ""),
    )
    return [Fix(f"write `{origin.text} from {names}`", edits, safe=False)]


def whole(item: Span) -> Span:
    """An item with what separates it from the next one, and with its line when it is alone on it."""
    text, start, end = item.source.text, item.start, item.end
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    if text[end : end + 1] == ",":
        end += 1
        while text[end : end + 1] in (" ", "\t"):
            end += 1
    line = text.rfind("\n", 0, start) + 1
    if not text[line:start].strip() and text[end : end + 1] == "\n":
        return Span(item.source, line, end + 1)
    return Span(item.source, start, end)


def unit(node: s.Field, told: ForeignWord) -> tuple[str, str]:
    """What stands before and behind a value, so that it means here what it means there."""
    is_number = isinstance(node.value, s.Number) and type(node.value.value) in (int, float)
    if told.unit == "bearer":
        return ("bearer(", ")") if isinstance(node.value, s.CallExpression) else ("", "")
    if not is_number or not told.unit:
        return "", ""
    if told.unit in _SMALL:
        return "", str(Duration(node.value.value * _SMALL[told.unit]))  # type: ignore[attr-defined]
    return ("$", "") if told.unit == "$" else ("", told.unit)
