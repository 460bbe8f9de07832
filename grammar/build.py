"""Build the parse tables ahead: `python -m inferc.grammar.build`, or with `--check` only compare."""

from __future__ import annotations

import json
import sys
from typing import Any

from lark import Lark
from lark.parsers.lalr_analysis import Shift

from .files import GRAMMAR, START, TABLES, fingerprint


def build_grammar(text: str) -> Lark:
    """The grammar in `text`, analysed by Lark."""
    return Lark(
        text, parser="lalr", lexer="basic", keep_all_tokens=True, maybe_placeholders=False, start=START
    )


def build_tables(text: str) -> dict[str, Any]:
    """The tables of the grammar in `text`, as `tables.json` holds them.

    A state is two lists: symbols, and for each the next state, or `~n` for reducing by rule n.
    """
    analysed: Any = build_grammar(text)
    table = analysed.parser.parser._parse_table
    states = _in_order(table)
    rules = _reduced(states)
    origins = sorted({rule.origin.name for rule in rules})
    symbols = sorted({symbol for actions in states.values() for symbol in actions})
    order = {state: number for number, state in enumerate(states)}

    def entry(action: Any, target: Any) -> int:
        return order[target] if action is Shift else ~rules.index(target)

    return {
        "grammar": fingerprint(text),
        "origins": origins,
        "symbols": symbols,
        "rules": [
            [origins.index(rule.origin.name), len(rule.expansion), rule.alias or rule.origin.name]
            for rule in rules
        ],
        "states": [
            [
                [symbols.index(symbol) for symbol in sorted(actions)],
                [entry(*actions[symbol]) for symbol in sorted(actions)],
            ]
            for actions in states.values()
        ],
        "start": order[table.start_states[START]],
        "end": order[table.end_states[START]],
    }


def _in_order(table: Any) -> dict[int, Any]:
    """The states as they are met from the start, symbols in order: Lark numbers them anew each time."""
    found = {table.start_states[START]: None}
    queue = list(found)
    for state in queue:
        actions = table.states[state]
        for symbol in sorted(actions):
            action, target = actions[symbol]
            if action is Shift and target not in found:
                found[target] = None
                queue.append(target)
    return {state: table.states[state] for state in found}


def _reduced(states: dict[int, Any]) -> list[Any]:
    """The rules that any state reduces by, in the order of the grammar."""
    rules = {
        target for actions in states.values() for action, target in actions.values() if action is not Shift
    }
    return sorted(rules, key=lambda rule: (rule.origin.name, rule.order))


def main(arguments: list[str]) -> int:
    """Write the tables, or with `--check` exit 1 when they do not belong to the grammar."""
    text = GRAMMAR.read_text("utf-8")
    if "--check" in arguments:
        if TABLES.exists() and json.loads(TABLES.read_text("utf-8"))["grammar"] == fingerprint(text):
            return 0
        print("grammar/tables.json is stale: run `make grammars`", file=sys.stderr)
        return 1
    TABLES.write_text(json.dumps(build_tables(text), separators=(",", ":")) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
