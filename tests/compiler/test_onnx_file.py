from __future__ import annotations

import hashlib
import os
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from inferc.compiler.onnx_model.onnx_file import check_onnx_file, file_sha256

from ..support.rows import each_row

MODELS = Path(__file__).resolve().parents[2] / "samples" / "models"


@pytest.fixture(params=["minilm.onnx", "magika.onnx"])
def model(request: pytest.FixtureRequest) -> Path:
    path = MODELS / str(request.param)
    if not path.exists():
        pytest.fail(f"{path} is not there: run `make models`")
    return path


def check(tmp_path: Path, contents: bytes) -> str | None:
    path = tmp_path / "model.onnx"
    path.write_bytes(contents)
    return check_onnx_file(path)


def test_real_models_pass(model: Path) -> None:
    assert check_onnx_file(model) is None


def test_a_real_model_is_checked_without_reading_its_weights(model: Path) -> None:
    check_onnx_file(model)
    times = []
    for _ in range(20):
        started = time.perf_counter()
        check_onnx_file(model)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.01


@each_row("share", [0.0001, 0.1, 0.5, 0.99])
def test_a_model_that_was_cut_off_is_truncated(model: Path, tmp_path: Path, share: float) -> None:
    contents = model.read_bytes()
    reason = check(tmp_path, contents[: int(len(contents) * share)])
    assert reason is not None
    assert reason.startswith("it is truncated")


def test_a_model_without_its_last_bytes_is_truncated(model: Path, tmp_path: Path) -> None:
    contents = model.read_bytes()
    assert str(check(tmp_path, contents[:-1])).startswith("it is truncated")


def test_the_number_of_missing_bytes_is_told(tmp_path: Path) -> None:
    whole = b"\x08\x08" + b"\x3a\x64" + bytes(100) + b"\x42\x02\x10\x11"
    assert check(tmp_path, whole) is None
    assert check(tmp_path, whole[:50]) == "it is truncated: 54 bytes or more are missing at the end"


def test_a_file_that_protobuf_cannot_hold_is_told(tmp_path: Path) -> None:
    graph = 3 << 30
    length = bytes([graph & 127 | 128, *(graph >> shift & 127 | 128 for shift in (7, 14, 21)), graph >> 28])
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x08" + b"\x42\x02\x10\x11" + b"\x3a" + length)
    os.truncate(path, path.stat().st_size + graph)
    assert str(check_onnx_file(path)).startswith("it is larger than the 2 GiB that protobuf allows: save it")


def test_a_model_cut_off_behind_its_graph_is_truncated(tmp_path: Path) -> None:
    whole = b"\x08\x08" + b"\x3a\x01\x00" + b"\x42\x02\x10\x11"
    assert check(tmp_path, whole) is None
    assert check(tmp_path, whole[:5]) == (
        "it is truncated: the operator sets, which follow the graph, are missing"
    )


@each_row(
    ("contents", "reason"),
    [
        (b"", "it is empty"),
        (b"hello\n", "it is a text file"),
        ("größer als 1 €\n".encode() * 100, "it is a text file"),
        (b"<!DOCTYPE html><html></html>", "it is an HTML page"),
        (b"\n  <html lang='en'>", "it is an HTML page"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n",
            "it is a Git LFS pointer, not the model itself: run `git lfs pull`",
        ),
        (b"PK\x03\x04" + bytes(40), "PyTorch checkpoint"),
        (b"GGUF\x03\x00\x00\x00", "GGUF"),
        (b"\x1f\x8b\x08\x00" + bytes(10), "gzip"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\x80\x04\x95\x10\x00", "pickle"),
        (b"\x18\x00\x00\x00ORTM" + bytes(40), ".ort"),
        (b"\x40\x00\x00\x00\x00\x00\x00\x00" + b'{"weight":{}}', "safetensors"),
        (bytes(5000), "only zeros"),
        (b"\x7fELF\x02\x01\x01", "it is no ONNX model"),
    ],
)
def test_what_it_is_instead_is_told(tmp_path: Path, contents: bytes, reason: str) -> None:
    assert reason in str(check(tmp_path, contents))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert check_onnx_file(tmp_path / "nowhere.onnx") == "there is no such file"
    (tmp_path / "file").write_text("x")
    assert check_onnx_file(tmp_path / "file" / "model.onnx") == "there is no such file"


def test_what_is_no_regular_file_is_told_without_opening_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.onnx")
    assert check_onnx_file(tmp_path / "fifo.onnx") == "it is a FIFO"
    assert check_onnx_file(tmp_path) == "it is a directory"
    assert check_onnx_file(Path("/dev/null")) == "it is a device"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert check_onnx_file(tmp_path / "s") == "it is a socket"


def test_a_path_that_no_file_can_have_is_told() -> None:
    assert "not valid" in str(check_onnx_file(Path("model\0.onnx")))


@given(contents=st.binary(max_size=2000))
def test_bytes_without_graph_and_operator_sets_never_pass(
    tmp_path_factory: pytest.TempPathFactory, contents: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.onnx"
    path.write_bytes(contents)
    reason = check_onnx_file(path)
    # Whatever passes must hold at least the tags of a version and a graph.
    assert reason is not None or (b"\x08" in contents and b"\x3a" in contents)


@given(cut=st.integers(min_value=0), flip=st.integers(min_value=0), value=st.integers(0, 255))
def test_a_damaged_outline_is_answered_and_never_raised(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int, value: int
) -> None:
    contents = bytearray(b"\x08\x08\x12\x07pytorch\x3a\x64" + bytes(100) + b"\x42\x02\x10\x11")
    contents[flip % len(contents)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(contents[: cut % (len(contents) + 1)])
    reason = check_onnx_file(path)
    assert reason is None or reason.startswith("it ")


def test_the_sha256_is_that_of_the_contents(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 100_000)
    assert file_sha256(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()
