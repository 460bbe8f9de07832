"""The functions of the language, as pipelines call them."""

from __future__ import annotations

import io
from typing import Any

import numpy
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from inferc.compiler.plan import JSON, TEXT
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.errors import StepFailed
from inferc.runtime.serving.pipelines.builtins import images
from inferc.runtime.serving.pipelines.builtins.images import image, image_size
from inferc.runtime.serving.pipelines.builtins.numeric import (
    argmax,
    cosine,
    normalize,
    reshape,
    softmax,
    top_k,
)
from inferc.runtime.serving.pipelines.builtins.splitting import split_text

from ...support.flows import pipeline_of, value_of
from ...support.pipelines import Graph


def f32(*values: Any) -> Any:
    return numpy.array(values, numpy.float32)


def test_cosine_compares_vectors_and_matrices() -> None:
    a, b = f32([3, 4], [0, 2], [0, 0]), f32([4, 3], [1, 0])
    assert cosine([3, 4], [4, 3]) == pytest.approx(0.96)
    numpy.testing.assert_allclose(cosine(a[0], b), [0.96, 0.6], rtol=1e-5)
    numpy.testing.assert_allclose(cosine(b, a[0]), [0.96, 0.6], rtol=1e-5)
    numpy.testing.assert_allclose(cosine(a, b), [[0.96, 0.6], [0.6, 0], [0, 0]], rtol=1e-5)
    assert cosine(a, numpy.zeros((0, 0), numpy.float32)).shape == (3, 0)  # type: ignore[union-attr]
    assert cosine(a[0], numpy.zeros((0, 0), numpy.float32)).shape == (0,)  # type: ignore[union-attr]
    for wrong in (f32(1, 2, 3), f32([1, 2, 3]), numpy.zeros((1, 1, 2), numpy.float32)):
        with pytest.raises(StepFailed, match="`cosine` takes vectors"):
            cosine(a, wrong)


def test_softmax_normalize_and_argmax_work_over_the_last_axis() -> None:
    x = f32([1, 2, 3], [1000, 0, 0])
    numpy.testing.assert_allclose(softmax(x).sum(axis=-1), [1, 1], rtol=1e-6)
    numpy.testing.assert_allclose(softmax([0, 0]), [0.5, 0.5])
    numpy.testing.assert_allclose(normalize(f32([3, 4], [0, 0])), [[0.6, 0.8], [0, 0]], rtol=1e-6)
    assert argmax([1, 3, 2]) == 1
    assert argmax(x).tolist() == [2, 0]  # type: ignore[union-attr]
    with pytest.raises(StepFailed, match="finds nothing"):
        argmax([])


def test_top_k_gives_the_best_first_and_of_equals_the_first() -> None:
    assert top_k(f32(0.5, 0.9, 0.9), 2) == [
        {"index": 1, "score": pytest.approx(0.9)},
        {"index": 2, "score": pytest.approx(0.9)},
    ]
    assert [each["item"] for each in top_k([1, 3, 2], 9, of=["a", "b", "c"])] == ["b", "c", "a"]
    assert top_k([], 3) == []
    for scores, k, of in (([1], -1, None), ([1, 2], 1, ["a"]), ([[1]], 1, None)):
        with pytest.raises(StepFailed, match="`top_k`"):
            top_k(scores, k, of)


def test_reshape_keeps_the_numbers() -> None:
    assert reshape(numpy.arange(6), [2, -1]).tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(StepFailed, match=r"int64\[6\] does not fit the shape \[4\]"):
        reshape(numpy.arange(6), [4])


def picture(size: tuple[int, int] = (40, 20), mode: str = "RGB", kind: str = "PNG") -> bytes:
    made = io.BytesIO()
    colour: Any = (255, 0, 51) if mode == "RGB" else 100
    Image.new(mode, size, colour).save(made, kind)
    return made.getvalue()


