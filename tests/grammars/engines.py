"""The four engines that colour `.infer` files, each in the real thing; None where it is not installed."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from inferc.grammar.editors import colours

from ..support.commands import ROOT
from .colouring import Spans

VSCODE = ROOT / "grammar" / "vscode"
TREE_SITTER = ROOT / "grammar" / "tree-sitter"
VIM = ROOT / "grammar" / "vim"


# ---- Pygments


def pygments_spans(text: str) -> Spans:
    """What `pygmentize -l infer` makes of `text`."""
    from inferc.grammar.editors.pygments import KINDS, InferLexer

    roles = {kind: role for role, kind in KINDS.items()}
    position = 0
    for position, kind, piece in InferLexer().get_tokens_unprocessed(text):
        yield position, position + len(piece), roles.get(kind, "name")


# ---- TextMate, by VS Code's own library


def textmate_spans(paths: list[Path]) -> list[list[tuple[int, int, str]]]:
    """The spans of each file."""
    from inferc.grammar.editors.textmate import SCOPES

    done = subprocess.run(
        ["node", str(VSCODE / "test" / "colours.mjs"), *map(str, paths)],
        capture_output=True, check=True, encoding="utf-8", timeout=200,
    )  # fmt: skip
    roles = {scope: role for role, scope in SCOPES.items()}
    found = []
    for path, tokens in zip(paths, json.loads(done.stdout), strict=True):
        lines = path.read_bytes().decode().splitlines(keepends=True)
        starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
        found.append(
            [
                (
                    starts[line] + _from_utf16(lines, line, start),
                    starts[line] + _from_utf16(lines, line, end),
                    role,
                )
                for line, start, end, scope in tokens
                for role in [roles.get(scope, "name")]
            ]
        )
    return found


def _from_utf16(lines: list[str], line: int, units: int) -> int:
    return len(lines[line].encode("utf-16-le")[: units * 2].decode("utf-16-le"))


# ---- Tree-sitter, by its own parser


@cache
def language() -> Any:
    """The grammar, compiled from the C that is kept with it."""
    from tree_sitter import Language

    library = TREE_SITTER / "infer.so"
    source = TREE_SITTER / "src" / "parser.c"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        new = library.with_suffix(f".{os.getpid()}.so")  # another process may be at it, too
        command = ["cc", "-shared", "-fPIC", "-O1", f"-I{source.parent}", str(source), "-o", str(new)]
        subprocess.run(command, check=True, timeout=200)
        new.replace(library)
    make = ctypes.CDLL(str(library)).tree_sitter_infer
    make.restype = ctypes.c_void_p
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype = ctypes.py_object
    capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return Language(capsule(make(), b"tree_sitter.Language", None))


def tree(text: str) -> Any:
    """The root node of `text`."""
    from tree_sitter import Parser

    return Parser(language()).parse(text.encode()).root_node


def captures(text: str) -> Iterator[tuple[Any, str]]:
    """Each captured node of `text` and its capture, outer nodes first."""
    from tree_sitter import Query, QueryCursor

    query = Query(language(), (TREE_SITTER / "queries" / "highlights.scm").read_text("utf-8"))
    found = QueryCursor(query).captures(tree(text))
    flat = [(node, name) for name, nodes in found.items() for node in nodes if not name.startswith("_")]
    yield from sorted(flat, key=lambda one: (one[0].start_byte, -one[0].end_byte))


def tree_sitter_spans(text: str) -> Spans:
    """What the queries say about `text`."""
    from inferc.grammar.editors.queries import STANDARD

    roles = {name: role for role, name in STANDARD.items()}
    roles |= {STANDARD["bracket"]: "punctuation", STANDARD["separator"]: "punctuation"}
    data = text.encode()
    for node, name in captures(text):
        start = len(data[: node.start_byte].decode())
        yield start, start + len(data[node.start_byte : node.end_byte].decode()), roles[name]


# ---- Vim

_DUMP = """\
set nocompatible encoding=utf-8 fileencodings=utf-8 nomore
set runtimepath^={vim}
filetype plugin on
syntax on
let found = []
for file in {files}
  execute 'edit' fnameescape(file)
  syntax sync fromstart
  let marks = []
  for line in range(1, line('$'))
    let text = getline(line)
    let column = 0
    for char in split(text, '\\zs')
      let name = synIDattr(synID(line, column + 1, 1), 'name')
      let item = name =~# '^inferX' ? matchstr(execute('highlight ' . name), 'links to \\zs\\w\\+') : name
      call add(marks, [line, item])
      let column += len(char)
    endfor
  endfor
  call add(found, [&filetype, marks])
endfor
call writefile([json_encode(found)], '{output}')
qall!
"""


def vim_spans(paths: list[Path], folder: Path) -> list[list[tuple[int, int, str]]]:
    """The spans of each file, character by character."""
    from inferc.grammar.editors.vim import group

    script, output = folder / "dump.vim", folder / "colours.json"
    script.write_text(_DUMP.format(vim=VIM, files=json.dumps(list(map(str, paths))), output=output), "utf-8")
    subprocess.run(
        ["vim", "-u", "NONE", "-N", "-i", "NONE", "-n", "-es", "-S", str(script)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120, check=False,
    )  # fmt: skip
    roles = {group(role): role for role in colours.ROLES}
    found = []
    for path, (filetype, marks) in zip(paths, json.loads(output.read_text("utf-8")), strict=True):
        assert filetype == "infer"
        lines = path.read_bytes().decode().splitlines(keepends=True)
        starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
        at: dict[int, int] = {}
        spans = []
        for line, name in marks:
            column = at.get(line, 0)
            at[line] = column + 1
            spans.append((starts[line - 1] + column, starts[line - 1] + column + 1, roles.get(name, "name")))
        found.append(spans)
    return found


def missing(*programs: str) -> str | None:
    """Why an engine cannot run here; None when it can."""
    absent = [program for program in programs if shutil.which(program) is None]
    return f"{', '.join(absent)} not installed" if absent else None
