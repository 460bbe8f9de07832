"""Generated values in the shapes that providers publish, which the strict mock provider has."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

MOST_DEPTH = 5
"""Of what stands in fields that need not be there."""

PNG = "iVBORw0KGgo="
TEXTS: dict[str, tuple[str, ...]] = {
    "data": (PNG,),
    "bytes": (PNG,),
    "url": ("https://example.com/a.png",),
    "image_url": ("https://example.com/a.png", f"data:image/png;base64,{PNG}"),
    "file_url": ("https://example.com/a.pdf",),
    "file_data": ("data:application/pdf;base64,JVBERi0=",),
    "arguments": ("{}", '{"a": 1}'),
    "text": ("Hello.", "naïve ☃", "two\nlines"),
    "content": ("Hello.", "So it is."),
    "thinking": ("hm",),
    "signature": ("c2ln",),
    "format": ("wav",),
}
"""Values of texts that are more than a text, by the names of their fields."""

_PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from(["x", "a b"]),
    "integer": st.sampled_from([1, 3]),
    "number": st.sampled_from([0.5, 1]),
    "flag": st.booleans(),
    "map": st.just({}),
    "list": st.just([]),
    "any": st.just({}),
}


class Shaped:
    """Strategies for the shapes of one provider.

    special: strategies for single shapes or fields, by their names. without: fields that are not made.
    """

    def __init__(
        self,
        shapes: Json,
        special: dict[str, st.SearchStrategy[Any]] | None = None,
        without: frozenset[str] = frozenset(),
    ) -> None:
        self._shapes = shapes
        self._special = special or {}
        self._without = without
        self._made: dict[tuple[str, int], st.SearchStrategy[Json]] = {}

    def shape(self, name: str, depth: int = 0, **given: Any) -> st.SearchStrategy[Json]:
        """Objects of that shape. given: fields that have this value."""
        if name in self._special:
            return self._special[name].map(lambda made: {**made, **given})
        key = name, depth
        if key not in self._made:
            self._made[key] = st.deferred(lambda: self._object(name, depth))
        return self._made[key].map(lambda made: {**made, **given}) if given else self._made[key]

    def _object(self, name: str, depth: int) -> st.SearchStrategy[Json]:
        shape = self._shapes[name]
        needed: Json = {}
        optional: Json = {}
        for field, spec in shape["fields"].items():
            plain = field.rstrip("!")
            if f".{plain}" in shape.get("beta", ()) or plain in self._without:
                continue
            if field.endswith("!"):
                needed[plain] = self.value(spec, plain, depth + 1)
            elif depth < MOST_DEPTH:
                optional[plain] = self.value(spec, plain, depth + 1)
        if shape.get("one"):
            each = {**needed, **optional}
            return st.sampled_from(sorted(each)).flatmap(lambda one: st.fixed_dictionaries({one: each[one]}))
        chosen = (
            st.lists(st.sampled_from(sorted(optional)), max_size=2, unique=True) if optional else st.just([])
        )
        return chosen.flatmap(
            lambda names: st.fixed_dictionaries({**needed, **{name: optional[name] for name in names}})
        )

    def value(self, spec: Any, name: str, depth: int = 0) -> st.SearchStrategy[Any]:
        """Values that fit a spec, of a field of that name."""
        if name in self._special:
            return self._special[name]
        match spec:
            case "text" | {"text": _}:
                return st.sampled_from(TEXTS[name]) if name in TEXTS else _PLAIN["text"]
            case str(plain):
                return _PLAIN[plain]
            case {"integer": [least, _]} | {"number": [least, _]}:
                return st.just(1 if least is None else least)
            case {"choice": choices}:
                return st.sampled_from(choices)
            case {"object": str(shape)}:
                return self.shape(shape, depth)
            case {"list": inner}:
                return st.lists(self.value(inner, name, depth), min_size=1, max_size=2)
            case {"map of": inner}:
                return st.fixed_dictionaries({"k": self.value(inner, name, depth)})
            case {"by": field, "of": of}:
                return st.sampled_from(sorted(of)).flatmap(
                    lambda tag: self.shape(of[tag], depth, **{field: tag})
                )
            case {"any of": many}:
                return st.one_of([self.value(each, name, depth) for each in many])
        raise AssertionError(spec)