def test_an_image_becomes_what_models_take() -> None:
    values = image(picture(), width=4, height=2)
    assert (values.shape, values.dtype) == ((1, 3, 2, 4), numpy.float32)
    numpy.testing.assert_allclose(values[0, :, 0, 0], [1.0, 0.0, 0.2], atol=1e-6)
    scaled = image(picture(), mean=[0.5, 0.5, 0.2], std=[0.5, 0.25, 1])
    assert scaled.shape == (1, 3, 224, 224)
    numpy.testing.assert_allclose(scaled[0, :, 9, 9], [1.0, -2.0, 0.0], atol=1e-6)
    for mode, kind in (("L", "PNG"), ("P", "GIF"), ("RGB", "JPEG"), ("RGB", "WEBP")):
        assert image(picture(mode=mode, kind=kind), 8, 8).shape == (1, 3, 8, 8)


def test_an_image_is_given_as_a_model_was_trained_with_it() -> None:
    """A wide picture whose left half is red and whose right half is blue."""
    wide = Image.new("RGB", (40, 20), (255, 0, 0))
    wide.paste((0, 0, 255), (20, 0, 40, 20))
    source = encoded(wide)
    assert image_size(source) == {"width": 40, "height": 20}
    boxed = image(source, 20, 20, box=[20, 0, 40, 20])
    numpy.testing.assert_allclose(boxed[0, :, 3, 3], [0, 0, 1], atol=1e-6)
    bgr = image(source, 40, 20, colors="bgr", layout="nhwc", scale=1.0)
    assert bgr.shape == (1, 20, 40, 3)
    assert bgr[0, 0, 0].tolist() == [0, 0, 255]
    gray = image(source, 40, 20, colors="gray", mean=[0.0], std=[0.5])
    assert gray.shape == (1, 1, 20, 40)
    assert gray[0, 0, 0, 0] == pytest.approx(76 / 255 / 0.5)
    letterbox = image(source, 40, 40, fit="letterbox", pad=114)
    assert letterbox[0, :, 5, 20].tolist() == pytest.approx([114 / 255] * 3)
    assert letterbox[0, :, 20, 5].tolist() == pytest.approx([1, 0, 0])
    cropped = image(source, 10, 10, fit="crop", resize=20, resample="nearest")
    assert cropped[0, 0, 5].tolist() == [1] * 5 + [0] * 5
    assert cropped[0, :, :, 0].tolist() == image(source, 10, 10, fit="crop", resize=12)[0, :, :, 0].tolist()
    for wrong in ([0, 0, 1], [5, 5, 5, 9], [50, 0, 60, 9], [0, 0, float("nan"), 1]):
        with pytest.raises(StepFailed, match="box"):
            image(source, box=wrong)


def test_an_image_is_turned_as_its_camera_says() -> None:
    tall = Image.new("RGB", (8, 4), (255, 0, 0))
    exif = tall.getexif()
    exif[0x0112] = 6  # turned by a quarter
    target = io.BytesIO()
    tall.save(target, "JPEG", exif=exif)
    assert image_size(target.getvalue()) == {"width": 4, "height": 8}


def encoded(made: Image.Image) -> bytes:
    target = io.BytesIO()
    made.save(target, "PNG")
    return target.getvalue()


def test_what_is_no_image_and_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in (b"", b"no image", picture()[:60]):
        with pytest.raises(StepFailed, match="image"):
            image(wrong)
    for arguments in ({"width": 0}, {"height": 10**6}, {"mean": [1.0]}, {"std": [1.0, 0.0, 1.0]}):
        with pytest.raises(StepFailed):
            image(picture(), **arguments)  # type: ignore[arg-type]
    monkeypatch.setattr(images, "MAX_PIXELS", 799)
    with pytest.raises(StepFailed, match="the image is 40 x 20: 799 pixels at most"):
        image(picture())


