"""What it means that ONNX Runtime failed to run a model: the caller's fault, or ours."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ....requests.errors import BadRequest, RequestError

_LONGEST_REASON = 200
_SHAPES = ("Non-zero status code returned while running", "INVALID_ARGUMENT")
_OURS = ("alloc", "memory", "CUDA", "CUBLAS", "CUDNN", "TensorRT", "terminate")
# Numbers of errors, and places in ONNX Runtime's sources: "…/graph.cc:46 void f(int, T&) const".
_CODE = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : ")
_LOADING = re.compile(r"^Load model from (?:.*? failed:|\S+ )")
_SOURCE = re.compile(r"\S*/\S+\.(?:h|hpp|cc|cpp|cu):\d+ [^()]*\([^()]*\)(?: const)?(?: \[with [^\]]*\])? ?")
_NODE = re.compile(
    r"^Non-zero status code returned while running (\w+) node\. Name:'([^']*)' Status Message: "
)
_OUTSIDE = re.compile(r"indices element out of data bounds, idx=(-?\d+)")

_ADVICE = {
    "Unsupported model IR version": "export it for an older version of ONNX, or install a newer ONNX Runtime",
    "Error No Op registered for": "it is no operator of ONNX in that version: export it for another one",
    "Error No opset import for domain": "export it again, with the version of those operators",
    " ai.onnx.preview": "ONNX Runtime does not have that operator yet: export it for an older ONNX",
    " ai.onnx.contrib:": "name the library of the package `onnxruntime-extensions`: `custom_ops`",
    " com.microsoft.extensions:": "name the library of the package `onnxruntime-extensions`: `custom_ops`",
    "is not a registered function/op": "name the library that has the operator: `custom_ops`",
    "Could not find an implementation for": "ONNX Runtime has that operator for other types, or in other "
    "versions only: export it for another version of ONNX, or `onnx.version_converter` converts it",
    "Please load external data into raw data": "save it again with small weights in the model itself, "
    "`size_threshold=1024`",
    "External data path escapes model directory": "no link to its weights may lead out of the folder of the "
    "model: put the weights themselves there",
    "Failed to construct locale": "install that locale (Debian: the package `locales`, then "
    "`localedef -i en_US -f UTF-8 en_US.UTF-8`)",
    "is under development and support for this is limited": "export it for an older version of ONNX, or "
    "install a newer ONNX Runtime",
}
"""What to do about a model that cannot be loaded, by words of ONNX Runtime."""


def advice(error: Exception) -> str:
    """What to do about a model that cannot be loaded, as the end of a sentence; empty where nobody knows."""
    return next((f": {advice}" for words, advice in _ADVICE.items() if words in str(error)), "")


def first_line(error: Exception) -> str:
    """The start of what `error` says, without what only ONNX Runtime's authors can use."""
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    text = _LOADING.sub("", _SOURCE.sub("", _CODE.sub("", text)))
    text = _NODE.sub(lambda node: f"{node[1]} {f'`{node[2]}`' if node[2] else ''}".strip() + ": ", text)
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON].rsplit(' ', 1)[0]} …"


def explain(error: Exception, owner: str, given: str) -> RequestError:
    """The failure of a run on the caller's own tensors.

    A model need not say which sizes it takes: what an operator refuses is then found out by running it.
    given: what came, in words.
    """
    text = str(error)
    if any(sign in text for sign in _SHAPES) and not any(sign in text for sign in _OURS):
        return BadRequest(
            f"{owner}: the model cannot take these inputs, {given}: {first_line(error)}", param="inputs"
        )
    return RequestError(f"{owner}: the model failed: {first_line(error)}")


def is_out_of_memory(error: Exception) -> bool:
    """Whether a run failed because it wanted more memory than there is."""
    return "Failed to allocate memory for requested buffer" in str(error)


def is_outside(error: Exception) -> bool:
    """Whether the model looked up a token, or a position, that it has no place for."""
    return _OUTSIDE.search(str(error)) is not None


def unknown_token(error: Exception, tokens: Sequence[int], owner: str) -> RequestError | None:
    """What to say if the model failed because it has no place for one of `tokens`, None if that is not why.

    Positions are looked up like tokens, and too long a text fails in the same way: only a number that no
    position has can be told apart.
    """
    outside = _OUTSIDE.search(str(error))
    if outside is None:
        return None
    token = int(outside[1])
    if token not in tokens or token <= len(tokens) + 1:
        return None
    return RequestError(
        f"{owner}: the model does not know token {token}: its `tokenizer` must be the one that belongs to it "
        f"({first_line(error)})"
    )
