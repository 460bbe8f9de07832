"""The examples of `docs/python.md` run as they stand there, and print what stands below them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ..support.commands import ROOT

TEXT = (ROOT / "docs" / "python.md").read_text("utf-8")
FILE = re.compile(r"^```infer (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


def test_the_examples_print_what_stands_below_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    for name, text in FILE.findall(TEXT):
        Path(name).write_text(text, "utf-8")
    names: dict[str, object] = {}
    examples = EXAMPLE.findall(TEXT)
    assert len(examples) == TEXT.count("```python")
    for example, output in examples:
        exec(compile(example, "docs/python.md", "exec"), names)
        assert capsys.readouterr().out == output
