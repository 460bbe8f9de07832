"""Is this file an ONNX model? Answered in microseconds, without ONNX and without reading the weights.

An ONNX file is one protobuf message, `ModelProto`. Its top-level fields say how long they are, so
the file is walked by jumping from field to field; the graph, which holds the weights, is one of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ...dsl.files import NotRegular, open_regular
from ...dsl.record import frozen

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_IR_VERSION, _GRAPH, _OPSET_IMPORT = 1, 7, 8
_FIELDS = {
    1: _VARINT,  # ir_version
    2: _BYTES,  # producer_name
    3: _BYTES,  # producer_version
    4: _BYTES,  # domain
    5: _VARINT,  # model_version
    6: _BYTES,  # doc_string
    7: _BYTES,  # graph
    8: _BYTES,  # opset_import
    14: _BYTES,  # metadata_props
    20: _BYTES,  # training_info
    25: _BYTES,  # functions
    26: _BYTES,  # configuration
}
_FIRST_IR_VERSION_WITH_OPSETS = 3
_HEAD = 512
_LARGEST = (1 << 31) - 1
"""Bytes of a message, which is what a file is, in protobuf."""
_MOST_FIELDS = 10_000


def check_onnx_file(path: Path) -> str | None:
    """Why the file at `path` is no ONNX model, in words that continue "it cannot be used: …"; None if it is.

    A model passes when its outline is whole; whether ONNX Runtime can run it is not looked at.
    """
    try:
        with open_regular(path) as file:
            return _check_contents(file)
    except (FileNotFoundError, NotADirectoryError):
        return "there is no such file"
    except NotRegular as error:
        return error.strerror
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except ValueError as error:
        return f"its path is not valid: {error}"


def file_sha256(path: Path) -> str:
    """The sha256 of the file's contents, as lower-case hexadecimal digits. Raises OSError."""
    import hashlib

    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@frozen(eq=False, repr=False, slots=False)
class _Outline:
    """What the top-level fields say; `missing` bytes of the last one are not in the file."""

    ir_version: int | None
    has_graph: bool
    has_opsets: bool
    missing: int


class _NoProtobuf(Exception):
    """The bytes are no protobuf message with the fields of a model."""


def _check_contents(file: BinaryIO) -> str | None:
    head = file.read(_HEAD)
    if not head:
        return "it is empty"
    file.seek(0)
    size = os.fstat(file.fileno()).st_size
    try:
        outline = _walk(file, size)
    except _NoProtobuf:
        return _what_else(head)
    if not outline.ir_version:
        return _what_else(head)
    if outline.missing:
        return f"it is truncated: {outline.missing:,} bytes or more are missing at the end"
    if not outline.has_graph:
        return "it is truncated: it has no graph"
    if not outline.has_opsets and outline.ir_version >= _FIRST_IR_VERSION_WITH_OPSETS:
        return "it is truncated: the operator sets, which follow the graph, are missing"
    if size > _LARGEST:
        return (
            "it is larger than the 2 GiB that protobuf allows: save it with its weights in a file of their "
            "own, `onnx.save(…, save_as_external_data=True)`"
        )
    return None


def _walk(file: BinaryIO, size: int) -> _Outline:
    ir_version: int | None = None
    seen: set[int] = set()
    missing = 0
    for _ in range(_MOST_FIELDS):
        tag = _read_varint(file)
        if tag is None:
            break
        number, wire = tag >> 3, tag & 7
        if number == 0 or _FIELDS.get(number, wire) != wire:
            raise _NoProtobuf
        value = _skip(file, wire)
        if number == _IR_VERSION:
            ir_version = value
        missing = file.tell() - size
        if missing > 0:
            break
        seen.add(number)
    return _Outline(ir_version, _GRAPH in seen, _OPSET_IMPORT in seen, max(missing, 0))


def _skip(file: BinaryIO, wire: int) -> int:
    """Skip the value of a field; gives the value if it is a varint, else 0.

    A value that the end of the file cuts off leaves the position behind the end.
    """
    if wire == _VARINT:
        value = _read_varint(file)
        if value is not None:
            return value
        length = 1
    elif wire == _BYTES:
        announced = _read_varint(file)
        length = 1 if announced is None else announced
        if length >= 1 << 62:
            raise _NoProtobuf
    elif wire in (_FIXED64, _FIXED32):
        length = 8 if wire == _FIXED64 else 4
    else:
        raise _NoProtobuf
    file.seek(length, os.SEEK_CUR)
    return 0


def _read_varint(file: BinaryIO) -> int | None:
    """The next number; None at the end of the file."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise _NoProtobuf


def _starts(*prefixes: bytes, at: int = 0) -> Callable[[bytes], bool]:
    return lambda head: head[at:].startswith(prefixes)


def _is_html(head: bytes) -> bool:
    return head.lstrip().lower().startswith((b"<!doctype html", b"<html", b"<head", b"<?xml"))


def _is_text(head: bytes) -> bool:
    try:
        # The last character may be cut in two by the length of the head.
        text = (head[:-4] if len(head) == _HEAD else head).decode("utf-8", "strict")
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char in "\t\r\n" for char in text)


_KNOWN: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (
        _starts(b"version https://git-lfs.github.com/"),
        "it is a Git LFS pointer, not the model itself: run `git lfs pull`",
    ),
    (_is_html, "it is an HTML page: the download went wrong"),
    (_starts(b"ORTM", at=4), "it is a model in ONNX Runtime's own format (.ort), not an ONNX model"),
    (_starts(b"TFL3", at=4), "it is a TensorFlow Lite model: export it to ONNX first"),
    (_starts(b"GGUF"), "it is a GGUF model: serve it with a runtime that reads GGUF"),
    (_starts(b"\x89HDF\r\n"), "it is an HDF5 (Keras) model: export it to ONNX first"),
    (_starts(b'{"', at=8), "it is a safetensors file: export the model to ONNX first"),
    (_starts(b"PK\x03\x04"), "it is a zip archive or a PyTorch checkpoint: export the model to ONNX first"),
    (_starts(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), "it is a Python pickle, not an ONNX model"),
    (_starts(b"\x1f\x8b"), "it is compressed with gzip: unpack it first"),
    (_starts(b"\x28\xb5\x2f\xfd"), "it is compressed with zstd: unpack it first"),
    (lambda head: not any(head), "it holds only zeros: the download or the copy went wrong"),
    (_is_text, "it is a text file"),
)


def _what_else(head: bytes) -> str:
    for recognises, reason in _KNOWN:
        if recognises(head):
            return reason
    return "it is no ONNX model"
