"""The names of `import inferc` and their signatures are a promise: what changes here breaks programs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import inferc


def test_public_names_and_signatures_stay(golden: Callable[[str | Path], Callable[[str], None]]) -> None:
    golden("golden/names.txt")("\n".join(promised()) + "\n")


def test_all_names_are_found_by_who_looks_for_them() -> None:
    assert set(inferc.__all__) <= set(dir(inferc))


def test_a_name_that_is_not_there_is_an_ordinary_error() -> None:
    assert not hasattr(inferc, "compil")


ENTERED = ("__aenter__", "__enter__")


def signature(function: Callable[..., object]) -> str:
    return str(inspect.signature(function)).replace("'", "")


def promised() -> Iterator[str]:
    for name in sorted(inferc.__all__):
        value = getattr(inferc, name)
        if isinstance(value, type):
            bases = ", ".join(base.__name__ for base in value.__mro__[1:-1])
            yield f"class {name}({bases})"
            yield from (f"    {line}" for line in _members(value))
        elif callable(value):
            yield f"def {name}{signature(value)}"
        else:
            yield f"{name}: {type(value).__name__}"


def _members(kind: type) -> Iterator[str]:
    documented = {f.name: f.type for f in getattr(kind, "__attrs_attrs__", ()) if not f.name.startswith("_")}
    yield from (f"{name}: {documented[name]}" for name in documented)
    is_made = "__init__" in vars(kind) and not documented
    for name in sorted(set(dir(kind)) - (set(dir(tuple)) - {"__init__"}) - documented.keys()):
        member = inspect.getattr_static(kind, name)
        if name.startswith("_") and name not in (("__init__", *ENTERED) if is_made else ENTERED):
            continue
        if isinstance(member, property):
            yield f"{name} -> {inspect.signature(member.fget).return_annotation}"  # type: ignore[arg-type]
        elif inspect.isfunction(member) and not issubclass(kind, Exception):
            yield f"{'async ' * inspect.iscoroutinefunction(member)}def {name}{signature(member)}"
