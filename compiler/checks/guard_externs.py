"""Whether an extern is made for a guard: it takes texts, and says what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator

from ..pipelines.typed import TypedExtern
from ..plan.types import BOOL, TEXT, ListType, OptionalType, RecordType, Type

_TEXTS = ListType(element=TEXT)
_TOLD: dict[str, tuple[Type, ...]] = {
    "texts": (_TEXTS,),
    "model": (TEXT,),
    "key": (OptionalType(inner=TEXT),),
    "said": (TEXT,),
}
"""What a guard may take, and its types."""

_VERDICTS: tuple[Type, ...] = (BOOL, OptionalType(inner=TEXT), _TEXTS)
_VERDICT = {
    "texts": (_TEXTS, OptionalType(inner=_TEXTS)),
    "refuse": (OptionalType(inner=TEXT),),
}


def misfits(extern: TypedExtern) -> Iterator[str]:
    """What it takes or gives that no guard does."""
    taken = {each.node.name.text: each.type for each in extern.parameters}
    if "texts" not in taken:
        yield "it takes no `texts: list<text>`"
    for name, kind in taken.items():
        if name not in _TOLD:
            yield f"nobody gives it `{name}`; a guard may take {', '.join(f'`{each}`' for each in _TOLD)}"
        elif kind not in _TOLD[name]:
            yield f"`{name}` is {_TOLD[name][0]}, not {kind}"
    result = extern.result
    if result in _VERDICTS:
        return
    if not isinstance(result, RecordType) or not result.fields:
        yield f"its result is {result}, which does not say whether the texts pass"
        return
    for name, kind in result.fields.items():
        if name not in _VERDICT:
            yield f"its result has a field `{name}`, which means nothing here"
        elif kind not in _VERDICT[name]:
            yield f"`{name}` of its result is {_VERDICT[name][0]}, not {kind}"
