"""The table of provider options, held against the ONNX Runtime that is installed."""

from __future__ import annotations

import importlib.util
import mmap
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from inferc.compiler.onnx_model.provider_options import (
    Option,
    as_text,
    fits,
    options_of,
    profile_shapes,
    version as table_version,
)
from inferc.dsl.codes import explain
from inferc.dsl.units import Duration, Size

from ..support.rows import each_row

PROVIDERS = ("cuda", "tensorrt", "cpu")
TYPES = {"flag", "number", "size", "milliseconds", "choice", "path", "text", "shapes"}


@each_row("provider", PROVIDERS)
def test_each_option_has_a_type_that_is_known_and_choices_where_it_has_some(provider: str) -> None:
    for option in options_of(provider).values():
        assert option.type in TYPES
        assert (option.type == "choice") == bool(option.choices)
        assert option.expected


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_every_option_is_known_to_the_installed_library(provider: str) -> None:
    found = importlib.util.find_spec("onnxruntime")
    assert found is not None
    assert found.origin is not None
    library = Path(found.origin).parent / "capi" / f"libonnxruntime_providers_{provider}.so"
    if not library.exists() or installed() != table_version():
        pytest.skip(f"the table is of onnxruntime-gpu {table_version()}")
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as contents:
        start = contents.find(b"\0device_id\0")
        # Names that the parser of options is given stand together; shared endings may hide a first zero.
        missing = [
            name
            for name in options_of(provider)
            if contents.find(f"{name}\0".encode(), max(start - 10**7, 0)) < 0
        ]
    assert start >= 0
    assert missing == []


def installed() -> str | None:
    try:
        return version("onnxruntime-gpu")
    except PackageNotFoundError:
        return None


def test_the_explanation_of_an_unknown_option_lists_those_there_are() -> None:
    page = explain("E0506")
    assert page is not None
    text = " ".join(block.text for block in page.blocks())
    assert [n for p in PROVIDERS for n in options_of(p) if f"`{n}`" not in text and n not in text] == []
    assert table_version() in text


@each_row(
    ("option", "value", "passed"),
    [
        (Option("flag"), True, "1"),
        (Option("flag"), False, "0"),
        (Option("number"), 3, "3"),
        (Option("size"), Size(1 << 30), "1073741824"),
        (Option("milliseconds"), Duration(0.25), "250"),
        (Option("choice", ("A", "B")), "A", "A"),
        (Option("path"), "cache", "cache"),
        (Option("text"), "Relu,Gelu", "Relu,Gelu"),
        (Option("shapes"), "a:1x2,b:3", "a:1x2,b:3"),
    ],
)
def test_a_value_that_fits_is_passed_as_text(option: Option, value: object, passed: str) -> None:
    assert fits(option, value)
    assert as_text(option, value) == passed


@each_row(
    ("type", "value"),
    [
        ("flag", 1),
        ("flag", "true"),
        ("number", True),
        ("number", -1),
        ("number", 2**31),
        ("number", Size(4)),
        ("size", 4096),
        ("milliseconds", 100),
        ("choice", "C"),
        ("path", ""),
        ("path", ["a"]),
        ("text", 7),
        ("shapes", "1x2"),
        ("shapes", "a:1x,b:2"),
        ("shapes", "a:1 x 2"),
    ],
)
def test_a_value_of_another_type_does_not_fit(type: str, value: object) -> None:
    assert not fits(Option(type, ("A", "B") if type == "choice" else ()), value)


def test_profile_shapes_are_read_by_input() -> None:
    assert profile_shapes("ids:1x16,mask:1x16,scale:2") == {"ids": (1, 16), "mask": (1, 16), "scale": (2,)}
