"""Build the parse tables ahead: `python -m inferc.grammar.build`, or with `--check` only compare."""

from __future__ import annotations

import json
import sys

import lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from . import GRAMMAR, TABLES, build_grammar, digest


def build_tables() -> str:
    """The contents of `tables.json` for the grammar as it is now."""
    text = GRAMMAR.read_text("utf-8")
    data, memo = build_grammar(text).memo_serialize([TerminalDef, Rule])
    tables = {"grammar": digest(text), "lark": lark.__version__, "data": data, "memo": memo}
    return json.dumps(tables, separators=(",", ":")) + "\n"


def is_fresh() -> bool:
    """Whether the tables that are there belong to the grammar."""
    try:
        tables = json.loads(TABLES.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return bool(tables["grammar"] == digest(GRAMMAR.read_text("utf-8")))


def main(arguments: list[str]) -> int:
    """Write the tables, or with `--check` exit 1 when they are stale."""
    if "--check" in arguments:
        fresh = is_fresh()
        if not fresh:
            print("grammar/tables.json is stale: run `make grammar`", file=sys.stderr)
        return 0 if fresh else 1
    TABLES.write_text(build_tables(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
