"""Patterns that are compiled when they are first used say what those of `re` say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from inferc.dsl.late_pattern import late_pattern

ROOT = Path(__file__).parents[2]


def test_it_finds_what_a_compiled_pattern_finds() -> None:
    late, compiled = late_pattern(r"(\d+)MS", re.IGNORECASE), re.compile(r"(\d+)MS", re.IGNORECASE)
    for _ in range(2):
        assert late.findall("20ms 5MS") == compiled.findall("20ms 5MS") == ["20", "5"]
    assert late.sub("x", "20ms") == "x"
    assert (late.pattern, late.flags, late.groups) == (compiled.pattern, compiled.flags, compiled.groups)


def test_it_searches_bytes_too() -> None:
    found = late_pattern(rb"\s*<[!a-z?]", re.IGNORECASE).match(b" <HTML>")
    assert found is not None
    assert found[0] == b" <H"


def test_nothing_is_compiled_before_it_is_used() -> None:
    late = late_pattern("(")
    with pytest.raises(re.error, match="unterminated subpattern"):
        late.search("(")


def test_all_of_them_can_be_compiled() -> None:
    found = 0
    for folder in ("api", "cli", "compiler", "dsl", "editor", "grammar", "runtime"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text("utf-8")
            if "late_pattern(" not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "late_pattern"):
                    continue
                if isinstance(node.args[0], ast.Constant):
                    re.compile(node.args[0].value)
                    found += 1
    assert found > 40
