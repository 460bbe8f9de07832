"""The shapes that a model is run with before its first request."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ...dsl.suggest import did_you_mean, every
from ...dsl.values import show
from .signature import Dimension, Signature, TensorSpec

Shape = tuple[int, ...]

_MOST_VALUES = 1 << 30


class WarmUpError(Exception):
    """Shapes that do not fit the model. input: which one was written wrongly. help: what to do instead."""

    def __init__(self, input: str, message: str, label: str = "", help: str | None = None) -> None:
        super().__init__(message)
        self.input = input
        self.label = label
        self.help = help


def warm_up_shapes(written: Mapping[str, object], signature: Signature) -> tuple[dict[str, Shape], ...]:
    """The runs that a `warm_up` block asks for, each with the shape of every input. Raises WarmUpError.

    Inputs that are not written follow from those that are, by the names of their open dimensions; what
    nothing is known about has the size 1.
    """
    if not written:
        return ()
    listed = {name: _shapes(name, value, signature) for name, value in written.items()}
    count = max(map(len, listed.values()))
    for name, shapes in listed.items():
        if len(shapes) not in (1, count):
            raise WarmUpError(
                name,
                f"`{name}` has {len(shapes)} shapes, another input has {count}",
                help="each run takes one shape of each input: give as many, or one for all runs",
            )
    return tuple(
        _run({name: shapes[run % len(shapes)] for name, shapes in listed.items()}, signature)
        for run in range(count)
    )


def _shapes(name: str, value: object, signature: Signature) -> list[Shape]:
    spec = signature.input(name)
    if spec is None:
        names = [each.name for each in signature.inputs]
        inputs = f"its inputs are {every(f'`{n}`' for n in names)}" if names else "it has no inputs"
        raise WarmUpError(
            name, f"the model has no input `{name}`", "no such input", did_you_mean(name, names) or inputs
        )
    items = value if isinstance(value, list) else [value]
    shapes = items if items and all(isinstance(each, list) for each in items) else [value]
    return [_shape(spec, each) for each in shapes]


def _shape(spec: TensorSpec, value: object) -> Shape:
    if not isinstance(value, list) or not all(type(size) is int and size >= 0 for size in value):
        raise WarmUpError(
            spec.name,
            f"`{spec.name}` takes a shape, such as `[8, 128]`, or a list of shapes",
            f"found `{show(value)}`",
        )
    if prod(value) > _MOST_VALUES:
        raise WarmUpError(
            spec.name,
            f"this shape holds {prod(value):,} values",
            f"at most {_MOST_VALUES:,}",
            help="warm up with shapes that requests have",
        )
    if spec.shape is not None:
        expected = f"the model takes {spec}"
        if len(value) != len(spec.shape):
            raise WarmUpError(
                spec.name,
                f"this shape has {_count(len(value))}, `{spec.name}` has {len(spec.shape)}",
                expected,
            )
        for size, dimension in zip(value, spec.shape, strict=True):
            if isinstance(dimension, int) and size != dimension:
                raise WarmUpError(
                    spec.name, f"`{spec.name}` has the size {dimension} where this says {size}", expected
                )
    return tuple(value)


def _count(dimensions: int) -> str:
    return f"{dimensions} dimension{'' if dimensions == 1 else 's'}"


def _run(shapes: Mapping[str, Shape], signature: Signature) -> dict[str, Shape]:
    known: dict[str, tuple[int, str]] = {}
    for name, shape in shapes.items():
        spec = signature.input(name)
        assert spec is not None
        for size, dimension in zip(shape, spec.shape or (), strict=False):
            if not isinstance(dimension, str):
                continue
            if dimension in known and known[dimension][0] != size:
                other, where = known[dimension]
                raise WarmUpError(
                    name, f"`{dimension}` is {size} in `{name}`, and {other} in `{where}`", "in the same run"
                )
            known[dimension] = (size, name)
    run: dict[str, Shape] = {}
    for spec in signature.inputs:
        if spec.name in shapes:
            run[spec.name] = shapes[spec.name]
        elif spec.shape is None:
            raise WarmUpError(
                next(iter(shapes)),
                f"the model does not say which shape `{spec.name}` has",
                help=f"give the shape of `{spec.name}`, too",
            )
        else:
            run[spec.name] = tuple(_size(dimension, known) for dimension in spec.shape)
    return run


def _size(dimension: Dimension, known: Mapping[str, tuple[int, str]]) -> int:
    """The size of a dimension; exporters name some as sums, such as `past + sequence`."""
    match dimension:
        case int():
            return dimension
        case None:
            return 1
        case name if name in known:
            return known[name][0]
        case name:
            terms = [term.strip() for term in name.split("+")]
            return sum(int(t) if t.isdecimal() else known[t][0] if t in known else 1 for t in terms)