@given(st.text(alphabet="ab .\n", max_size=200), st.integers(1, 30), st.integers(0, 29))
def test_pieces_of_a_text_hold_all_of_it_and_none_is_too_long(text: str, size: int, overlap: int) -> None:
    if overlap >= size:
        overlap = 0
    pieces = split_text(text, size, overlap)
    assert all(0 < len(piece) <= size for piece in pieces)
    if not overlap:
        assert "".join("".join(pieces).split()) == "".join(text.split())
    else:
        assert set("".join(pieces)) >= set(text) - set(" \n")


def test_a_text_is_cut_where_it_reads_well() -> None:
    text = "First paragraph. It goes on.\n\nSecond one. " + "word " * 9
    assert split_text(text, 40) == [
        "First paragraph. It goes on.",
        "Second one. word word word word word",
        "word word word word",
    ]
    assert split_text("One. Two is longer. Three.", 20) == ["One. Two is longer.", "Three."]
    assert split_text("a b c d e f", 5, 2) == ["a b c", "c d e", "e f"]
    assert split_text("  ", 5) == []
    for size, overlap in ((0, 0), (5, 5), (5, -1)):
        with pytest.raises(StepFailed, match="`split_text`"):
            split_text("x", size, overlap)


def test_a_long_text_is_split_in_time() -> None:
    assert len(split_text("some words. " * 200_000, 1000)) > 2000


def _value(graph: Graph, **given: Any) -> Any:
    async def scenario() -> Any:
        types = {name: TEXT if isinstance(value, str) else JSON for name, value in given.items()}
        return await value_of(pipeline_of(graph.pipeline("r", **types)), **given)

    return run_virtual(scenario())


def test_functions_are_called_from_pipelines_with_names_and_without() -> None:
    graph = Graph()
    graph.constant("size", 3)
    graph.constant("one", 1)
    graph.builtin("r", "split_text", "t", "size", overlap="one")
    assert _value(graph, t="a b c d") == ["a b", "b c", "c d"]

    graph = Graph()
    graph.constant("template", "{name}: {score:.2f} {0:>4}|{ok}")
    graph.constant("n", 7)
    graph.constant("score", 0.123)
    graph.constant("ok", True)
    graph.builtin("r", "format", "template", "n", name="t", score="score", ok="ok")
    assert _value(graph, t="x") == "x: 0.12    7|true"

    graph = Graph()
    graph.constant("comma", ", ")
    graph.list("xs", "t", "t")
    graph.builtin("more", "concat", "xs", "xs")
    graph.builtin("r", "join", "more", "comma")
    assert _value(graph, t="x") == "x, x, x, x"

    graph = Graph()
    graph.builtin("both", "concat", "t", "t")
    graph.builtin("r", "len", "both")
    assert _value(graph, t="xyz") == 6


@pytest.mark.parametrize(
    ("given", "first"), [(["a", "b"], "a"), ([], "none"), ([None, "b"], "none"), ([""], ""), ([0], 0)]
)
def test_the_first_value_of_a_list_is_there_or_else_another(given: list[object], first: object) -> None:
    graph = Graph()
    graph.constant("xs", given)
    graph.builtin("r.1", "first", "xs", block="r.1")
    graph.constant("r.2", "none", block="r.2")
    graph.attempt("r", "r.1", "r.2")
    assert _value(graph, t="x") == first


@pytest.mark.parametrize(
    ("path", "found"),
    [("$.a[0].b", 1), ("$.a[*].b", [1, 2]), ("$.missing", None), ("$..b", [1, 2]), ("$.n", None)],
)
def test_a_path_finds_one_value_or_a_list_of_them(path: str, found: object) -> None:
    graph = Graph()
    graph.constant("path", path)
    graph.builtin("r", "json_path", "v", "path")
    assert _value(graph, v={"a": [{"b": 1}, {"b": 2}], "n": None}) == found


def test_values_become_text_as_a_file_writes_them() -> None:
    for value, text in ((1.5, "1.5"), (True, "true"), (["a", 1], '["a",1]'), ({"ä": None}, '{"ä":null}')):
        graph = Graph()
        graph.constant("c", value)
        graph.builtin("r", "text", "c")
        assert _value(graph, t="x") == text
