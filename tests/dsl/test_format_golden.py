"""Whole files in the one style, next to what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from inferc.dsl.formatting import format_source
from inferc.dsl.source import Source

from ..support.rows import each_row

FOLDER = Path(__file__).parent / "golden_format"
WRITTEN = sorted(path for path in FOLDER.glob("*.infer") if not path.stem.endswith(".formatted"))


def formatted(text: str) -> str:
    return format_source(Source("m.infer", text)).text


@each_row("path", WRITTEN, ids=lambda path: path.stem)
def test_a_file_in_the_one_style(path: Path, golden: Callable[[str | Path], Callable[[str], None]]) -> None:
    text = formatted(path.read_text("utf-8"))
    golden(path.with_suffix(".formatted.infer"))(text)
    assert formatted(text) == text


def test_the_sample_of_the_language(golden: Callable[[str | Path], Callable[[str], None]]) -> None:
    text = (Path(__file__).parent / "data" / "language.infer").read_text("utf-8")
    golden(FOLDER / "language.formatted.infer")(formatted(text))
