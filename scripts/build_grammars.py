"""Write the table of words and every editor grammar.

    python scripts/build_grammars.py [--check]

`--check` writes nothing, and fails when a file is not what the grammar and the classes make it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import typing
import zlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs
from _written import ROOT, only_check, put, status

from inferc.dsl import deployment, policies, runtimes, tasks
from inferc.dsl.kinds import CapacityKind, RuntimeKind, TaskKind
from inferc.grammar.words import WORDS, words_of_the_grammar

GRAMMAR = ROOT / "grammar"
TREE_SITTER = GRAMMAR / "tree-sitter"
STAMP = TREE_SITTER / "src" / "made-from"


def main() -> int:
    check = only_check(__doc__)
    stale = list(put([(WORDS, words())], check))
    stale += put(files(), check)
    if not _parser_is_fresh():
        stale.append("grammar/tree-sitter/src/parser.c")
        if not check:
            _build_parser()
    return status(stale, check, "grammars")


def words() -> str:
    """The table of words: the grammar's own, and those that fields take."""
    fields, values = _enums()
    table = {**words_of_the_grammar(), "enum_fields": sorted(fields), "enum_words": sorted(values)}
    return json.dumps(table, indent=1) + "\n"


def _enums() -> tuple[set[str], set[str]]:
    """Fields whose value is a word of a closed vocabulary, and all those words."""
    fields = {"runtime", "task", "on_capacity_exhausted"}
    values = {str(word) for kind in (RuntimeKind, TaskKind, CapacityKind) for word in kind}
    for module in (deployment, policies, runtimes, tasks):
        for cls in vars(module).values():
            if isinstance(cls, type) and attrs.has(cls) and cls is not runtimes.SecretRef:
                for name, hint in typing.get_type_hints(cls).items():
                    for vocabulary in _vocabularies(hint):
                        fields.add(name)
                        values |= {str(word) for word in vocabulary}
    return fields - {"kind"}, values


def _vocabularies(hint: Any) -> Iterator[type[StrEnum]]:
    """The vocabularies inside a type, such as the one in `tuple[Provider, ...] | None`."""
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        yield hint
    for inner in typing.get_args(hint):
        yield from _vocabularies(inner)


def files() -> Iterator[tuple[Path, str]]:
    """Every generated file and its text; only now, since the editor grammars read the table of words."""
    from inferc.grammar.editors import queries, textmate, tree_sitter, vim

    yield GRAMMAR / "vscode" / "syntaxes" / "infer.tmLanguage.json", textmate.textmate()
    for kind, text in vim.files().items():
        yield GRAMMAR / "vim" / kind / "infer.vim", text
    yield TREE_SITTER / "grammar.js", tree_sitter.grammar_js()
    common = {"injections": queries.injections(), "locals": queries.local_names()}
    neovim = {
        "folds": queries.folds(),
        "highlights": queries.highlights(queries.STANDARD),
        "indents": queries.indents("indent.begin", "indent.branch"),
    }
    zed = {
        "brackets": queries.brackets(),
        "highlights": queries.highlights(queries.STANDARD),
        "indents": queries.indents_between("end"),
        "injections": queries.injections(),
        "outline": queries.outline(),
    }
    helix = {
        "highlights": queries.highlights(queries.HELIX),
        "indents": queries.indents("indent", "outdent"),
    }
    for name, text in (common | neovim).items():
        yield TREE_SITTER / "queries" / f"{name}.scm", text
    for name, text in zed.items():
        yield GRAMMAR / "zed" / "languages" / "infer" / f"{name}.scm", text
    for name, text in (common | helix).items():
        yield TREE_SITTER / "queries" / "helix" / f"{name}.scm", text


# ---- the parser of Tree-sitter, whose C is made by its own command line


def _parser_is_fresh() -> bool:
    return STAMP.exists() and STAMP.read_text("utf-8") == _stamp()


def _stamp() -> str:
    """What tells one `grammar.js` from the next; it stands beside the parser that was made of it."""
    return f"{zlib.crc32((TREE_SITTER / 'grammar.js').read_bytes()):08x}\n"


def _build_parser() -> None:
    """Run the `tree-sitter` command line; SystemExit when it is missing or says no."""
    program = shutil.which("tree-sitter")
    if program is None:
        sys.exit(
            "error: grammar/tree-sitter/src/parser.c is stale; `tree-sitter` 0.22 or newer makes it:\n"
            "       npm install -g tree-sitter-cli, or the package tree-sitter-cli of Debian 13"
        )
    made = subprocess.run([program, "generate", "--abi", "14"], cwd=TREE_SITTER, check=False)
    if made.returncode != 0:
        sys.exit(made.returncode)
    STAMP.write_text(_stamp(), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
