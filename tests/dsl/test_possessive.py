"""Groups that give nothing back are written so that an older Python understands them, and mean the same."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inferc.dsl import possessive as module
from inferc.dsl.late_pattern import _LatePattern, late_pattern
from inferc.dsl.possessive import as_atomic, possessive

ROOT = Path(__file__).parents[2]
FOLDERS = ("cli", "compiler", "dsl", "editor", "runtime")
A_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{[\d,]+\})\+")


@pytest.fixture
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Python 3.11.4."""
    monkeypatch.setattr(module, "IS_RIGHT", False)


@pytest.mark.parametrize(
    ("written", "atomic"),
    [
        (r"(?:a|b)*+c", r"(?>(?:a|b)*)c"),
        (r"(?:a(?:b)?+)++", r"(?>(?:a(?>(?:b)?))+)"),
        (r"(a){1,3}+", r"(?>(a){1,3})"),
        (r"[)*+]a*+\)*+(a)*\++", r"[)*+]a*+\)*+(a)*\++"),
        (r"[^])*+]|(?:[\])*+])?+", r"[^])*+]|(?>(?:[\])*+])?)"),
    ],
)
def test_groups_alone_become_atomic(written: str, atomic: str) -> None:
    assert as_atomic(written) == atomic


def test_bytes_stay_bytes(as_before: None) -> None:
    assert possessive(b"(?:\xe9)*+") == b"(?>(?:\xe9)*)"


def test_a_pattern_that_is_compiled_late_is_written_so(as_before: None) -> None:
    assert late_pattern(r"(?:ab?)*+").pattern == r"(?>(?:ab?)*)"


def test_no_pattern_of_inferc_is_compiled_with_such_a_group_where_it_goes_wrong() -> None:
    """Modules that write them are imported, their patterns compiled, and samples checked, with a `re` that
    refuses such groups."""
    subprocess.run([sys.executable, "-c", AS_BEFORE, *_modules()], check=True, cwd=ROOT, timeout=200)


AS_BEFORE = f"""
import importlib, json, re, sys
from inferc.dsl import late_pattern, possessive

assert "inferc.dsl.parsing.tokens" not in sys.modules
possessive.IS_RIGHT = False
compile_it = re.compile

def compile(pattern, flags=0):
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    assert not (isinstance(text, str) and compile_it({A_GROUP.pattern!r}).search(text)), pattern
    return compile_it(pattern, flags)

re.compile = compile
for name in sys.argv[1:]:
    for value in vars(importlib.import_module(name)).values():
        if isinstance(value, late_pattern._LatePattern):
            value.pattern

from inferc.cli.main import main
from inferc.runtime.dialects.openai_chat.chunk_shapes import _pattern

chunk = b'{{"id":"1","choices":[],"usage":{{"total_tokens":1,"details":{{"cached":0}}}}}}'
assert b"(?>" in _pattern(chunk, json.loads(chunk)).pattern

for sample in ("support", "retrieval"):
    assert main(["check", f"samples/{{sample}}/{{sample}}.infer"]) == 0
"""


@pytest.mark.skipif(not module.IS_RIGHT, reason="this Python gets them wrong")
def test_all_of_them_mean_the_same_in_both_forms() -> None:
    texts = [file.read_text("utf-8") for file in sorted((ROOT / "samples").rglob("*.infer"))]
    texts += [text[at : at + 400].replace(" ", sign) for text in texts for at, sign in ((0, '"'), (90, "\\"))]
    found = 0
    for name in _modules():
        for value in vars(importlib.import_module(name)).values():
            if not isinstance(value, re.Pattern | _LatePattern) or not isinstance(value.pattern, str):
                continue
            if A_GROUP.search(value.pattern) is None:
                continue
            atomic = re.compile(as_atomic(value.pattern), value.flags)
            for text in texts:
                expected = [each.regs for each in value.finditer(text)]
                assert [each.regs for each in atomic.finditer(text)] == expected, value.pattern
            found += 1
    assert found > 30


def _modules() -> list[str]:
    """Those whose text has such groups."""
    files = (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
    return [
        ".".join(("inferc", *file.relative_to(ROOT).with_suffix("").parts))
        for file in sorted(files)
        if A_GROUP.search(file.read_text("utf-8")) and file.stem != "possessive"
    ]
