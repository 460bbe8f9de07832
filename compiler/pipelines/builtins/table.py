"""The functions of the language: what each takes and gives. What they do is the executor's part."""

from __future__ import annotations

from ...onnx_model.signature import DType
from ...plan.types import BYTES, FLOAT, IMAGE, INT, JSON, TEXT, ListType, RecordType, TensorType, Type
from ...typing.callables import Parameter
from ...typing.partial import UNKNOWN
from .. import templates
from . import tensor_functions, tensors
from .builtin import Builtin, Concat, Format, Image, always, first, json, length, shown, top_k

_TEXTS = ListType(element=TEXT)


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
            top_k,
            positional=2,
        ),
        Builtin(
            "first(x)",
            "the first value of a list; it may be missing, since the list may be empty: `first(x) else y`",
            (_parameter("x"),),
            first,
        ),
        Concat(
            "concat(a, b, …)",
            "texts or lists one behind the other, tensors along their first axis, or along `axis = 1`",
            (),
            always(UNKNOWN),
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
                always(INT),
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
            json,
        ),
        Image(
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
            always(RecordType(fields={"width": INT, "height": INT})),
        ),
        Builtin(
            "sound(source, rate = 16_000)",
            "`bytes` of a WAV file as `tensor<f32, [_]>`: from -1 to 1, the mean of its channels, with "
            "`rate` samples for each second",
            (_parameter("source", BYTES), _optional("rate", INT)),
            always(TensorType(dtype=DType.F32, shape=(None,))),
            positional=1,
        ),
        Builtin(
            'json_path(value, "$.a[0]")',
            "the part of a JSON value that the path names, as `json?`; the path is a literal (RFC 9535)",
            (_parameter("value", JSON), _parameter("path", TEXT)),
            templates.json_path,
        ),
        Format(
            'format("{name}: {score:.2f}", name = x, …)',
            "a text with values in it; the template is a literal, with plain names or positions and "
            "Python's formats",
            (),
            always(TEXT),
        ),
        Builtin(
            "len(x)",
            "`int`: characters of a text, values of a list, bytes, items of a tensor's first axis",
            (_parameter("x"),),
            length,
        ),
        Builtin(
            "split_text(x, size, overlap = 0)",
            "`list<text>`: pieces of at most `size` characters, cut between paragraphs, else sentences, "
            "else words; neighbours share up to `overlap` characters",
            (_parameter("x", TEXT), _parameter("size", INT), _optional("overlap", INT)),
            always(_TEXTS),
            positional=2,
        ),
        Builtin(
            "join(texts, separator)",
            "one text of all, the separator between them",
            (_parameter("texts", _TEXTS), _parameter("separator", TEXT)),
            always(TEXT),
        ),
        Builtin(
            "text(x)",
            "a value as a text shows it: texts as they are, numbers and bools as a file writes them, "
            "all else as JSON",
            (_parameter("x"),),
            shown,
        ),
        Builtin(
            "decode(data)",
            "`bytes` read as UTF-8; what is none is replaced",
            (_parameter("data", BYTES),),
            always(TEXT),
        ),
    )


BUILTINS: dict[str, Builtin] = {builtin.name: builtin for builtin in _builtins()}
"""The functions by name. What a file declares under the same name goes first."""
