"""The functions of the language: what each takes and gives. What they do is the executor's part."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from ...dsl import syntax as s
from ...dsl.record import frozen
from ..onnx_model.signature import DType
from ..plan.types import (
    BYTES,
    FLOAT,
    IMAGE,
    INT,
    JSON,
    TEXT,
    ListType,
    OptionalType,
    RecordType,
    TensorType,
    Type,
    TypeKind,
)
from ..typing.callables import Parameter
from ..typing.fit import common, is_jsonable
from ..typing.partial import UNKNOWN, is_known, is_text, show_type
from . import templates, tensor_functions, tensors
from .arguments import Arguments, bind, shown_types
from .coerce import as_json, first_that_fits
from .explain import expect, mismatch
from .inferrer import Inferrer
from .texts import check_shown
from .typed import BuiltinCall, Constant, Typed

_TEXTS = ListType(element=TEXT)

ResultOf = Callable[[Inferrer, s.CallExpression, Arguments], Type]
"""The type of what a function gives; mistakes that its arguments make together are reported."""


@frozen(eq=False, repr=False)
class Builtin:
    """A function of the language.

    form: how it is written. told: what it gives, in words. parameters: one without types is checked by
    `result`. positional: how many arguments may stand without a name; unset: all.
    """

    form: str
    told: str
    parameters: tuple[Parameter, ...]
    result: ResultOf
    positional: int | None = None

    @property
    def name(self) -> str:
        return self.form.partition("(")[0]

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        """A call of the function."""
        positional = len(self.parameters) if self.positional is None else self.positional
        given, right = bind(inferrer, node, self.name, self.parameters, positional)
        for parameter in self.parameters:
            typed, types = given.get(parameter.name), parameter.types
            if typed is None or not types:
                continue
            made = first_that_fits(inferrer, typed, types)
            if made is not None:
                given[parameter.name] = made
                continue
            right = False
            name, found = f"`{parameter.name}` of `{self.name}`", show_type(typed.type)
            mismatch(inferrer, typed, types, f"{name} is {shown_types(parameter)}, found {found}")
        right = right and all(is_known(each.type) for each in given.values())
        type = self.result(inferrer, node, given) if right else UNKNOWN
        names = [each.name for each in self.parameters[:positional]]
        arguments = tuple(given[name] for name in names if name in given)
        named = {name: typed for name, typed in given.items() if name not in names}
        return BuiltinCall(node, type, self.name, arguments, named)


def _always(type: Type) -> ResultOf:
    return lambda *_: type


def _top_k(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    return tensors.top_k(inferrer, given)


def _length(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    [typed] = given.values()
    if is_text(typed.type) or typed.type.kind in (TypeKind.LIST, TypeKind.BYTES, TypeKind.TENSOR):
        return INT
    shown = show_type(typed.type)
    mismatch(inferrer, typed, (), f"`len` takes a text, a list, bytes or a tensor, found {shown}")
    return UNKNOWN


def _first(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    [typed] = given.values()
    if isinstance(typed.type, ListType):
        element = typed.type.element
        return element if isinstance(element, OptionalType) else OptionalType(inner=element)
    mismatch(inferrer, typed, (), f"`first` takes a list, found {show_type(typed.type)}")
    return UNKNOWN


def _json(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    [typed] = given.values()
    if is_jsonable(as_json(typed).type):
        return JSON
    mismatch(inferrer, typed, (JSON,), f"{show_type(typed.type)} cannot be written as JSON")
    return UNKNOWN


def _shown(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    [typed] = given.values()
    return TEXT if check_shown(inferrer, typed) else UNKNOWN


@frozen(eq=False, repr=False)
class _Concat(Builtin):
    """`concat` takes any number of values, all of one type."""

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        *others, last = node.arguments or (None,)
        axis = None
        if isinstance(last, s.NamedArgument) and last.name.text == "axis":
            axis = inferrer.infer(last.value)
            expect(inferrer, axis, INT, f"`axis` is an int, found {show_type(axis.type)}")
            node = evolve(node, arguments=tuple(each for each in others if each is not None))
        typed = tuple(map(inferrer.infer, node.arguments))
        type = self._type(inferrer, node, typed, axis)
        return BuiltinCall(node, type, self.name, typed, {} if axis is None else {"axis": axis})

    def _type(
        self, inferrer: Inferrer, node: s.CallExpression, typed: tuple[Typed, ...], axis: Typed | None
    ) -> Type:
        named = [each for each in node.arguments if isinstance(each, s.NamedArgument)]
        if named or not typed:
            message = (
                "`concat` takes values without names" if named else "`concat` needs values to put together"
            )
            inferrer.error("E0311", message, named[0].name if named else node, help="write `concat(a, b)`")
            return UNKNOWN
        if not all(is_known(each.type) for each in typed):
            return UNKNOWN
        first = typed[0]
        if isinstance(first.type, TensorType):
            return tensor_functions.concat(inferrer, typed, axis)
        if axis is not None:
            inferrer.error("E0311", "only tensors have an `axis` to be joined along", axis.node)
            return UNKNOWN
        if not is_text(first.type) and not isinstance(first.type, ListType):
            shown = show_type(first.type)
            mismatch(inferrer, first, (), f"`concat` puts texts, lists or tensors together, found {shown}")
            return UNKNOWN
        type: Type = TEXT if is_text(first.type) else first.type
        for each in typed[1:]:
            both = common(type, each.type)
            if both is None or both.kind is not type.kind:
                shown = f"{show_type(first.type)} and {show_type(each.type)}"
                mismatch(inferrer, each, (type,), f"`concat` puts values of one kind together, found {shown}")
                return UNKNOWN
            type = both
        return type


@frozen(eq=False, repr=False)
class _Format(Builtin):
    """`format` takes a template and whatever stands in it."""

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        return templates.infer_format(inferrer, node)


@frozen(eq=False, repr=False)
class _Image(Builtin):
    """`image` has a size, said or not."""

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        typed = super().infer(inferrer, node)
        assert isinstance(typed, BuiltinCall)
        for name in ("width", "height"):
            typed.named.setdefault(name, Constant(node, INT, tensors.IMAGE_SIZE))
        return typed


def _parameter(name: str, *types: Type, required: bool = True) -> Parameter:
    return Parameter(name, types, required)


def _optional(name: str, *types: Type) -> Parameter:
    return Parameter(name, types, required=False)


def _builtins() -> tuple[Builtin, ...]:
    floats = tensors.FLOATS
    return (
        Builtin(
            "cosine(a, b)",
            "how alike vectors are, -1 to 1: a number for two vectors; for a vector and a matrix, in either "
            "order, one for each row, `tensor<f32, [rows]>`; for two matrices one for each pair",
            (_parameter("a"), _parameter("b")),
            tensors.cosine,
        ),
        Builtin(
            "softmax(x)",
            "positive numbers that are 1 together along the last axis; the same shape, `f32`",
            (_parameter("x"),),
            tensors.same_shape,
        ),
        Builtin(
            "normalize(x)",
            "vectors of length 1 along the last axis, the same shape, `f32`; a zero vector stays as it is",
            (_parameter("x"),),
            tensors.same_shape,
        ),
        Builtin(
            "argmax(x)",
            "where the largest number is: an `int` for a vector, else `tensor<i64, …>` without the last axis",
            (_parameter("x"),),
            tensors.argmax,
        ),
        Builtin(
            "top_k(scores, k, of = items)",
            "the best `k`, best first: a list of `{ item, index: int, score: float }`, without `item` "
            "when no list of items is given",
            (_parameter("scores"), _parameter("k", INT), _optional("of")),
            _top_k,
            positional=2,
        ),
        Builtin(
            "first(x)",
            "the first value of a list; it may be missing, since the list may be empty: `first(x) else y`",
            (_parameter("x"),),
            _first,
        ),
        _Concat(
            "concat(a, b, …)",
            "texts or lists one behind the other, tensors along their first axis, or along `axis = 1`",
            (),
            _always(UNKNOWN),
        ),
        Builtin(
            "reshape(x, [1, 3, 224])",
            "the same numbers in another shape; one size may be -1, the one that follows from the others",
            (_parameter("x"), _parameter("shape", ListType(element=INT))),
            tensor_functions.reshape,
        ),
        Builtin(
            'tensor([[1.0, 2.0]], "f32")',
            "a number, or lists in lists, as a tensor; unless a type is said, floats are `f32`, ints `i64`",
            (_parameter("x"), _optional("dtype", tensor_functions.CASTS)),
            tensor_functions.tensor,
        ),
        Builtin(
            'zeros([1, 3], "f32")',
            "a tensor of zeros",
            (_parameter("shape", ListType(element=INT)), _optional("dtype", tensor_functions.CASTS)),
            tensor_functions.zeros,
        ),
        Builtin(
            'cast(x, "f16")',
            "the same numbers as another type; what stands behind the point is lost when ints are asked for",
            (_parameter("x"), _parameter("dtype", tensor_functions.CASTS)),
            tensor_functions.cast,
        ),
        Builtin(
            "transpose(x, [0, 2, 1])",
            "the axes in another order, reversed when none is said",
            (_parameter("x"), _optional("axes", ListType(element=INT))),
            tensor_functions.transpose,
        ),
        Builtin(
            "stack(x)",
            "a list of tensors of one shape along a new first axis",
            (_parameter("x"),),
            tensor_functions.stack,
        ),
        Builtin(
            "split(x, parts, axis = 0)",
            "a list of so many tensors of one size along an axis",
            (_parameter("x"), _parameter("parts", INT), _optional("axis", INT)),
            tensor_functions.split,
            positional=2,
        ),
        Builtin(
            "windows(x, size, step)",
            "parts of `size` along the first axis, each `step` behind the one before, as a new first axis; "
            "what is left over at the end is out",
            (_parameter("x"), _parameter("size", INT), _parameter("step", INT)),
            tensor_functions.windows,
        ),
        Builtin(
            "regions(x, threshold, least = 1, score = 0.0, …)",
            "where numbers above the threshold touch: of a vector a list of `{ start: int, end: int, score: "
            "float }`, of a matrix of `{ left: int, top: int, right: int, bottom: int, score: float }`; "
            "`end`, `right` and `bottom` are behind the last, the score is the mean inside. `least` and "
            "`score` leave out what is smaller. Of a vector, `gap = 2` joins what is no further apart; of a "
            "matrix, `grow = 1.6` widens boxes on each side by their area, times that, over their perimeter",
            (
                _parameter("x"),
                _parameter("threshold", FLOAT),
                _optional("least", INT),
                _optional("gap", INT),
                _optional("score", FLOAT),
                _optional("grow", FLOAT),
            ),
            tensor_functions.regions,
            positional=2,
        ),
        *(
            Builtin(
                f"{name}(x)",
                f"a number as an `int`: {told}",
                (_parameter("x", FLOAT),),
                _always(INT),
            )
            for name, told in (
                ("round", "the nearest, the even one of two"),
                ("floor", "the next below"),
                ("ceil", "the next above"),
            )
        ),
        *(
            Builtin(
                f"{name}(x, axis = …)",
                f"the {told} of all numbers, or, with an axis, one for each place beside it",
                (_parameter("x"), _optional("axis", INT)),
                tensor_functions.reduced,
                positional=1,
            )
            for name, told in (("sum", "sum"), ("mean", "mean"), ("max", "largest"), ("min", "least"))
        ),
        Builtin(
            "json(x)",
            "a value as `json`, tensors as lists in lists",
            (_parameter("x"),),
            _json,
        ),
        _Image(
            "image(source, width = 224, height = 224, mean = […], std = […], …)",
            "`bytes` or an `image`, turned as its camera says, as `tensor<f32, [1, 3, height, width]>`: red, "
            "green, blue from 0 to 1, then `(x - mean) / std`. `box = [left, top, right, bottom]` takes "
            'that part, in pixels; `fit = "crop"` cuts off what is over, once the shorter side has `resize`, '
            '`"letterbox"` fills up with `pad` (0 to 255), `"stretch"` does neither; `resample = "bicubic"`; '
            "`turn = 180` turns it as a clock goes; "
            '`colors` are `"rgb"`, `"bgr"` or `"gray"`; `layout = "nhwc"` puts them last; `scale = 1.0` '
            "leaves them from 0 to 255",
            (
                _parameter("source", BYTES, IMAGE),
                _optional("width", INT),
                _optional("height", INT),
                _optional("mean", floats),
                _optional("std", floats),
                _optional("box", floats),
                _optional("fit", tensors.FITS),
                _optional("resize", INT),
                _optional("pad", INT),
                _optional("resample", tensors.RESAMPLING),
                _optional("colors", tensors.COLORS),
                _optional("layout", tensors.LAYOUTS),
                _optional("scale", FLOAT),
                _optional("turn", INT),
            ),
            tensors.image,
            positional=1,
        ),
        Builtin(
            "image_size(source)",
            "`{ width: int, height: int }` of `bytes` or an `image`, in pixels",
            (_parameter("source", BYTES, IMAGE),),
            _always(RecordType(fields={"width": INT, "height": INT})),
        ),
        Builtin(
            "sound(source, rate = 16_000)",
            "`bytes` of a WAV file as `tensor<f32, [_]>`: from -1 to 1, the mean of its channels, with "
            "`rate` samples for each second",
            (_parameter("source", BYTES), _optional("rate", INT)),
            _always(TensorType(dtype=DType.F32, shape=(None,))),
            positional=1,
        ),
        Builtin(
            'json_path(value, "$.a[0]")',
            "the part of a JSON value that the path names, as `json?`; the path is a literal (RFC 9535)",
            (_parameter("value", JSON), _parameter("path", TEXT)),
            templates.json_path,
        ),
        _Format(
            'format("{name}: {score:.2f}", name = x, …)',
            "a text with values in it; the template is a literal, with plain names or positions and "
            "Python's formats",
            (),
            _always(TEXT),
        ),
        Builtin(
            "len(x)",
            "`int`: characters of a text, values of a list, bytes, items of a tensor's first axis",
            (_parameter("x"),),
            _length,
        ),
        Builtin(
            "split_text(x, size, overlap = 0)",
            "`list<text>`: pieces of at most `size` characters, cut between paragraphs, else sentences, "
            "else words; neighbours share up to `overlap` characters",
            (_parameter("x", TEXT), _parameter("size", INT), _optional("overlap", INT)),
            _always(_TEXTS),
            positional=2,
        ),
        Builtin(
            "join(texts, separator)",
            "one text of all, the separator between them",
            (_parameter("texts", _TEXTS), _parameter("separator", TEXT)),
            _always(TEXT),
        ),
        Builtin(
            "text(x)",
            "a value as a text shows it: texts as they are, numbers and bools as a file writes them, "
            "all else as JSON",
            (_parameter("x"),),
            _shown,
        ),
        Builtin(
            "decode(data)",
            "`bytes` read as UTF-8; what is none is replaced",
            (_parameter("data", BYTES),),
            _always(TEXT),
        ),
    )


BUILTINS: dict[str, Builtin] = {builtin.name: builtin for builtin in _builtins()}
"""The functions by name. What a file declares under the same name goes first."""
